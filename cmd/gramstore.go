package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/tiles"
)

// A gramStore is where gram keeps Θ: the array with its journal, and the
// manifest.
type gramStore struct {
	g        *gramFlags
	shard    shard
	path     string // of the array, once it is finished
	manifest *manifest
	what     tiles.Manifest // what must agree for a run to be resumed
	plan     *empirical.Plan
	begin    bool // --resume found nothing
}

func (g *gramFlags) arrayPath(s shard) string {
	return filepath.Join(g.out, s.name("theta", ".npy"))
}

// ready makes the folder of --out ready. It returns whether the work begins,
// rather than goes on.
func (a *app) ready(g *gramFlags, s shard) (begin bool, err error) {
	path := g.arrayPath(s)
	switch {
	case g.resume:
		begin, err = nothingThere(g.out, path)
		if begin {
			a.notice(fmt.Sprintf("nothing to go on with in %s: starting from the beginning", g.out))
		}
		return begin, err
	case s.count > 0:
		return true, newShardFolder(g.out, path, s, g.force)
	}
	return true, newFolder(g.out, g.force)
}

// newShardFolder makes the folder ready in which other shards have files too.
func newShardFolder(folder, path string, s shard, force bool) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("--out %s: %w", folder, err)
	}
	for _, p := range []string{path, path + ".partial", path + ".journal", path + ".journal.new", filepath.Join(folder, s.name("manifest", ".json"))} {
		_, err := os.Lstat(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && !force {
			return fmt.Errorf("--out %s has %s of an earlier run of shard %s; --resume goes on with it, --force replaces it", folder, filepath.Base(p), s)
		}
		if err == nil {
			err = os.Remove(p)
		}
		if err != nil {
			return fmt.Errorf("--out %s: %w", folder, err)
		}
	}
	return nil
}

// newStore describes the store; nothing is made yet.
func (a *app) newStore(g *gramFlags, sh shard, s *study, f *empirical.Network, plan *empirical.Plan, begin bool) (*gramStore, error) {
	program, weights, err := fingerprint(f)
	if err != nil {
		return nil, err
	}
	config := s.config()
	config["outputs"] = g.outputs
	g.pairs.config(config)
	g.terms.config(config)
	if len(g.heads) > 0 {
		config["heads"] = strings.Join(g.heads, " ")
	}
	if !g.study.trained() {
		config["seed"] = strconv.FormatUint(g.study.seed, 10)
	}
	if g.way != "auto" {
		config["way"] = g.way
	}
	what := tiles.Manifest(maps.Clone(config))
	what["data sha256"], what["program sha256"], what["weights sha256"] = s.set.Hash(), program, weights
	what["version"], what["blas"] = thisVersion().String(), s.blas.Name()
	if s.backend.API != "" {
		what["pjrt_api"] = s.backend.API
	}
	m := a.manifest(s, config, g.study.seeds())
	m.Hashes["program"], m.Hashes["weights"] = program, weights
	if g.pairs.second != nil {
		second := describeData(g.pairs.second)
		m.Pairs = &second
	}
	path := g.arrayPath(sh)
	m.Shard, m.Files, m.Incomplete = sh.String(), []string{filepath.Base(path), filepath.Base(path) + ".journal"}, "not finished"
	m.nameTerms(plan.Terms())
	m.Heads = severalHeads(plan)
	return &gramStore{g: g, shard: sh, path: path, manifest: m, what: what, plan: plan, begin: begin}, nil
}

// write writes the manifest.
func (w *gramStore) write() error {
	return w.manifest.writeAs(filepath.Join(w.g.out, w.shard.name("manifest", ".json")))
}

// openStore makes the array, or opens it to go on, and writes the manifest.
func (a *app) openStore(ctx context.Context, w *gramStore, spec tiles.Spec) (tiles.Writer, error) {
	var err error
	if spec.Part, err = w.shard.part(spec, w.plan); err != nil {
		return nil, err
	}
	spec.Packed = w.g.packed
	f, err := a.openArray(ctx, w, spec)
	if err != nil {
		return nil, err
	}
	if err := w.write(); err != nil {
		_ = f.Close()
		return nil, err
	}
	a.resume = "finished tiles are kept; to go on: " + a.resumeCommand(w.g.resume)
	return f, nil
}

func (a *app) openArray(ctx context.Context, w *gramStore, spec tiles.Spec) (*tiles.File, error) {
	if w.begin {
		return tiles.CreateNPY(w.path, spec, w.what)
	}
	fits := spec.Block1
	if w.g.block == 0 && w.shard.count == 0 {
		spec.Block1, spec.Block2 = 0, 0 // those of the file
	}
	f, err := tiles.OpenNPYContext(ctx, w.path, spec, w.what)
	if err != nil {
		return nil, err
	}
	if b := f.Spec().Block1; b > fits {
		_ = f.Close()
		return nil, fmt.Errorf("%s is cut into tiles of %d examples, and the memory budget holds %d; raise --memory", w.path, b, fits)
	}
	a.say("%s", f.Resume())
	return f, nil
}
