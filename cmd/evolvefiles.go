package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/models/weights"
	"github.com/gontk/ntk/train"
)

// weightsName is the file of trained weights.
const weightsName = "weights.npz"

// evolutionFiles is what evolve leaves in --out.
type evolutionFiles struct {
	app      *app
	flags    *evolveFlags
	study    *study
	network  *empirical.Network
	names    []string // of the network's variables, by scope and name
	manifest *manifest
}

// newEvolution makes the folder of --out ready, and says in cfg what goes there.
func (a *app) newEvolution(v *evolveFlags, s *study, f *empirical.Network, cfg *train.Config) (*evolutionFiles, error) {
	w := &evolutionFiles{app: a, flags: v, study: s, network: f}
	for x := range f.Context().IterVariables() {
		w.names = append(w.names, x.ScopeAndName())
	}
	program, hash, err := fingerprint(f)
	if err != nil {
		return nil, err
	}
	config := s.config()
	maps.Copy(config, v.settings(cfg))
	if !v.study.trained() {
		config["seed"] = strconv.FormatUint(v.study.seed, 10)
	}
	what := tiles.Manifest(maps.Clone(config))
	what["data sha256"], what["program sha256"], what["weights sha256"] = s.set.Hash(), program, hash
	what["version"], what["blas"] = thisVersion().String(), s.blas.Name()
	if s.backend.API != "" {
		what["pjrt_api"] = s.backend.API
	}
	w.manifest = a.manifest(s, config, v.study.seeds())
	w.manifest.Hashes["program"], w.manifest.Hashes["weights"] = program, hash
	if v.out == "" {
		return w, nil
	}
	begin, err := w.ready()
	if err != nil {
		return nil, err
	}
	if v.resume && begin {
		a.notice(fmt.Sprintf("nothing to go on with in %s: starting from the beginning", v.out))
	}
	w.manifest.Incomplete = "not finished"
	if err := w.manifest.write(v.out); err != nil {
		return nil, err
	}
	cfg.Folder, cfg.Resume, cfg.What = v.out, v.resume, what
	cfg.Theta, cfg.Kernel = w.theta, w.kernel
	a.resume = "finished steps are kept; to go on: " + a.resumeCommand(v.resume)
	return w, nil
}

// settings are what must agree for a run to be resumed, beside the study's.
func (v *evolveFlags) settings(cfg *train.Config) map[string]string {
	c := map[string]string{
		"optimizer": cfg.Optimizer.String(), "loss": cfg.Loss.String(), "targets": v.targets,
		"test_examples": strconv.Itoa(v.test), "steps": strconv.Itoa(cfg.Steps), "batch": strconv.Itoa(v.batch),
		"at": list(cfg.At), "order_seed": strconv.FormatUint(v.order, 10),
		"probe": strconv.Itoa(cfg.Probe), "outputs": cfg.Outputs.String(),
		"linearized": strconv.FormatBool(cfg.Linearize), "prediction": strconv.FormatBool(cfg.Predict),
	}
	maps.DeleteFunc(c, func(_, x string) bool { return x == "" || x == "0" })
	return c
}

// ready makes the folder ready. It returns whether the work begins, rather than
// goes on.
func (w *evolutionFiles) ready() (begin bool, err error) {
	v := w.flags
	if !v.resume {
		return true, newFolder(v.out, v.force)
	}
	if err := os.MkdirAll(v.out, 0o755); err != nil {
		return false, fmt.Errorf("--out %s: %w", v.out, err)
	}
	entries, err := os.ReadDir(v.out)
	if err != nil {
		return false, fmt.Errorf("--out %s: %w", v.out, err)
	}
	begin = true
	for _, e := range entries {
		begin = begin && !slices.Contains(train.Files, e.Name())
	}
	if begin && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !isOurs(e.Name()) }) {
		return true, newFolder(v.out, false) // refuses
	}
	return begin, nil
}

func (w *evolutionFiles) arrayPath(step int) string {
	return filepath.Join(w.flags.out, fmt.Sprintf("theta-%d.npy", step))
}

// theta writes Θ of the probe after so many steps, in place of what a run that was
// killed left.
func (w *evolutionFiles) theta(step int, g *empirical.Gram) error {
	path := w.arrayPath(step)
	for _, p := range []string{path, path + ".partial", path + ".journal", path + ".journal.new"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	var tail []int
	if g.Outputs == empirical.Full {
		tail = []int{g.O, g.O}
	}
	return writeArray(path, g.N1, tail, g.Values)
}

// kernel reads what theta wrote.
func (w *evolutionFiles) kernel(step int) ([]float64, error) {
	path := w.arrayPath(step)
	_, _, flat, err := tiles.ReadNPY(path)
	if err != nil {
		return nil, fmt.Errorf("the checkpoint needs Θ of step %d to go on: %w", step, err)
	}
	theta, ok := flat.([]float64)
	if !ok {
		return nil, fmt.Errorf("%s is not of float64", path)
	}
	return theta, nil
}

// write writes the weights, the report and the manifest.
func (w *evolutionFiles) write(r *train.Result, incomplete string) error {
	a, s, out := w.app, w.study, w.flags.out
	m := w.manifest
	m.Files = nil
	for _, p := range r.Points {
		m.Files = append(m.Files, filepath.Base(w.arrayPath(p.Step)))
	}
	if err := w.saveWeights(); err != nil {
		return err
	}
	doc := r.Report(train.About{
		Model: s.source.Name, Data: s.set.Describe(), Command: a.command(), Incomplete: incomplete, Generated: time.Now(),
		Facts: s.facts(),
	})
	if err := writeReport(w.report(), doc); err != nil {
		return err
	}
	for _, name := range append(train.Files, weightsName, "report.html") {
		if _, err := os.Stat(filepath.Join(out, name)); err == nil {
			m.Files = append(m.Files, name)
		}
	}
	m.Files = append(m.Files, manifestName)
	m.Seconds, m.Incomplete = r.Elapsed.Seconds(), incomplete
	if err := m.sumFiles(out); err != nil {
		return err
	}
	return m.write(out)
}

func (w *evolutionFiles) report() string { return filepath.Join(w.flags.out, "report.html") }

// saveWeights writes the network's variables, as --weights reads them: not the
// optimizer's.
func (w *evolutionFiles) saveWeights() error {
	ctx := mlctx.New()
	for _, name := range w.names {
		i := strings.LastIndex(name, mlctx.ScopeSeparator)
		scope := name[:i]
		if scope == "" {
			scope = mlctx.RootScope
		}
		v := w.network.Context().GetVariableByScopeAndName(scope, name[i+1:])
		if v == nil {
			return fmt.Errorf("variable %s is gone from the network's context", name)
		}
		if _, err := v.CloneToContext(ctx); err != nil {
			return fmt.Errorf("variable %s: %w", name, err)
		}
	}
	return weights.Save(filepath.Join(w.flags.out, weightsName), ctx)
}
