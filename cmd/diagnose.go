package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/report"
)

// fullUpTo is the size N·O of the full matrix up to which diagnose takes it by
// default: its spectrum takes a second.
const fullUpTo = 1000

// diagnoseFlags are those of the verb diagnose.
type diagnoseFlags struct {
	study   studyFlags
	seeds   int
	depths  string
	outputs string
	out     string
	force   bool
}

func (a *app) diagnoseVerb() *cobra.Command {
	d := &diagnoseFlags{}
	c := &cobra.Command{
		Use:   "diagnose",
		Short: "will a network train? the kernel at initialization, over seeds and depth",
		Long: `diagnose computes Θ of a network at initialization on data, for every seed and
depth: its spectrum, condition number, the largest stable learning rates, and the
share of every weight. With --out it writes a report, Θ of every network as .npy,
and a manifest into a folder.`,
		Example: examples(a.program, "diagnose --model mlp --data digits --examples 64 --seeds 3",
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
	f.StringVar(&d.out, "out", "", "folder for the report, Θ and the manifest (default: none is written)")
	f.BoolVar(&d.force, "force", false, "replace the results in --out")
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
	s, err := a.open(ctx, &d.study)
	if err != nil {
		return err
	}
	defer s.close()
	outputs := empirical.Mean
	if d.outputs == "full" || d.outputs == "" && s.set.Len()*max(1, s.set.Classes) <= fullUpTo {
		outputs = empirical.Full
	}
	cfg := diagnose.Config{
		Source: s.source, Data: s.set, Depths: depths, Seed: d.study.seed, Seeds: d.seeds, Outputs: outputs,
		DType: s.dtype, Memory: s.memory(), Backend: s.backend.GoMLX, BLAS: s.blas,
	}
	w := &diagnosisFiles{app: a, study: s, folder: d.out}
	if d.out != "" {
		if err := newFolder(d.out, d.force); err != nil {
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
	if err != nil {
		return w.interrupted(ctx, r, err)
	}
	if a.verbose {
		for _, depth := range r.Depths {
			a.detail(depth.Plan)
		}
	}
	if d.out != "" {
		if err := w.write(r, ""); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(r)
	}
	if err := a.printVerdicts(r); err != nil {
		return err
	}
	if d.out != "" {
		return a.println("\nreport: " + w.report())
	}
	return nil
}

func (a *app) printVerdicts(r *diagnose.Result) error {
	if err := a.printTables(r.Tables()); err != nil {
		return err
	}
	if err := a.println(); err != nil {
		return err
	}
	for _, v := range r.Verdicts() {
		text := v.Level.String() + ": " + v.Title
		if v.Remedy != "" {
			text += " Remedy: " + v.Remedy + "."
		}
		if err := a.println(text); err != nil {
			return err
		}
	}
	return nil
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

// diagnosisFiles writes what diagnose leaves in --out.
type diagnosisFiles struct {
	app    *app
	study  *study
	folder string
	files  []string
	seeds  map[uint64]bool
}

func (w *diagnosisFiles) report() string { return filepath.Join(w.folder, "report.html") }

// theta writes one Gram matrix as soon as it is there.
func (w *diagnosisFiles) theta(depth int, seed uint64, g *empirical.Gram) error {
	name := fmt.Sprintf("theta-depth%d-seed%d.npy", depth, seed)
	if depth == 0 {
		name = fmt.Sprintf("theta-seed%d.npy", seed)
	}
	var tail []int
	if g.Outputs == empirical.Full {
		tail = []int{g.O, g.O}
	}
	if err := writeArray(filepath.Join(w.folder, name), g.N1, tail, g.Values); err != nil {
		return err
	}
	if w.seeds == nil {
		w.seeds = map[uint64]bool{}
	}
	w.seeds[seed] = true
	w.files = append(w.files, name)
	return nil
}

// write writes the report and the manifest. incomplete says why networks are
// missing; empty means none are.
func (w *diagnosisFiles) write(r *diagnose.Result, incomplete string) error {
	a, s := w.app, w.study
	var seeds []uint64
	for seed := range w.seeds {
		seeds = append(seeds, seed)
	}
	m := a.manifest(s, s.config(), sorted(seeds))
	m.Files = append(w.files, "report.html")
	m.Seconds = r.Elapsed.Seconds()
	m.Incomplete = incomplete
	doc := r.Report(diagnose.About{
		Command: a.command(), Labels: s.set.Y, ClassNames: s.set.ClassNames, Incomplete: incomplete,
		Generated: time.Now(),
		Facts: []report.Fact{
			{Name: "backend", Value: backendText(s)},
			{Name: "contraction", Value: s.blas.Name()},
			{Name: "versions", Value: thisVersion().String()},
			{Name: "machine", Value: machine.Describe().String()},
			{Name: "data licence", Value: s.set.License},
		},
	})
	var b bytes.Buffer
	if err := doc.WriteHTML(&b); err != nil {
		return err
	}
	if err := writeWhole(w.report(), b.Bytes()); err != nil {
		return err
	}
	return m.write(w.folder)
}

// backendText names the backend without folders of the machine.
func backendText(s *study) string {
	if s.backend.API == "" {
		return s.backend.Kind
	}
	return s.backend.Kind + ", PJRT API " + s.backend.API
}

// interrupted keeps what is finished when a diagnosis ends early.
func (w *diagnosisFiles) interrupted(ctx context.Context, r *diagnose.Result, err error) error {
	if w.folder == "" || r == nil || len(r.Depths) == 0 {
		return err
	}
	reason := oneLine(err.Error())
	if werr := w.write(r, reason); werr != nil {
		return errors.Join(err, werr)
	}
	if ctx.Err() != nil {
		w.app.resume = "what is finished is in " + w.report()
	}
	return err
}
