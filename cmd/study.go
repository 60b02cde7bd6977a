package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/spf13/cobra"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
)

// studyFlags are what every verb has that computes a kernel.
type studyFlags struct {
	network networkFlags
	choice  choiceFlags
	data    dataFlags
	compute computeFlags
	weights weightFlags
	seed    uint64
}

func (s *studyFlags) register(c *cobra.Command) {
	s.network.register(c)
	s.choice.register(c)
	s.data.register(c)
	s.compute.register(c)
	s.weights.register(c)
	c.Flags().Uint64Var(&s.seed, "seed", 1, "seed of the weights (the first, where there are several)")
}

func (s *studyFlags) check(c *cobra.Command) error {
	if err := s.network.check(c); err != nil {
		return err
	}
	if err := s.choice.check(); err != nil {
		return err
	}
	if err := s.data.check(); err != nil {
		return err
	}
	if err := s.checkWeights(c); err != nil {
		return err
	}
	return s.compute.check()
}

// A study is a network and data with what computes on them.
type study struct {
	flags   *studyFlags
	set     *data.Set
	source  diagnose.Source
	backend *native.Backend
	blas    *native.BLAS
	dtype   dtypes.DType
	budget  machine.Budget
	context *mlctx.Context // of weights that are used as they are; nil where seeds draw them
}

// open loads the data, finds the network, and only then opens libraries: the
// user's mistakes are found first.
func (a *app) open(ctx context.Context, flags *studyFlags) (*study, error) {
	budget, err := flags.compute.budget()
	if err != nil {
		return nil, err
	}
	if flags.network.model != "" && !isSpecPath(flags.network.model) && !a.isOwn(flags.network.model) {
		if _, err := a.lookup(flags.network.model); err != nil { // before loading much data
			return nil, err
		}
	}
	set, err := a.load(ctx, &flags.data, flags.data.data, budget)
	if err != nil {
		return nil, err
	}
	return a.openOn(flags, set, budget)
}

