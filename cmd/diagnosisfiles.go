package cmd

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/tiles"
)

// diagnosisFiles writes what diagnose leaves in --out.
type diagnosisFiles struct {
	app    *app
	study  *study
	folder string
	files  []string
	seeds  map[uint64]bool
}

func (w *diagnosisFiles) report() string { return filepath.Join(w.folder, "report.html") }

// fits compares the size of all matrices with the space on the disk, before any
// is computed.
func (w *diagnosisFiles) fits(rows, depths, seeds int) error {
	return tiles.CheckSpace(w.folder, float64(depths)*float64(seeds)*8*float64(rows)*float64(rows))
}

// theta writes one Gram matrix as soon as it is there.
func (w *diagnosisFiles) theta(depth int, seed uint64, g *empirical.Gram) error {
	name := fmt.Sprintf("theta-depth%d-seed%d.npy", depth, seed)
	if depth == 0 {
		name = fmt.Sprintf("theta-seed%d.npy", seed)
	}
	var tail []int
	if g.Outputs == empirical.Full {
		tail = []int{g.O, g.O}
	}
	if err := writeArray(filepath.Join(w.folder, name), g.N1, tail, g.Values); err != nil {
		return err
	}
	if w.seeds == nil {
		w.seeds = map[uint64]bool{}
	}
	w.seeds[seed] = true
	w.files = append(w.files, name)
	return nil
}

// write writes the report and the manifest. incomplete says why networks are
// missing; empty means none are.
func (w *diagnosisFiles) write(r *diagnose.Result, incomplete string) error {
	a, s := w.app, w.study
	var seeds []uint64
	for seed := range w.seeds {
		seeds = append(seeds, seed)
	}
	if s.flags.trained() {
		seeds = s.flags.seeds()
	}
	config := s.config()
	config["outputs"] = r.Reduction
	m := a.manifest(s, config, sorted(seeds))
	w.files = append(w.files, "report.html", manifestName)
	m.Files = w.files
	m.Seconds = r.Elapsed.Seconds()
	m.Incomplete = incomplete
	doc := r.Report(diagnose.About{
		Command: a.command(), Labels: s.set.Y, ClassNames: s.set.ClassNames, Incomplete: incomplete,
		Generated: time.Now(),
		Facts:     s.facts(),
	})
	if err := writeReport(w.report(), doc); err != nil {
		return err
	}
	if err := m.sumFiles(w.folder); err != nil {
		return err
	}
	return m.write(w.folder)
}
