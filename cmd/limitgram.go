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
	Engine   string   `json:"engine"`
	Warnings []string `json:"warnings"`
	Seconds  float64  `json:"seconds"`
}

// A limitStore is where limit keeps K and Θ: two arrays with their journals, and
// the manifest.
type limitStore struct {
	l        *limitFlags
	manifest *manifest
	what     tiles.Manifest // what must agree for a run to be resumed
	begin    bool           // --resume found nothing
	block    int            // of K's tiles: Θ has the same
}

func (l *limitFlags) arrayPath(k limits.Kernel) string {
	return filepath.Join(l.out, string(k)+".npy")
}

// newLimitStore makes the folder of --out ready and describes the store.
func (a *app) newLimitStore(l *limitFlags, set *data.Set, source diagnose.Source, derived *limits.Limit) (*limitStore, error) {
	w := &limitStore{l: l, begin: true}
	k, theta := l.arrayPath(limits.NNGP), l.arrayPath(limits.NTK)
	var err error
	if l.resume {
		w.begin, err = nothingThere(l.out, k, theta)
	} else {
		err = newFolder(l.out, l.force)
	}
	if err != nil {
		return nil, err
	}
	if l.resume && w.begin {
		a.notice(fmt.Sprintf("nothing to go on with in %s: starting from the beginning", l.out))
		a.flushNotices()
	}
	// No backend is opened: Go computes.
	s := &study{
		flags: &studyFlags{network: l.network, data: l.data, compute: computeFlags{dtype: l.compute.dtype}},
		set:   set, source: source, backend: &native.Backend{Kind: native.Go},
	}
	config := s.config()
	program, weights := sha256.New(), sha256.New()
	if err := derived.Fingerprint(program, weights); err != nil {
		return nil, err
	}
	w.manifest = a.manifest(s, config, nil)
	w.manifest.Hashes["program"], w.manifest.Hashes["weights"] = hex.EncodeToString(program.Sum(nil)), hex.EncodeToString(weights.Sum(nil))
	w.manifest.Incomplete = "not finished"
	for _, p := range []string{k, theta} {
		w.manifest.Files = append(w.manifest.Files, filepath.Base(p), filepath.Base(p)+".journal")
	}
	w.what = tiles.Manifest(maps.Clone(config))
	w.what["data sha256"], w.what["version"] = set.Hash(), thisVersion().String()
	w.what["program sha256"], w.what["weights sha256"] = w.manifest.Hashes["program"], w.manifest.Hashes["weights"]
	return w, nil
}

// openLimit makes the array of one kernel, or opens it to go on, and writes the
// manifest.
func (a *app) openLimit(ctx context.Context, w *limitStore, k limits.Kernel, spec tiles.Spec) (tiles.Writer, error) {
	f, err := a.openKernel(ctx, w, k, spec)
	if err != nil {
		return nil, err
	}
	w.block = f.Spec().Block1
	if err := w.manifest.write(w.l.out); err != nil {
		_ = f.Close()
		return nil, err
	}
	a.resume = "finished tiles are kept; to go on: " + a.resumeCommand(w.l.resume)
	return f, nil
}

// openKernel opens K first: a kill may have left it without Θ, but not the other
// way round.
func (a *app) openKernel(ctx context.Context, w *limitStore, k limits.Kernel, spec tiles.Spec) (f *tiles.File, err error) {
	path := w.l.arrayPath(k)
	switch {
	case w.begin:
		return tiles.CreateNPY(path, spec, w.what)
	case k == limits.NNGP:
		if w.l.block == 0 {
			spec.Block1, spec.Block2 = 0, 0 // those of the file
		}
		f, err = tiles.OpenNPYContext(ctx, path, spec, w.what)
	default:
		spec.Block1, spec.Block2 = w.block, w.block
		f, err = tiles.ResumeNPY(ctx, path, spec, w.what)
	}
	if err != nil {
		return nil, err
	}
	a.say("%s: %s", filepath.Base(path), f.Resume())
	return f, nil
}

// computeLimit writes both matrices, and the manifest before and after.
func (a *app) computeLimit(ctx context.Context, l *limitFlags, set *data.Set, source diagnose.Source, derived *limits.Limit, budget machine.Budget) error {
	start := time.Now()
	x, err := diagnose.Examples(set, dtypes.Float64)
	if err != nil {
		return err
	}
	w, err := a.newLimitStore(l, set, source, derived)
	if err != nil {
		return err
	}
	bar := a.newProgress()
	g, err := derived.Gram(ctx, x, nil, limits.GramOptions{
		Memory: budget.Bytes, Block: l.block, DType: l.compute.arithmetic(),
		Writer: func(k limits.Kernel, spec tiles.Spec) (tiles.Writer, error) { return a.openLimit(ctx, w, k, spec) },
		Progress: func(done, total int) {
			bar.update(float64(done)/float64(max(1, total)), fmt.Sprintf("pair %d of %d", done, total))
		},
	})
	bar.done()
	if err != nil {
		return err
	}
	took := time.Since(start)
	if err := w.manifest.finish(l.out, took); err != nil {
		return err
	}
	if err := w.manifest.write(l.out); err != nil {
		return err
	}
	if e := g.DualError; e > 0 {
		a.notice(fmt.Sprintf("expectations without a closed form converged to %.2g only", e))
		a.flushNotices()
	}
	return a.printLimit(limitResult{
		"ntk/limit/1", a.command(), l.arrayPath(limits.NNGP), l.arrayPath(limits.NTK), []int{g.N1, g.N2}, g.DualError, g.Engine, derived.Warnings, took.Seconds(),
	}, fmt.Sprintf("infinite-width limit of %s on %s", source.Name, set.Describe()))
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
			{"computed", r.Engine},
			{"time", fmt.Sprintf("%.3g s", r.Seconds)},
		},
	}})
}
