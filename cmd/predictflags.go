package cmd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// predictFlags are those of the verb predict.
type predictFlags struct {
	study        studyFlags
	kernel       string
	test, tests  string
	method       string
	protocol     string
	targets      string
	ridge, c     []float64
	gamma        []float64
	degree       int
	shift        float64
	depths       string
	draws        int
	folds        int
	foldSeed     uint64
	centres      int
	out          string
	force        bool
	resume       bool
	name         kernelName
	kernelGrid   []kernelPoint
	machineGrid  []machinePoint
	testExamples int
}

// A kernelPoint is a kernel's parameters: those that it has.
type kernelPoint struct {
	Gamma float64
	Depth int
}

// A machinePoint is a method's parameter: a ridge, or C.
type machinePoint struct {
	Ridge, C float64
}

// The grids that are searched if the flags say nothing.
var (
	ridgeGrid = []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2}
	cGrid     = []float64{1e-2, 1e-1, 1, 1e1, 1e2, 1e3, 1e4}
	gammaGrid = []float64{0.03, 0.1, 0.3, 1, 3}
)

func (p *predictFlags) register(c *cobra.Command) {
	s, f := &p.study, c.Flags()
	f.StringVarP(&p.kernel, "kernel", "k", "", kernelUsage)
	f.StringVarP(&s.data.data, "train", "d", "digits", `examples to train on: one of "data list", or the path of a file`)
	f.StringVar(&p.test, "test", "", "examples to test on (default: those of --train that follow)")
	s.data.registerChoice(c)
	e := f.Lookup("examples")
	e.Usage, e.DefValue, s.data.examples = "how many examples to train on, the first ones, or \"all\"", "500", "500"
	f.StringVar(&p.tests, "test-examples", "500", `how many to test on, or "all" there are`)
	f.StringVar(&p.method, "method", "ridge", "ridge, svm (one against one), falkon (ridge on centres) or gp")
	f.StringVar(&p.protocol, "protocol", "test", "test, or uci: parameters from one half, accuracy over four folds of --train")
	f.StringVar(&p.targets, "targets", "centred", "classes as targets: centred (1 − 1/classes and −1/classes) or onehot")
	f.Float64SliceVar(&p.ridge, "ridge", nil, "ridge, over the mean of K(x, x); of several the best in k-fold, for gp that of most evidence (default: 1e-6 to 100 by tens; gp: any)")
	f.Float64SliceVar(&p.c, "C", nil, "bound of the SVM's dual variables, times the mean of K(x, x) (default: 0.01 to 10000 by tens)")
	f.Float64SliceVar(&p.gamma, "gamma", nil, "of kernels of x, d features: gaussian exp(−γ‖x−x'‖²/d), laplace exp(−γ‖x−x'‖/√d), polynomial (γ·x·x'/d + shift)^degree (default: 0.03 to 3; polynomial: 1)")
	f.IntVar(&p.degree, "degree", 3, "of the polynomial kernel")
	f.Float64Var(&p.shift, "shift", 1, "of the polynomial kernel")
	f.IntVar(&s.network.depth, "depth", 0, "depth of the network (default: its own)")
	f.StringVar(&p.depths, "depths", "", "depths to choose from, such as 2,4,8")
	f.IntVar(&p.draws, "draws", 1, "how many seeds a network's Θ is the mean of, from --seed on")
	f.IntVar(&p.folds, "folds", 5, "folds of the training examples that parameters are chosen by")
	f.Uint64Var(&p.foldSeed, "fold-seed", 1, "seed of the folds, and of the choice of centres")
	f.IntVar(&p.centres, "centres", 0, "for falkon: how many (default: √N·ln N, at least 100)")
	f.StringVar(&p.out, "out", "", "folder for predictions.npy, a network's kernel and manifest.json")
	f.BoolVar(&p.force, "force", false, "replace the results in --out")
	f.BoolVar(&p.resume, "resume", false, "go on with the draws in --out, or start")
	s.network.registerZoo(c)
	s.network.onnx.register(c)
	s.choice.register(c)
	s.compute.register(c)
	s.weights.register(c)
	f.Uint64Var(&s.seed, "seed", 1, "seed of the weights, the first of --draws")
}

// check validates what can be validated without data, and makes the grids.
func (p *predictFlags) check(c *cobra.Command, a *app) error {
	var err error
	if p.name, err = a.parseKernel(p.kernel); err != nil {
		return err
	}
	if p.name.kind == empiricalKernel || p.name.kind == limitKernel {
		p.study.network.model = p.name.of
	}
	if err := p.checkNetwork(c); err != nil {
		return err
	}
	for flag, v := range map[string][]string{
		"method": {p.method, "ridge", "svm", "falkon", "gp"}, "protocol": {p.protocol, "test", "uci"}, "targets": {p.targets, "centred", "onehot"},
	} {
		if err := oneOf(flag, v[0], v[1:]...); err != nil {
			return err
		}
	}
	count := dataFlags{examples: p.tests}
	if p.testExamples, err = count.count(); err != nil {
		return usagef("--test-examples %q: want a number of at least 1, or all", p.tests)
	}
	switch {
	case p.draws < 1:
		return usagef("--draws %d: want at least 1", p.draws)
	case p.folds < 2:
		return usagef("--folds %d: want at least 2", p.folds)
	case p.centres < 0:
		return usagef("--centres %d: want at least 1", p.centres)
	case p.force && p.resume:
		return usagef("--force and --resume: give one of them")
	case p.resume && p.out == "":
		return usagef("--resume goes on with what is in --out, which is missing")
	case p.centres > 0 && p.method != "falkon":
		return usagef("--centres are those of --method falkon")
	}
	if p.protocol == "uci" {
		for _, flag := range []string{"test", "test-examples", "out"} {
			if c.Flags().Changed(flag) {
				return usagef("--%s: --protocol uci tests on folds of --train and writes no predictions", flag)
			}
		}
		if p.method == "falkon" || p.method == "gp" {
			return usagef("--protocol uci compares classifiers by accuracy; want --method ridge or svm")
		}
		if !c.Flags().Changed("examples") {
			p.study.data.examples = "all"
		}
	}
	return p.grids(c)
}

