package cmd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/train"
)

// evolveFlags are those of the verb evolve.
type evolveFlags struct {
	study                studyFlags
	test                 int
	steps, epochs, batch int
	at                   []int
	optimizer            string
	rate, momentum       float64
	loss, over, targets  string
	order                uint64
	probe                int
	outputs              string
	linearized           bool
	prediction           string
	out                  string
	force, resume        bool
}

func (a *app) evolveVerb() *cobra.Command {
	v := &evolveFlags{}
	c := &cobra.Command{
		Use:   "evolve",
		Short: "train a network and watch its kernel, beside what the kernel at the start predicts",
		Long: `evolve trains a network, and at chosen steps measures Θ on a probe of the training
examples: how far and how fast it has moved, its alignment with the targets, its
spectrum; how far the weights have moved and which activations have flipped; and the
outputs beside those of the network linearized at the start, trained by the same
steps, and those that the kernel at the start predicts.

With --out it writes a report, Θ at each step as theta-STEP.npy, the trained weights
as weights.npz (for --weights), and checkpoints: a run that was stopped or killed
goes on with --resume, to the same numbers.`,
		Example: examples(a.program, "evolve --model mlp --data digits --examples 256 --test-examples 256 --steps 100",
			"evolve --model cnn --data cifar10 --examples 5000 --test-examples 1000 --epochs 5 --batch 50 --optimizer momentum --out cnn",
			"evolve --model mlp --data digits --steps 64 --at 0,1,2,4,64 --rate 0.5 --loss xent --json"),
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.evolve(c, v) },
	}
	v.study.register(c)
	f := c.Flags()
	f.IntVar(&v.test, "test-examples", 0, "how many examples, those after --examples, to test on")
	f.IntVar(&v.steps, "steps", 0, "how many steps to take")
	f.IntVar(&v.epochs, "epochs", 0, "how often to go through the examples, in place of --steps")
	f.IntSliceVar(&v.at, "at", nil, "steps to measure at, such as 0,1,2,4 (default: 0, the powers of 2 and the last)")
	f.IntVar(&v.batch, "batch", 0, "examples in a step (default: all)")
	f.Uint64Var(&v.order, "order-seed", 1, "seed of the order of examples in batches")
	f.StringVar(&v.optimizer, "optimizer", "sgd", "sgd (no decay of the rate), momentum or adam")
	f.Float64Var(&v.rate, "rate", 0, "learning rate (default: half the largest stable one by Θ at the start; of adam 0.001)")
	f.Float64Var(&v.momentum, "momentum", 0.9, "momentum of --optimizer momentum")
	f.StringVar(&v.loss, "loss", "mse", "mse, ½(f−y)², or xent, the cross-entropy of a softmax")
	f.StringVar(&v.over, "mean-over", "entries", "what the loss is divided by: entries (examples times outputs), examples or sum (nothing)")
	f.StringVar(&v.targets, "targets", "", "of classes: onehot, or centred, 1−1/C and −1/C (default: centred for mse, onehot for xent)")
	f.IntVar(&v.probe, "probe", 0, "how many training examples, the first ones, Θ is measured on (default: 64)")
	f.StringVar(&v.outputs, "outputs", "", "Θ of the probe: mean ([N, N]) or full ([N·O, N·O]) (default: full up to N·O = 1000, else mean)")
	f.BoolVar(&v.linearized, "linearized", true, "train the network linearized at the start alongside")
	f.StringVar(&v.prediction, "prediction", "auto", "what Θ of all training examples at the start predicts: yes, no, or auto, which says why where it cannot")
	f.StringVar(&v.out, "out", "", "folder for the report, Θ, weights and checkpoints (default: none is written)")
	f.BoolVar(&v.force, "force", false, "replace the results in --out")
	a.registerDryRun(c)
	f.BoolVar(&v.resume, "resume", false, "go on with what is in --out, or start")
	return c
}

