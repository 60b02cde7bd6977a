package cmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/spf13/cobra"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/machine"
)

// fullUpTo is the size N·O of the full matrix up to which diagnose takes it by
// default: its spectrum takes a second.
const fullUpTo = 1000

// diagnoseFlags are those of the verb diagnose.
type diagnoseFlags struct {
	study    studyFlags
	seeds    int
	depths   string
	outputs  string
	without  []string
	steps    int
	remedies bool
	out      string
	force    bool
}

func (a *app) diagnoseVerb() *cobra.Command {
	d := &diagnoseFlags{}
	c := &cobra.Command{
		Use:   "diagnose",
		Short: "will a network train? the kernel at initialization, over seeds and depth",
		Long: `diagnose computes Θ of a network at initialization on data, for every seed and
depth: its spectrum, condition number, the largest stable learning rates, and the
share of every weight. Beside them it measures how signals go through the layers and
gradients back (order, chaos or the edge between), how far Θ is from its limit of
infinite width where there is one, and what the kernel will learn of the labels in
--steps steps of gradient descent; --without leaves these out. --remedies tries what is
known to help deep networks, at the last depth: residual connections, norms, orthogonal
matrices, the edge of chaos, shaped activations. With --out it writes a
report, Θ of every network as .npy, and a manifest into a folder.`,
		Example: examples(a.program, "diagnose --model mlp --data digits --examples 64 --seeds 3",
			"diagnose --model mlp --activation tanh --w-std 1.5 --depths 4,16,64 --remedies --out tanh",
			"diagnose --model resnet-small --data digits --depths 1,2,4 --out resnet",
			"diagnose --model arch.json --data images.npy --outputs mean --json"),
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.diagnose(c, d) },
	}
	d.study.register(c)
	f := c.Flags()
	f.IntVar(&d.seeds, "seeds", 3, "how many seeds, from --seed on")
	f.StringVar(&d.depths, "depths", "", "depths to compare, such as 2,4,8")
	f.StringVar(&d.outputs, "outputs", "", "mean ([N, N]) or full ([N·O, N·O]) (default: full up to N·O = 1000, else mean)")
	f.IntVar(&d.steps, "steps", 1000, "steps of gradient descent that the labels are to be learned in")
	f.BoolVar(&d.remedies, "remedies", false, "try what is known to help deep networks, for networks of the zoo and specs")
	f.StringSliceVar(&d.without, "without", nil, "parts to leave out: signal, limit, learning")
	f.StringVar(&d.out, "out", "", "folder for the report, Θ and the manifest (default: none is written)")
	f.BoolVar(&d.force, "force", false, "replace the results in --out")
	a.registerDryRun(c)
	return c
}

func (a *app) diagnose(c *cobra.Command, d *diagnoseFlags) error {
	ctx := c.Context()
	if err := d.study.check(c); err != nil {
		return err
	}
	if err := oneOf("outputs", d.outputs, "", "mean", "full"); err != nil {
		return err
	}
	if d.seeds < 1 {
		return usagef("--seeds %d: want at least 1", d.seeds)
	}
	if d.steps < 1 {
		return usagef("--steps %d: want at least 1", d.steps)
	}
	without, err := parseWithout(d.without)
	if err != nil {
		return err
	}
	depths, err := parseDepths(d.depths)
	if err != nil {
		return err
	}
	if len(depths) > 0 && d.study.network.depth != 0 {
		return usagef("--depth and --depths: give one of them")
	}
	if d.study.network.depth != 0 {
		depths = []int{d.study.network.depth}
	}
	if d.study.trained() {
		if len(depths) > 1 {
			return usagef("--depths: the weights of %s are of one network", d.study.weights.source())
		}
		d.seeds, d.study.seed = 1, 0 // nothing is drawn
	}
	s, err := a.open(ctx, &d.study)
	if err != nil {
		return err
	}
	defer s.close()
	if d.remedies && (s.source.Spec == nil || d.study.trained()) {
		return usagef("--remedies changes networks of the zoo and specs, with weights that are drawn")
	}
	outputs, rows, err := s.preflight(depths, d.outputs)
	if err != nil {
		return err
	}
	if a.dryRun {
		return a.dryDiagnose(d, s, depths, outputs, rows)
	}
	cfg := diagnose.Config{
		Source: s.source, Data: s.set, Depths: depths, Seed: d.study.seed, Seeds: d.seeds, Outputs: outputs,
		Of: d.study.choice.of, Params: d.study.choice.params, Joint: d.study.choice.isJoint(), DebugNaN: d.study.choice.debugNaN,
		DType: s.dtype, Memory: s.memory(), Backend: s.backend.GoMLX, BLAS: s.blas, Context: s.context,
		Without: without, Steps: d.steps, Remedies: d.remedies,
	}
	w := &diagnosisFiles{app: a, study: s, folder: d.out}
	if d.out != "" {
		if err := newFolder(d.out, d.force); err != nil {
			return err
		}
		if err := w.fits(rows, max(1, len(depths)), d.seeds); err != nil {
			return err
		}
		cfg.Theta = w.theta
	}
	a.flushNotices()
	a.describe(s)
	bar := a.newProgress()
	cfg.Progress = func(step diagnose.Step) {
		done := float64(step.Run) + float64(step.Tile)/float64(max(1, step.Tiles))
		what := fmt.Sprintf("seed %d", step.Seed)
		if step.Depth != 0 {
			what = fmt.Sprintf("depth %d, seed %d", step.Depth, step.Seed)
		}
		bar.update(done/float64(step.Runs), what)
	}
	r, err := diagnose.Run(ctx, cfg)
	bar.done()
	if r == nil || len(r.Depths) == 0 {
		return a.showNotFinite(err)
	}
	if err == nil && d.study.choice.debugNaN {
		a.say("%s", allFinite)
	}
	why := err
	if err != nil && ctx.Err() != nil {
		why = context.Cause(ctx) // not where it was found out
	}
	// What is finished is shown even if the rest failed or was interrupted.
	if perr := a.present(w, r, why); perr != nil && err == nil {
		return perr
	}
	return err
}

