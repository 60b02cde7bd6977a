package cmd

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/models"
)

// checkFlags are those of the verb "models check".
type checkFlags struct {
	network                networkFlags
	compute                computeFlags
	widths, input          []int
	outputs                int
	examples, steps, seeds int
	seed                   uint64
	rate                   float64
}

func (a *app) checkVerb() *cobra.Command {
	k := &checkFlags{}
	c := &cobra.Command{
		Use:   "check",
		Short: "check how values and their changes scale with the width",
		Long: `check is the coordinate check: it builds a network at several widths, trains each
for a few steps of gradient descent on random inputs and targets, and fits the
power of the width that the output of every layer follows, at the start and in how
it moves. A network of the zoo is built with each --widths; the widths of a spec
are all multiplied, but the last.`,
		Example: examples(a.program, "models check --model mlp --parameterization mup", "models check --model cnn-gap --widths 16,32,64,128 --input 8,8,3", "models check --model arch.json --json"),
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return a.check(c, k) },
	}
	f := c.Flags()
	f.StringVarP(&k.network.model, "model", "m", "", `network: one of "models list", or the path of a spec (.json)`)
	f.IntVar(&k.network.depth, "depth", 0, "depth (default: the network's own)")
	k.network.registerZoo(c)
	f.IntSliceVar(&k.widths, "widths", []int{64, 128, 256, 512}, "widths to compare")
	f.IntSliceVar(&k.input, "input", []int{8, 8, 3}, "shape of one input, channels last")
	f.IntVar(&k.outputs, "outputs", 10, "number of outputs")
	f.IntVarP(&k.examples, "examples", "n", 16, "how many random examples")
	f.IntVar(&k.steps, "steps", 3, "steps of gradient descent")
	f.Float64Var(&k.rate, "rate", 0, "learning rate at all widths (default: one at which steps are small at every width)")
	f.Uint64Var(&k.seed, "seed", 1, "first seed of the weights")
	f.IntVar(&k.seeds, "seeds", 4, "how many networks of each width")
	k.compute.registerDevice(c)
	k.compute.registerDType(c)
	return c
}

// checkResult is what "models check" prints with --json.
type checkResult struct {
	Schema           string       `json:"schema"`
	Model            string       `json:"model"`
	Parameterization string       `json:"parameterization"`
	Backend          string       `json:"backend"`
	DType            string       `json:"dtype"`
	Widths           []int        `json:"widths"`
	Seed             uint64       `json:"seed"`
	Seeds            int          `json:"seeds"`
	Examples         int          `json:"examples"`
	Steps            int          `json:"steps"`
	Rate             float64      `json:"rate"`
	Layers           []checkLayer `json:"layers"`
	Verdicts         []string     `json:"verdicts"`
}

type checkLayer struct {
	Name   string     `json:"name"`
	Start  checkPower `json:"start"`
	Update checkPower `json:"update"`
}

type checkPower struct {
	Sizes []*float64 `json:"sizes"`
	Slope *float64   `json:"slope"`
	Error *float64   `json:"error"`
}

func powerOf(s models.Scaled) checkPower {
	p := checkPower{Slope: finite(s.Slope), Error: finite(s.Error)}
	for _, v := range s.Sizes {
		p.Sizes = append(p.Sizes, finite(v))
	}
	return p
}

func (a *app) check(c *cobra.Command, k *checkFlags) error {
	if err := k.network.check(c); err != nil {
		return err
	}
	if err := k.compute.check(); err != nil {
		return err
	}
	if k.examples < 1 || k.steps < 1 || k.seeds < 1 {
		return usagef("--examples %d, --steps %d, --seeds %d: want at least 1 of each", k.examples, k.steps, k.seeds)
	}
	if !(k.rate >= 0) {
		return usagef("--rate %g: want a positive number", k.rate)
	}
	slices.Sort(k.widths)
	if k.widths = slices.Compact(k.widths); len(k.widths) < 2 || k.widths[0] < 1 {
		return usagef("--widths %s: want two or more numbers of at least 1, such as 64,128,256", list(k.widths))
	}
	if c.Flags().Changed("width") {
		return usagef("--width: the widths to compare are --widths")
	}
	name, build, err := a.widths(c, &k.network, k.widths[0], k.input, k.outputs)
	if err != nil {
		return err
	}
	backend, err := a.openBackend(&k.compute)
	if err != nil {
		return err
	}
	defer backend.Close()
	a.flushNotices()
	bar := a.newProgress()
	got, err := models.CheckCoordinates(c.Context(), backend.GoMLX, build, models.CheckOptions{
		Widths: k.widths, Seed: k.seed, Seeds: k.seeds, Steps: k.steps, Rate: k.rate, Examples: k.examples,
		DType:    k.compute.arithmetic(),
		Progress: func(done, total int, what string) { bar.update(float64(done)/float64(total), what) },
	})
	bar.done()
	if err != nil {
		return err
	}
	if a.json {
		r := checkResult{
			Schema: "ntk/check/1", Model: name, Parameterization: got.Parameterization, Backend: backend.Kind,
			DType: k.compute.arithmetic().String(), Widths: got.Widths, Seed: got.Seed, Seeds: got.Seeds,
			Examples: got.Examples, Steps: got.Steps, Rate: got.Rate, Verdicts: got.Verdicts(),
		}
		for _, l := range got.Layers {
			r.Layers = append(r.Layers, checkLayer{l.Name, powerOf(l.Start), powerOf(l.Update)})
		}
		return a.printJSON(r)
	}
	return a.printCheck(name, got)
}