// check validates what can be validated without data.
func (v *evolveFlags) check(c *cobra.Command) error {
	if err := v.study.check(c); err != nil {
		return err
	}
	for _, o := range []struct {
		flag, value string
		known       []string
	}{
		{"optimizer", v.optimizer, []string{"sgd", "momentum", "adam"}},
		{"loss", v.loss, []string{"mse", "xent"}},
		{"mean-over", v.over, []string{"entries", "examples", "sum"}},
		{"targets", v.targets, []string{"", "onehot", "centred"}},
		{"outputs", v.outputs, []string{"", "mean", "full"}},
		{"prediction", v.prediction, []string{"auto", "yes", "no"}},
	} {
		if err := oneOf(o.flag, o.value, o.known...); err != nil {
			return err
		}
	}
	for _, n := range []given{
		{"steps", float64(v.steps)}, {"epochs", float64(v.epochs)}, {"batch", float64(v.batch)}, {"test-examples", float64(v.test)}, {"probe", float64(v.probe)},
	} {
		if err := n.notNegative(); err != nil {
			return err
		}
	}
	changed := c.Flags().Changed
	switch {
	case len(v.study.choice.of) > 0 || len(v.study.choice.params) > 0:
		return usagef("--of and --params: evolve trains all weights for all outputs")
	case (v.steps == 0) == (v.epochs == 0):
		return usagef("--steps or --epochs: give one of them")
	case changed("momentum") && v.optimizer != "momentum":
		return usagef("--momentum is for --optimizer momentum")
	case !(v.momentum >= 0 && v.momentum < 1):
		return usagef("--momentum %g: want at least 0, and less than 1", v.momentum)
	case changed("rate") && !(v.rate > 0 && !math.IsInf(v.rate, 1)):
		return usagef("--rate %g: want a positive number", v.rate)
	case v.force && v.resume:
		return usagef("--force and --resume: give one of them")
	case v.resume && v.out == "":
		return usagef("--resume: go on with what? --out is missing")
	}
	return nil
}

func (a *app) evolve(c *cobra.Command, v *evolveFlags) error {
	ctx := c.Context()
	if err := v.check(c); err != nil {
		return err
	}
	all := v.study.data // of training and of test examples
	if n, err := all.count(); err == nil && n > 0 {
		v.study.data.examples = strconv.Itoa(n + v.test)
	}
	s, err := a.open(ctx, &v.study)
	if err != nil {
		return err
	}
	defer s.close()
	f, err := s.network(v.study.network.depth)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := s.draw(f); err != nil {
		return err
	}
	cfg, err := v.config(s, f)
	if err != nil {
		return err
	}
	if a.dryRun {
		return a.dryEvolve(v, s, f, cfg)
	}
	if err := a.debugNaN(ctx, s, f); err != nil {
		return err
	}
	if err := a.chooseRate(ctx, v, &cfg); err != nil {
		return a.locate(ctx, s, f, err)
	}
	w, err := a.newEvolution(v, s, f, &cfg)
	if err != nil {
		return err
	}
	a.flushNotices()
	a.describe(s)
	a.detail("optimizer: " + cfg.Optimizer.String())
	bars := &stages{app: a}
	cfg.Progress = bars.progress
	r, err := train.Evolve(ctx, cfg)
	bars.done()
	if errors.Is(err, empirical.ErrNotFinite) {
		if x, xerr := s.examples(); xerr == nil {
			err = diagnose.LocateNotFinite(ctx, f, x, v.study.network.depth, v.study.seed, err)
		}
	}
	if r == nil || len(r.Points) == 0 {
		return a.showNotFinite(err)
	}
	why := err
	if err != nil && ctx.Err() != nil {
		why = context.Cause(ctx)
	}
	if perr := a.presentEvolution(w, r, why); perr != nil && err == nil {
		return perr
	}
	return err
}

// config is what train.Evolve does, but for files and the rate.
func (v *evolveFlags) config(s *study, f *empirical.Network) (train.Config, error) {
	none := train.Config{}
	n := s.set.Len() - v.test
	if n < 1 {
		return none, usagef("--test-examples %d: %s has %d examples, and some must be left to train on", v.test, s.set.Name, s.set.Len())
	}
	model, err := s.source.Build(v.study.network.depth, s.set.Shape[1:], s.set.Classes)
	if err != nil {
		return none, err
	}
	loss, err := train.ParseLoss(v.loss, v.over)
	if err != nil {
		return none, err
	}
	cfg := train.Config{
		Backend: s.backend.GoMLX, BLAS: s.blas, Network: f, Model: model, Loss: loss, Batch: v.batch, Seed: v.order, At: v.at,
		Probe: v.probe, Joint: v.study.choice.isJoint(), Linearize: v.linearized, Memory: s.memory(), FullUpTo: fullUpTo,
	}
	if cfg.Train, err = v.examples(s, 0, n); err != nil {
		return none, err
	}
	if v.test > 0 {
		if cfg.Test, err = v.examples(s, n, s.set.Len()); err != nil {
			return none, err
		}
	}
	order, err := train.NewOrder(n, v.batch, v.order)
	if err != nil {
		return none, usagef("--batch %d: there are %d training examples; 0 takes all", v.batch, n)
	}
	cfg.Steps = v.steps
	if v.epochs > 0 {
		cfg.Steps = order.Steps(v.epochs)
	}
	if cfg.At, err = train.Schedule(v.at, cfg.Steps); err != nil {
		return none, usagef("--at %s: want steps between 0 and the last, %d", list(v.at), cfg.Steps)
	}
	if cfg.Probe == 0 {
		cfg.Probe = min(64, n)
	}
	if cfg.Probe > n {
		return none, usagef("--probe %d: there are %d training examples; want at most as many", cfg.Probe, n)
	}
	if v.outputs == "full" || v.outputs == "" && cfg.Probe*f.Outputs() <= fullUpTo {
		cfg.Outputs = empirical.Full
	}
	cfg.Predict = v.prediction == "yes" || v.prediction == "auto" && v.fitsPrediction(s, cfg)
	if v.prediction == "yes" && v.optimizer == "adam" {
		return none, usagef("--prediction yes: a kernel says nothing of adam, which does not move weights along the gradient")
	}
	return cfg, nil
}

