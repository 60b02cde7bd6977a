package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/internal/durable"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/limits"
)

// comparisonFiles writes what compare leaves in --out.
type comparisonFiles struct {
	app   *app
	study *study
	flags *compareFlags
	name  string // of the network
	files []string
}

// inputShape is that of one example.
func (s *study) inputShape() shapes.Shape { return shapes.Make(s.dtype, s.set.Shape[1:]...) }

func (w *comparisonFiles) report() string { return filepath.Join(w.flags.out, "report.html") }

// draws is the folder of the draws, "" without --out.
func (w *comparisonFiles) draws() string {
	if w.flags.out == "" {
		return ""
	}
	return filepath.Join(w.flags.out, "draws")
}

// open makes --out ready. Draws of another run are refused by their own
// manifests, unless --force removes them.
func (w *comparisonFiles) open() error {
	a, m := w.app, w.flags
	if m.out == "" {
		return nil
	}
	a.resume = "finished draws are kept; to go on: " + a.resumeCommand(m.resume)
	if m.resume {
		_, err := os.Stat(w.draws())
		if errors.Is(err, fs.ErrNotExist) {
			a.notice(fmt.Sprintf("nothing to go on with in %s: starting from the beginning", m.out))
			err = newFolder(m.out, false)
		}
		if err != nil {
			return err
		}
		return nil
	}
	if err := newFolder(m.out, m.force); err != nil {
		return err
	}
	return removeDraws(w.draws())
}

// removeDraws removes what compare keeps in a folder of draws, and no other files.
func removeDraws(dir string) error {
	for _, pattern := range []string{"width-*/draws-*/block-*.draws", "width-*/draws-*/manifest.json", "width-*/draws-*/" + durable.Partial + "*", "width-*/draws-*", "width-*", "."} {
		found, err := filepath.Glob(filepath.Join(globEscape(dir), pattern))
		if err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		for _, f := range found {
			if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("--force replaces what ntk wrote and no other files: %w", err)
			}
		}
	}
	return nil
}

// stack puts the matrices of all widths into one array [N, N, widths].
func stack(a *limits.Agreement, of func(w *limits.WidthAgreement) []float64) []float64 {
	var out []float64
	for e := range of(&a.Widths[0]) {
		for i := range a.Widths {
			out = append(out, of(&a.Widths[i])[e])
		}
	}
	return out
}

// arrays writes the kernels.
func (w *comparisonFiles) arrays(c *limits.Comparison) error {
	write := func(name string, tail []int, values []float64) error {
		w.files = append(w.files, name)
		path := filepath.Join(w.flags.out, name)
		if err := tiles.Remove(path); err != nil { // of a run that goes on, or was killed here
			return err
		}
		return writeArray(path, c.N, tail, values)
	}
	for prefix, a := range map[string]*limits.Agreement{"theta": c.NTK, "nngp": c.NNGP} {
		tail := []int{len(a.Widths)}
		err := write(prefix+"-mean.npy", tail, stack(a, func(w *limits.WidthAgreement) []float64 { return w.Mean }))
		if err == nil {
			err = write(prefix+"-error.npy", tail, stack(a, func(w *limits.WidthAgreement) []float64 { return w.StdErr }))
		}
		if err == nil && c.Refusal == nil {
			err = write(prefix+"-limit.npy", tail, stack(a, func(w *limits.WidthAgreement) []float64 { return w.Limit }))
		}
		if err == nil && a.Fit != nil {
			err = write(prefix+"-extrapolated.npy", nil, a.Fit.Limit)
		}
		if err == nil && a.Fit != nil {
			err = write(prefix+"-extrapolated-error.npy", nil, a.Fit.LimitError)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// write writes the arrays, the report and the manifest.
func (w *comparisonFiles) write(c *limits.Comparison, took time.Duration) error {
	if w.flags.out == "" {
		return nil
	}
	a, s := w.app, w.study
	if err := w.arrays(c); err != nil {
		return err
	}
	config := s.config()
	config["widths"], config["seeds"] = list(c.Widths), strconv.Itoa(c.Seeds)
	m := a.manifest(s, config, []uint64{w.flags.study.seed})
	doc := &report.Report{
		Title:    "The width of " + w.name,
		Subtitle: fmt.Sprintf("Networks of %d widths and their infinite-width limit, on %d examples", len(c.Widths), c.N),
		Command:  a.command(), Generated: time.Now(), Sections: c.Sections(),
		Facts: []report.Fact{
			{Name: "network", Value: w.name},
			{Name: "data", Value: s.set.Describe()},
			{Name: "data sha256", Value: s.set.Hash()},
			{Name: "data licence", Value: s.set.License},
			{Name: "outputs", Value: fmt.Sprintf("%d, kernels are averaged over them", c.O)},
			{Name: "seeds", Value: fmt.Sprintf("%d of each width, from %d + n·2³² on", c.Seeds, w.flags.study.seed)},
			{Name: "dtype", Value: s.dtype.String()},
			{Name: "time", Value: took.Round(time.Millisecond).String()},
			{Name: "backend", Value: backendText(s)},
			{Name: "contraction", Value: s.blas.Name()},
			{Name: "versions", Value: thisVersion().String()},
			{Name: "machine", Value: machine.Describe().String()},
		},
	}
	if err := writeReport(w.report(), doc); err != nil {
		return err
	}
	w.files = append(w.files, filepath.Base(w.report()), manifestName)
	slices.Sort(w.files)
	m.Files = w.files
	if err := m.finish(w.flags.out, took); err != nil {
		return err
	}
	return m.write(w.flags.out)
}