// preflight finds what is wrong with the networks before anything is written,
// and returns the reduction over outputs, the one asked for, or Full while the
// matrix is small, and how many rows the matrix has.
func (s *study) preflight(depths []int, reduction string) (outputs empirical.Outputs, rows int, err error) {
	if len(depths) == 0 {
		depths = []int{0}
	}
	for _, depth := range depths[1:] {
		model, err := s.source.Build(depth, s.set.Shape[1:], s.set.Classes)
		if err == nil {
			err = s.fitsWeights(model, shapes.Make(s.dtype, s.set.Shape[1:]...))
		}
		if err != nil {
			return 0, 0, err
		}
	}
	f, err := s.network(depths[0])
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }()
	o := f.Outputs()
	if n := len(s.flags.choice.of); n > 0 {
		o = n
	}
	if reduction == "full" || reduction == "" && s.set.Len()*o <= fullUpTo {
		outputs = empirical.Full
	}
	if _, err = f.Plan(s.set.Len(), 0, s.options(outputs)); err != nil {
		return 0, 0, err
	}
	if outputs != empirical.Full {
		o = 1
	}
	// One matrix of each depth is kept for its picture.
	rows = s.set.Len() * o
	return outputs, rows, fitsSpectrum(s.budget, int64(rows), o, len(depths), "ask for fewer --examples")
}

// diagnosis is what diagnose prints with --json.
type diagnosis struct {
	Schema   string           `json:"schema"`
	Command  string           `json:"command"`
	Version  version          `json:"version"`
	Backend  backendInfo      `json:"backend"`
	BLAS     string           `json:"blas"`
	Machine  machine.Summary  `json:"machine"`
	Verdicts []verdictInfo    `json:"verdicts"`
	Result   *diagnose.Result `json:"result"`
	Out      string           `json:"out,omitempty"`
	Files    []string         `json:"files,omitempty"`
	// Incomplete says why networks are missing; empty means none are.
	Incomplete string `json:"incomplete,omitempty"`
	// NotFinite says where a network of those first gave NaN or an infinity.
	NotFinite *notFiniteInfo `json:"not_finite,omitempty"`
}

// present writes the files and prints the result. err is why networks are
// missing, nil if none are.
func (a *app) present(w *diagnosisFiles, r *diagnose.Result, err error) error {
	incomplete := ""
	if err != nil {
		incomplete = oneLine(err.Error())
	}
	if a.verbose {
		for _, d := range r.Depths {
			a.detail(d.Plan)
		}
		a.detail("time: " + r.Elapsed.Round(time.Millisecond).String())
	}
	if w.folder != "" {
		if err := w.write(r, incomplete); err != nil {
			return err
		}
		a.resume = "what is finished is in " + w.report()
	}
	if a.json {
		j := diagnosis{
			Schema: "ntk/diagnose/1", Command: a.command(), Version: thisVersion(),
			Backend: backendInfo{w.study.backend.Kind, w.study.backend.API}, BLAS: w.study.blas.Name(),
			Machine: machine.Describe(), Result: r, Out: w.folder, Files: w.files, Incomplete: incomplete, NotFinite: describeNotFinite(err),
		}
		j.Verdicts = describeVerdicts(r.Verdicts())
		return a.printJSON(j)
	}
	if err := a.tellAll(r.Tables(), r.Verdicts()); err != nil {
		return err
	}
	if w.folder != "" {
		return a.println("\nreport: " + w.report())
	}
	return nil
}

// parseWithout reads the parts to leave out.
func parseWithout(names []string) (w diagnose.Without, err error) {
	for _, name := range names {
		if err := oneOf("without", name, "signal", "limit", "learning"); err != nil {
			return w, err
		}
		w.Signal = w.Signal || name == "signal"
		w.Limit = w.Limit || name == "limit"
		w.Learning = w.Learning || name == "learning"
	}
	return w, nil
}

// parseDepths reads "2,4,8".
func parseDepths(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var out []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			return nil, usagef("--depths %q: want numbers of at least 1, such as 2,4,8", text)
		}
		out = append(out, n)
	}
	return out, nil
}