// largestPrediction bounds the training examples whose kernel auto takes: up to
// them, it takes minutes.
const largestPrediction = 6000

// fitsPrediction reports whether Θ of all training examples is worth its time,
// and fits the budget.
func (v *evolveFlags) fitsPrediction(s *study, cfg train.Config) bool {
	d := int64(cfg.Train.Len())
	return v.optimizer != "adam" && d <= largestPrediction && s.budget.Fits(8*(6*d*d+d*int64(v.test)))
}

// examples returns some of the data as inputs and targets.
func (v *evolveFlags) examples(s *study, from, to int) (train.Examples, error) {
	none := train.Examples{}
	x, err := s.examples()
	if err != nil {
		return none, err
	}
	idx := make([]int, to-from)
	for i := range idx {
		idx[i] = from + i
	}
	if x, err = x.Rows(idx...); err != nil {
		return none, err
	}
	part := s.set.Subset(idx)
	y, o := part.Targets()
	if o == 0 {
		return none, usagef("%s has no labels to learn; --labels says where they are", s.set.Name)
	}
	e := train.Examples{X: x, Y: predict.Matrix{Rows: len(idx), Cols: o, Data: y}}
	if part.Classes == 0 {
		if v.targets != "" || v.loss == "xent" {
			return none, usagef("--targets and --loss xent are for classes; %s has numbers to learn", s.set.Name)
		}
		return e, nil
	}
	for _, c := range part.Y {
		e.Classes = append(e.Classes, int(c))
	}
	centred := v.targets == "centred" || v.targets == "" && v.loss == "mse"
	e.Y, err = predict.OneHot(e.Classes, part.Classes, centred)
	return e, err
}

// chooseRate sets the optimizer, with the rate that is asked for or one that is
// stable.
func (a *app) chooseRate(ctx context.Context, v *evolveFlags, cfg *train.Config) error {
	rate := v.rate
	if rate == 0 && v.optimizer == "adam" {
		rate = 0.001
	}
	for {
		switch v.optimizer {
		case "adam":
			cfg.Optimizer = train.Adam(rate)
		case "momentum":
			cfg.Optimizer = train.Momentum(rate, v.momentum)
		default:
			cfg.Optimizer = train.SGD(rate)
		}
		if rate > 0 {
			return nil
		}
		most, err := train.StableRate(ctx, *cfg)
		if err != nil {
			return err
		}
		if math.IsInf(most, 1) {
			return fmt.Errorf("no stable rate: Θ of the probe is zero; give --rate")
		}
		// Two digits: what rounding of Θ may change is gone.
		rate, _ = strconv.ParseFloat(strconv.FormatFloat(most/2, 'e', 1, 64), 64)
		a.notice(fmt.Sprintf("rate %g: half the largest that is stable by Θ at the start", rate))
	}
}

// stages shows the stages of a run, a bar each.
type stages struct {
	app   *app
	bar   *progress
	stage string
}

func (b *stages) progress(p train.Progress) {
	if b.bar == nil || p.Stage != b.stage {
		b.done()
		b.bar, b.stage = b.app.newProgress(), p.Stage
	}
	unit := "tile"
	if strings.HasPrefix(p.Stage, "training") {
		unit = "step"
	}
	b.bar.update(float64(p.Done)/float64(max(1, p.Total)), fmt.Sprintf("%s: %s %d of %d", p.Stage, unit, p.Done, p.Total))
}

func (b *stages) done() {
	if b.bar != nil {
		b.bar.done()
	}
}
