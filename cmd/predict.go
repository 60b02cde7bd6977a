package cmd

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
)

func (a *app) predictVerb() *cobra.Command {
	p := &predictFlags{}
	c := &cobra.Command{
		Use:   "predict",
		Short: "learn from examples with a kernel, and predict others",
		Long: `predict learns the labels of --train with a kernel, and predicts those of --test:
by ridge regression, support vector machines, ridge regression on centres (Falkon),
or a Gaussian process. The kernel is a formula, the mean of Θ over draws of a
network, Θ or K of the infinitely wide one, or a Gram matrix in a file. Kernels are divided by the mean of K(x, x) over
the training examples, so that --ridge and --C mean the same of all.

Where there are several parameters, the best in k-fold on the training examples is
taken; a Gaussian process takes the one of most evidence. With --out, predictions.npy,
classes.npy, a network's kernel.npy and manifest.json go to a folder; then a run that
was stopped goes on with --resume at the next draw.

--protocol uci is how classifiers are compared on the sets of the UCI repository:
parameters are chosen on one half after training on the other, and accuracy is the
mean over four folds of all examples.`,
		Example: examples(a.program, "predict --kernel gaussian --train digits --examples 500",
			"predict --kernel laplace --gamma 0.3,1 --train mnist --test mnist-test --examples 2000 --method svm",
			"predict --kernel cnn --width 64 --draws 10 --train cifar10 --test cifar10-test --out predicted",
			"predict --kernel limit:mlp --depths 1,2,3 --train uci/wine --protocol uci --method svm --json",
			"predict --kernel theta/theta.npy --train digits --examples 300 --test-examples 200 --method gp"),
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.predict(c, p) },
	}
	p.register(c)
	a.registerDryRun(c)
	return c
}

// A prediction is one run of predict.
type prediction struct {
	app     *app
	flags   *predictFlags
	study   *study
	train   []int // examples of the study's set
	test    []int
	columns []int // examples whose kernel with all others is computed
	source  kernelSource
	teacher *teacher
	files   *predictionFiles
	grid    []gridResult
	kernel  time.Duration // time for kernels
}