// openOn finds the network for data that are there.
func (a *app) openOn(flags *studyFlags, set *data.Set, budget machine.Budget) (*study, error) {
	s := &study{flags: flags, dtype: flags.compute.arithmetic(), set: set, budget: budget}
	var err error
	if s.source, s.set, err = a.networkOn(&flags.network, &flags.data, s.set); err != nil {
		return nil, err
	}
	if flags.choice.training {
		build := s.source.Build
		s.source.Build = func(depth int, input []int, outputs int) (graph.Model, error) {
			m, err := build(depth, input, outputs)
			if err != nil {
				return nil, err
			}
			return graph.InTraining(m), nil
		}
	}
	a.tellWeights(flags)
	if s.backend, err = a.openBackend(&flags.compute); err != nil {
		return nil, err
	}
	if n, ok := s.backend.DeviceMemory(); ok && flags.compute.memory == "" && n/2 < s.budget.Bytes {
		s.budget = machine.Budget{Bytes: n / 2, Source: fmt.Sprintf("half of %s, the GPU's memory", machine.FormatBytes(n))}
	}
	if s.blas, err = a.openBLAS(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (a *app) isOwn(model string) bool {
	for _, m := range a.models {
		if m.Name == model {
			return true
		}
	}
	return false
}

func (s *study) close() {
	if s.backend != nil {
		s.backend.Close()
	}
}

// load opens a data set whose values fit the budget.
func (a *app) load(ctx context.Context, d *dataFlags, name string, budget machine.Budget) (*data.Set, error) {
	opts, err := a.dataOptions(d, budget)
	if err != nil {
		return nil, err
	}
	set, err := data.Open(ctx, name, opts)
	if err != nil {
		return nil, orTooLarge(err, budget)
	}
	if only := classesIn(set); set.Classes > 1 && only == 1 && set.Len() > 1 {
		a.notice(fmt.Sprintf("all %d examples are of one class; --shuffle 1 takes them in a random order", set.Len()))
	}
	return set, nil
}

// dataOptions says how the flags choose examples.
func (a *app) dataOptions(d *dataFlags, budget machine.Budget) (data.Options, error) {
	n, err := d.count()
	if err != nil {
		return data.Options{}, err
	}
	cache, err := a.dataDir()
	return data.Options{
		Examples: n, Seed: d.shuffle, Layout: d.layout, Standardize: d.standardize, Labels: d.labels,
		CacheDir: cache, MaxBytes: budget.Bytes,
	}, err
}

// orTooLarge says of a data set that is too large what budget it exceeds.
func orTooLarge(err error, budget machine.Budget) error {
	over := (*data.LimitError)(nil)
	if !errors.As(err, &over) {
		return err
	}
	const remedy = "ask for fewer --examples"
	if over.Need != 0 {
		return budget.Exceeded(over.What, over.Need, remedy)
	}
	return fmt.Errorf("%w: %s needs more than the budget of %s (%s); raise --memory or %s",
		machine.ErrBudget, over.What, machine.FormatBytes(budget.Bytes), budget.Source, remedy)
}

// classesIn counts the classes that occur.
func classesIn(s *data.Set) int {
	seen := map[float64]bool{}
	for _, y := range s.Y {
		seen[y] = true
	}
	return len(seen)
}

// dataDir is where fetched data sets are.
func (a *app) dataDir() (string, error) {
	cache, err := native.CacheDir(a.cache)
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "data"), nil
}

func (a *app) openBackend(m *computeFlags) (*native.Backend, error) {
	return native.Open(native.Options{Backend: m.backend, Plugin: m.plugin, CacheDir: a.cache, Warn: a.notice})
}

// openBLAS opens OpenBLAS, or gonum with a notice.
func (a *app) openBLAS() (*native.BLAS, error) {
	found, err := native.FindOpenBLAS(native.SearchOptions{CacheDir: a.cache})
	var blas *native.BLAS
	switch {
	case errors.Is(err, native.ErrNotFound):
		a.notice(fmt.Sprintf("dense algebra in pure Go, several times slower: %v", err))
		blas = native.Gonum()
	case err != nil:
		return nil, err
	default:
		if blas, err = native.OpenBLAS(found.Path); err != nil {
			return nil, err
		}
	}
	threads, _ := machine.Threads()
	blas.SetThreads(threads)
	return blas, nil
}

// network builds the network of one depth, with weights from seed 0 or those that
// are given.
func (s *study) network(depth int) (*empirical.Network, error) {
	model, err := s.source.Build(depth, s.set.Shape[1:], s.set.Classes)
	if err != nil {
		return nil, err
	}
	input := shapes.Make(s.dtype, s.set.Shape[1:]...)
	if err := s.fitsWeights(model, input); err != nil {
		return nil, err
	}
	f, err := empirical.New(s.backend.GoMLX, mlctx.New(), model, input)
	if err != nil {
		return nil, err
	}
	if err := s.loadWeights(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// fitsWeights compares the weights with the budget before any is drawn: on the
// host and on the device. A model that cannot be recorded passes, for New to say
// why.
func (s *study) fitsWeights(model graph.Model, input shapes.Shape) error {
	batch := shapes.Make(input.DType, append([]int{2}, input.Dimensions...)...)
	r, err := graph.Record(mlctx.New(), model, batch)
	if err != nil {
		return nil
	}
	parameters, need := 0.0, 0.0
	for _, v := range r.Variables {
		n := 1.0
		for _, d := range v.Shape().Dimensions { // a product of ints may overflow
			n *= float64(d)
		}
		parameters += n
		need += 2 * n * float64(v.Shape().DType.Size())
	}
	if need <= float64(s.budget.Bytes) {
		return nil
	}
	return s.budget.Exceeded(fmt.Sprintf("%.3g weights, on the host and the device", parameters), toBytes(need), "use a smaller network")
}

// toBytes returns a size as an int64, and -1 for one beyond it.
func toBytes(x float64) int64 {
	if x >= 1<<63 {
		return -1
	}
	return int64(x)
}

// memory returns the budget that was asked for, 0 for the default.
func (s *study) memory() int64 {
	if s.flags.compute.memory == "" {
		return 0
	}
	return s.budget.Bytes
}

func (s *study) examples() (empirical.Batch, error) { return diagnose.Examples(s.set, s.dtype) }

// describe says with --verbose what is used.
func (a *app) describe(s *study) {
	a.detail("data: " + s.set.Describe())
	a.detail("backend: " + s.backend.String())
	a.detail("BLAS: " + s.blas.String())
	a.detail(fmt.Sprintf("memory budget: %s (%s)", machine.FormatBytes(s.budget.Bytes), s.budget.Source))
}