// widths returns the network's name and what builds it at a width, after trying
// the first.
func (a *app) widths(c *cobra.Command, n *networkFlags, first int, input []int, outputs int) (string, func(width int) (*models.Spec, error), error) {
	fail := func(err error) (string, func(int) (*models.Spec, error), error) { return "", nil, err }
	switch {
	case n.model == "":
		return fail(usagef("--model is missing; \"%s models list\" names the networks, or give the path of a spec (.json)", a.program))
	case isONNX(n.model):
		return fail(usagef("%s: an ONNX file has one width; give a network of the zoo or a spec (.json)", n.model))
	case a.isOwn(n.model):
		return fail(usagef("network %s is this program's own: it is a Go function, whose width is not known", n.model))
	case !isSpecPath(n.model):
		build, err := a.lookup(n.model)
		if err != nil {
			return fail(err)
		}
		at := func(width int) (*models.Spec, error) {
			config := n.config(0, input, outputs)
			config.Width = width
			return build(config)
		}
		if _, err := at(first); err != nil { // before libraries are opened
			return fail(usageError{err})
		}
		return n.model, at, nil
	}
	given := n.given
	for _, flag := range []string{"depth", "input", "outputs"} {
		if c.Flags().Changed(flag) {
			given = append(given, "--"+flag)
		}
	}
	if len(given) > 0 {
		return fail(usagef("%s configures networks of the zoo; %s is a spec: change it there", given[0], n.model))
	}
	s, err := readSpec(n.model)
	if err != nil {
		return fail(err)
	}
	if _, err := s.WithWidth(first); err != nil {
		return fail(fmt.Errorf("%s: %w", n.model, err))
	}
	name := s.Name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(n.model), filepath.Ext(n.model))
	}
	return name, s.WithWidth, nil
}

// printCheck prints the powers, what the sizes are at the ends, and the verdicts.
func (a *app) printCheck(name string, c *models.Coordinates) error {
	first, last := c.Widths[0], c.Widths[len(c.Widths)-1]
	t := report.Table{
		Caption: fmt.Sprintf("%s, parameterization %s: %d steps at rate %s, %d seeds. Powers of the width n, from %d to %d.",
			name, c.Parameterization, c.Steps, report.Number(c.Rate), c.Seeds, first, last),
		Columns: []report.Column{
			{Name: "layer"},
			{Name: "size at the start", Align: report.Right},
			{Name: fmt.Sprintf("at n = %d", first), Align: report.Right},
			{Name: fmt.Sprintf("at n = %d", last), Align: report.Right},
			{Name: "its change", Align: report.Right},
			{Name: fmt.Sprintf("at n = %d", first), Align: report.Right},
			{Name: fmt.Sprintf("at n = %d", last), Align: report.Right},
		},
	}
	for _, l := range c.Layers {
		row := []string{l.Name}
		for _, s := range []models.Scaled{l.Start, l.Update} {
			row = append(row, "n^"+s.Power(), report.Number(s.Sizes[0]), report.Number(s.Sizes[len(s.Sizes)-1]))
		}
		t.Rows = append(t.Rows, row)
	}
	if err := a.printTables([]report.Table{t}); err != nil {
		return err
	}
	if err := a.println(); err != nil {
		return err
	}
	for _, v := range c.Verdicts() {
		if err := a.println(v); err != nil {
			return err
		}
	}
	return nil
}