func (a *app) predict(c *cobra.Command, p *predictFlags) error {
	ctx := c.Context()
	if err := p.check(c, a); err != nil {
		return err
	}
	start := time.Now()
	r, err := a.openPrediction(ctx, p)
	if err != nil {
		return err
	}
	defer r.close()
	if a.dryRun {
		return r.dry(ctx)
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	a.flushNotices()
	a.describe(r.study)
	if p.protocol == "uci" {
		return r.uci(ctx, start)
	}
	return r.holdout(ctx, start)
}

// openPrediction finds the user's mistakes: those of the data, of networks, of sizes,
// and of the folder, in this order.
func (a *app) openPrediction(ctx context.Context, p *predictFlags) (*prediction, error) {
	budget, err := p.study.compute.budget()
	if err != nil {
		return nil, err
	}
	set, n, err := a.loadPair(ctx, p, budget)
	if err != nil {
		return nil, err
	}
	r := &prediction{app: a, flags: p}
	if r.teacher, err = newTeacher(set, p); err != nil {
		return nil, err
	}
	if p.name.kind == empiricalKernel {
		if r.study, err = a.openOn(&p.study, set, budget); err != nil {
			return nil, err
		}
	} else {
		// Formulas and limits are computed by Go and BLAS alone.
		r.study = &study{flags: &p.study, set: set, dtype: p.study.compute.arithmetic(), budget: budget, backend: &native.Backend{Kind: native.Go}}
		if p.name.kind == limitKernel {
			if r.study.source, err = a.source(&p.study.network, set); err != nil {
				return nil, err
			}
		}
		if r.study.blas, err = a.openBLAS(); err != nil {
			return nil, err
		}
	}
	if err := r.prepare(n); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *prediction) close() {
	if r.flags.name.kind == empiricalKernel {
		r.study.close()
	}
}

// loadPair opens the examples to train on, n of them, and those to test on.
func (a *app) loadPair(ctx context.Context, p *predictFlags, budget machine.Budget) (set *data.Set, n int, err error) {
	if p.protocol == "uci" {
		set, err = a.load(ctx, &p.study.data, p.study.data.data, budget)
		if err == nil && set.Len() < 8 {
			err = fmt.Errorf("%s has %d examples; --protocol uci wants at least 8", set.Name, set.Len())
		}
		if err != nil {
			return nil, 0, err
		}
		return set, set.Len(), nil
	}
	opts, err := a.dataOptions(&p.study.data, budget)
	if err != nil {
		return nil, 0, err
	}
	set, n, err = data.OpenPair(ctx, p.study.data.data, p.test, p.testExamples, opts)
	if err != nil {
		return nil, 0, orTooLarge(err, budget)
	}
	train := *set
	if set.Y != nil {
		train.Y = set.Y[:n]
	}
	if only := classesIn(&train); set.Classes > 1 && only == 1 {
		return nil, 0, fmt.Errorf("all %d examples to train on are of one class; --shuffle 1 takes them in a random order", n)
	}
	return set, n, nil
}

// prepare compares sizes with the budget, and finds what is wrong with networks.
func (r *prediction) prepare(n int) error {
	p, s := r.flags, r.study
	r.teacher.blas = s.blas
	all := s.set.Len()
	r.train, r.test = upTo(n), upTo(all)[n:]
	r.columns = r.train
	if p.method == "falkon" {
		m := p.centres
		if m == 0 {
			m = min(n, max(100, int(math.Sqrt(float64(n))*math.Log(float64(n)))))
		}
		if m > n {
			return fmt.Errorf("--centres %d of %d examples to train on; want at most %d", m, n, n)
		}
		r.columns = rand.New(rand.NewPCG(p.foldSeed, 2)).Perm(n)[:m]
		slices.Sort(r.columns)
	}
	if len(p.kernelGrid)*len(p.machineGrid) > 1 && p.folds > n && p.protocol != "uci" {
		return fmt.Errorf("--folds %d of %d examples to train on; want at most %d, or one value of every parameter", p.folds, n, n)
	}
	need := r.need()
	if !s.budget.Fits(toBytes(need)) {
		remedy := "ask for fewer --examples and --test-examples"
		if p.method != "falkon" {
			remedy += ", or --method falkon"
		}
		return s.budget.Exceeded(fmt.Sprintf("%s with %d examples to train on and %d to test on", p.method, n, all-n), toBytes(need), remedy)
	}
	r.teacher.memory = s.budget.Bytes - int64(need)
	return r.probe(n, all)
}

// begin makes the folder and the kernel's source.
func (r *prediction) begin(ctx context.Context) error {
	p, s, all, n := r.flags, r.study, r.study.set.Len(), len(r.train)
	var err error
	if r.files, err = r.newFiles(); err != nil {
		return err
	}
	keep := (*drawStore)(nil)
	if r.files != nil {
		keep = r.files.draws
	}
	switch p.name.kind {
	case limitKernel:
		r.source, err = r.app.newLimitSource(s, p.name, n, len(p.kernelGrid), keep)
	case empiricalKernel:
		r.source, err = r.app.newDrawSource(s, n, p.draws, len(p.kernelGrid), keep)
	case fileKernel:
		r.source, err = readKernel(ctx, p.name.of, all, n, s.budget)
	default:
		r.source = newFormulaSource(s.blas, s.set, p)
	}
	return err
}

// probe finds what is wrong with networks, and the limits that there are not.
func (r *prediction) probe(train, all int) error {
	for _, point := range r.flags.kernelGrid {
		switch r.flags.name.kind {
		case empiricalKernel:
			d := &drawSource{study: r.study, train: train}
			if err := d.plan(point, all); err != nil {
				return err
			}
		case limitKernel:
			l, err := (&limitSource{app: r.app, study: r.study, name: r.flags.name}).derive(point)
			if err != nil {
				return err
			}
			for _, w := range l.Warnings {
				r.app.notice(w)
			}
		}
	}
	return nil
}

// need is the memory, in bytes, of kernels and what methods make of them, beside the
// examples and what a network takes: the kernel of a point of the grid and the best
// so far; the parts of it for one fold; factors and copies.
func (r *prediction) need() float64 {
	all, n, m := float64(r.study.set.Len()), float64(len(r.train)), float64(len(r.columns))
	kernels := all * m
	if len(r.flags.kernelGrid) > 1 {
		kernels *= 2
	}
	if r.flags.name.kind != featureKernel { // what the file has, or one draw gives
		kernels += all * m
	}
	work := (all - n) * n
	switch r.flags.method {
	case "falkon":
		if r.flags.name.kind == featureKernel {
			kernels = 2048 * m // a block of rows, and one to keep
		}
		work = 4 * m * m
	case "svm":
		work += 2 * n * n
	case "gp":
		work += 5 * n * n
	default:
		work += 3 * n * n
	}
	return 8 * (kernels + work + all*float64(r.teacher.y.Cols)*2)
}

// config says what was computed with what.
func (r *prediction) config() map[string]string {
	p := r.flags
	c := r.study.config()
	delete(c, "examples")
	delete(c, "data")
	set := func(name, value, standard string) {
		if value != standard {
			c[name] = value
		}
	}
	delete(c, "model")
	c["kernel"], c["method"], c["protocol"] = p.kernel, p.method, p.protocol
	c["train"], c["train_examples"] = p.study.data.data, strconv.Itoa(len(r.train))
	set("test", p.test, "")
	set("test_examples", strconv.Itoa(len(r.test)), "0")
	set("targets", p.targets, "")
	set("ridge", numbers(p.ridge), "")
	set("c", numbers(p.c), "")
	set("gamma", numbers(p.gamma), "")
	set("depths", p.depths, "")
	set("folds", strconv.Itoa(p.folds), "")
	set("fold_seed", strconv.FormatUint(p.foldSeed, 10), "")
	set("centres", strconv.Itoa(len(r.columns)), strconv.Itoa(len(r.train)))
	if p.name.of == "polynomial" {
		c["degree"], c["shift"] = strconv.Itoa(p.degree), strconv.FormatFloat(p.shift, 'g', -1, 64)
	}
	if p.name.kind == empiricalKernel {
		c["draws"] = strconv.Itoa(p.draws)
		if !p.study.trained() {
			c["seed"] = strconv.FormatUint(p.study.seed, 10)
		}
	} else {
		delete(c, "dtype")
	}
	return c
}

func numbers(v []float64) string {
	text := ""
	for i, x := range v {
		if i > 0 {
			text += ","
		}
		text += strconv.FormatFloat(x, 'g', -1, 64)
	}
	return text
}

// seeds are those of the draws.
func (r *prediction) seeds() []uint64 {
	if r.flags.name.kind != empiricalKernel || r.flags.study.trained() {
		return []uint64{}
	}
	out := make([]uint64, r.flags.draws)
	for i := range out {
		out[i] = r.flags.study.seed + uint64(i)
	}
	return out
}
