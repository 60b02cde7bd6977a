package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/limits"
)

// limitResult is what limit prints with --json.
type limitResult struct {
	Schema   string   `json:"schema"`
	Command  string   `json:"command"`
	NNGP     string   `json:"nngp"`
	NTK      string   `json:"ntk"`
	Shape    []int    `json:"shape"`
	Error    float64  `json:"dual_error"`
	Warnings []string `json:"warnings"`
	Seconds  float64  `json:"seconds"`
}

// computeLimit writes both matrices, and the manifest before and after.
func (a *app) computeLimit(ctx context.Context, l *limitFlags, set *data.Set, source diagnose.Source, derived *limits.Limit, budget machine.Budget) error {
	start := time.Now()
	s := &study{
		flags: &studyFlags{network: l.network, data: l.data, compute: computeFlags{dtype: "float64"}},
		set:   set, source: source, backend: &native.Backend{Kind: native.Go}, // no backend is opened
	}
	config := s.config()
	m := &manifest{
		Schema: "ntk/manifest/1", Command: a.command(), Config: config, Data: describeData(set),
		Backend: backendInfo{Kind: native.Go}, BLAS: "none", Version: thisVersion(), Machine: machine.Describe(),
		Created: start.UTC().Truncate(time.Second), Incomplete: "not finished",
	}
	h := sha256.New()
	if err := derived.Fingerprint(h); err != nil {
		return err
	}
	what := tiles.Manifest(maps.Clone(config))
	what["data sha256"], what["weights and program sha256"] = set.Hash(), hex.EncodeToString(h.Sum(nil))
	what["version"] = thisVersion().String()
	paths := map[limits.Kernel]string{}
	for _, k := range []limits.Kernel{limits.NNGP, limits.NTK} {
		name := string(k) + ".npy"
		paths[k] = filepath.Join(l.out, name)
		m.Files = append(m.Files, name, name+".journal")
	}
	x, err := diagnose.Examples(set, dtypes.Float64)
	if err != nil {
		return err
	}
	bar := a.newProgress()
	g, err := derived.Gram(ctx, x, nil, limits.GramOptions{
		Memory: budget.Bytes, Block: l.block,
		Writer: func(k limits.Kernel, spec tiles.Spec) (tiles.Writer, error) {
			w, err := a.openLimit(ctx, l, paths[k], spec, what)
			if err != nil {
				return nil, err
			}
			if err := m.write(l.out); err != nil {
				_ = w.Close()
				return nil, err
			}
			a.resume = "finished tiles are kept; to go on: " + a.resumeCommand(l.resume)
			return w, nil
		},
		Progress: func(done, total int) {
			bar.update(float64(done)/float64(max(1, total)), fmt.Sprintf("pair %d of %d", done, total))
		},
	})
	bar.done()
	if err != nil {
		return err
	}
	m.Incomplete, m.Seconds = "", time.Since(start).Seconds()
	if err := m.write(l.out); err != nil {
		return err
	}
	if e := g.DualError; e > 0 {
		a.notice(fmt.Sprintf("expectations without a closed form converged to %.2g only", e))
		a.flushNotices()
	}
	return a.printLimit(limitResult{
		"ntk/limit/1", a.command(), paths[limits.NNGP], paths[limits.NTK], []int{g.N1, g.N2}, g.DualError, derived.Warnings, m.Seconds,
	}, fmt.Sprintf("infinite-width limit of %s on %s", source.Name, set.Describe()))
}

// openLimit makes the file of one kernel, or opens it to go on.
func (a *app) openLimit(ctx context.Context, l *limitFlags, path string, spec tiles.Spec, what tiles.Manifest) (*tiles.File, error) {
	if !l.resume {
		return tiles.CreateNPY(path, spec, what)
	}
	if l.block == 0 {
		spec.Block1, spec.Block2 = 0, 0 // those of the file
	}
	w, err := tiles.OpenNPYContext(ctx, path, spec, what)
	if err != nil {
		return nil, err
	}
	a.say("%s", w.Resume())
	return w, nil
}

func (a *app) printLimit(r limitResult, caption string) error {
	if a.json {
		return a.printJSON(r)
	}
	return a.printTables([]report.Table{{
		Caption: caption,
		Columns: []report.Column{{Name: "what"}, {Name: "value"}},
		Rows: [][]string{
			{"K (NNGP)", r.NNGP},
			{"Θ (NTK)", r.NTK},
			{"shape", fmt.Sprint(r.Shape)},
			{"time", fmt.Sprintf("%.3g s", r.Seconds)},
		},
	}})
}