// checkNetwork refuses flags of networks where the kernel is none, and depths twice.
func (p *predictFlags) checkNetwork(c *cobra.Command) error {
	if p.study.network.depth != 0 && p.depths != "" {
		return usagef("--depth and --depths: give one of them")
	}
	if p.name.kind != empiricalKernel {
		own := slices.Concat([]string{"draws", "seed", "weights", "checkpoint", "onnx-output", "reinit", "dtype"}, choiceNames)
		if p.name.kind != limitKernel {
			own = slices.Concat(own, []string{"depth", "depths", "resume"}, zooFlags)
		}
		for _, flag := range own {
			if c.Flags().Changed(flag) {
				return usagef("--%s is for the kernel of a network; --kernel %s is none", flag, p.kernel)
			}
		}
		if err := p.study.network.check(c); err != nil {
			return err
		}
		if err := p.study.data.check(); err != nil {
			return err
		}
		return p.study.compute.check()
	}
	if p.study.choice.isJoint() {
		return usagef("--joint: examples to test on would change those trained on; predict wants networks whose examples do not interact")
	}
	if err := p.study.check(c); err != nil {
		return err
	}
	if p.study.trained() {
		if p.draws > 1 {
			return usagef("--draws %d: the weights of %s are used as they are", p.draws, p.study.weightsFrom())
		}
		p.study.seed = 0
	}
	return nil
}

// grids makes the points that are compared.
func (p *predictFlags) grids(c *cobra.Command) error {
	depths, err := parseDepths(p.depths)
	if err != nil {
		return err
	}
	known := p.name.parameters()
	for _, flag := range []string{"gamma", "degree", "shift"} {
		if c.Flags().Changed(flag) && !slices.Contains(known, flag) {
			return usagef("--%s is no parameter of --kernel %s", flag, p.kernel)
		}
	}
	method := map[string]string{"ridge": "ridge", "falkon": "ridge", "gp": "ridge", "svm": "C"}[p.method]
	for _, flag := range []string{"ridge", "C"} {
		if c.Flags().Changed(flag) && flag != method {
			return usagef("--%s is no parameter of --method %s", flag, p.method)
		}
	}
	for flag, values := range map[string][]float64{"ridge": p.ridge, "C": p.c, "gamma": p.gamma} {
		for _, v := range values {
			if !(v > 0 || v == 0 && flag == "ridge" && p.method == "ridge") || math.IsInf(v, 1) {
				return usagef("--%s %g: want a finite number above 0", flag, v)
			}
		}
	}
	if p.degree < 1 || !(p.shift >= 0) || math.IsInf(p.shift, 1) {
		return usagef("--degree %d, --shift %g: want at least 1 and 0", p.degree, p.shift)
	}
	gammas := orGrid(p.gamma, gammaGrid)
	if p.name.of == "polynomial" {
		gammas = orGrid(p.gamma, []float64{1})
	}
	switch {
	case slices.Contains(known, "gamma"):
		for _, g := range gammas {
			p.kernelGrid = append(p.kernelGrid, kernelPoint{Gamma: g})
		}
	case len(depths) > 0:
		for _, d := range depths {
			p.kernelGrid = append(p.kernelGrid, kernelPoint{Depth: d})
		}
	default:
		p.kernelGrid = []kernelPoint{{Depth: p.study.network.depth}}
	}
	switch {
	case method == "C":
		for _, v := range orGrid(p.c, cGrid) {
			p.machineGrid = append(p.machineGrid, machinePoint{C: v})
		}
	case p.method == "gp" && len(p.ridge) == 0:
		p.machineGrid = []machinePoint{{}} // the evidence says
	default:
		for _, v := range orGrid(p.ridge, ridgeGrid) {
			p.machineGrid = append(p.machineGrid, machinePoint{Ridge: v})
		}
	}
	return nil
}

func orGrid(given, standard []float64) []float64 {
	if len(given) > 0 {
		return given
	}
	return standard
}

// describe names a combination of parameters, for progress and errors.
func (k kernelPoint) describe(m machinePoint) string {
	var words []string
	add := func(name string, v float64) {
		if v != 0 {
			words = append(words, fmt.Sprintf("%s %g", name, v))
		}
	}
	add("gamma", k.Gamma)
	add("depth", float64(k.Depth))
	add("ridge", m.Ridge)
	add("C", m.C)
	return strings.Join(words, ", ")
}
