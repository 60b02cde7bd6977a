package cmd

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/gontk/ntk/internal/report"
)

// predictResult is what predict prints with --json.
type predictResult struct {
	Schema   string       `json:"schema"`
	Command  string       `json:"command"`
	Kernel   string       `json:"kernel"`
	Method   string       `json:"method"`
	Protocol string       `json:"protocol"`
	Data     string       `json:"data"`
	DataHash string       `json:"data_hash"`
	Train    int          `json:"train"`
	Test     int          `json:"test"`
	Classes  int          `json:"classes"`
	Draws    int          `json:"draws,omitempty"`
	Seed     uint64       `json:"seed,omitempty"`
	Chosen   gridResult   `json:"chosen"`
	Folds    int          `json:"folds,omitempty"`
	Grid     []gridResult `json:"grid"`
	// Accuracy and what belongs to it are null for numbers, RMSE and R2 for classes.
	Accuracy  *float64  `json:"accuracy"`
	Error     *float64  `json:"accuracy_error"`
	Low       *float64  `json:"accuracy_low"`
	High      *float64  `json:"accuracy_high"`
	FoldScore []float64 `json:"fold_accuracies,omitempty"`
	RMSE      *float64  `json:"rmse"`
	R2        *float64  `json:"r2"`
	Centres   int       `json:"centres,omitempty"`
	Support   int       `json:"support,omitempty"`
	Steps     int       `json:"iterations,omitempty"`
	Residual  float64   `json:"residual,omitempty"`
	Jitter    float64   `json:"jitter,omitempty"`
	GP        *gpInfo   `json:"gp,omitempty"`
	Seconds   float64   `json:"seconds"`
	Kernels   float64   `json:"kernel_seconds"`
	Version   version   `json:"version"`
	Out       string    `json:"out,omitempty"`
	Files     []string  `json:"files,omitempty"`
}

// holdout chooses parameters, learns, predicts and writes what came of it.
func (r *prediction) holdout(ctx context.Context, start time.Time) error {
	var c *choice
	var gp *gpInfo
	var a *answer
	var variance []float64
	var err error
	folds := 0
	if r.flags.method == "gp" {
		if c, gp, err = r.chooseGP(ctx); err != nil {
			return err
		}
		a, variance, err = r.process(ctx, c, gp)
	} else {
		splits, ferr := r.folds()
		if ferr != nil {
			return ferr
		}
		folds = len(splits)
		if c, err = r.choose(ctx, splits); err != nil {
			return err
		}
		a, err = r.teacher.learn(ctx, c.rows, c.machine, r.train, r.test)
	}
	if err != nil {
		return err
	}
	j := r.result(c, a.fit)
	j.Folds, j.GP = folds, gp
	r.grade(j, a)
	if r.files != nil {
		if err := r.files.write(a, variance, time.Since(start)); err != nil {
			return err
		}
		j.Out, j.Files = r.flags.out, r.files.manifest.Files
	}
	return r.print(j, start)
}

func (r *prediction) result(c *choice, fit fitInfo) *predictResult {
	p, s := r.flags, r.study
	j := &predictResult{
		Schema: "ntk/predict/1", Command: r.app.command(), Kernel: p.kernel, Method: p.method, Protocol: p.protocol,
		Data: s.set.Describe(), DataHash: s.set.Hash(), Train: len(r.train), Test: len(r.test), Classes: s.set.Classes,
		Grid: r.grid, Support: fit.Support, Steps: fit.Iterations, Residual: fit.Residual, Jitter: fit.Jitter, Version: thisVersion(),
		Chosen: gridResult{Gamma: c.kernel.Gamma, Depth: c.kernel.Depth, Ridge: c.machine.Ridge, C: c.machine.C, Score: finite(c.score)},
	}
	if p.name.kind == empiricalKernel {
		j.Draws, j.Seed = p.draws, p.study.seed
	}
	if p.method == "falkon" {
		j.Centres = len(r.columns)
	}
	return j
}

// grade compares predictions with the labels of the test examples.
func (r *prediction) grade(j *predictResult, a *answer) {
	n := float64(len(r.test))
	score := r.teacher.score(a, r.test)
	if r.teacher.classes > 0 {
		j.count(score, n)
		return
	}
	y := r.teacher.y.Select(r.test)
	mean, spread := make([]float64, y.Cols), 0.0
	for i := range y.Rows {
		for o, v := range y.Row(i) {
			mean[o] += v / n
		}
	}
	for i := range y.Rows {
		for o, v := range y.Row(i) {
			spread += (v - mean[o]) * (v - mean[o]) / (n * float64(y.Cols))
		}
	}
	j.RMSE, j.R2 = finite(math.Sqrt(-score)), finite(1+score/spread)
}

// count sets an accuracy on n examples, with what chance does to it.
func (j *predictResult) count(accuracy, n float64) {
	low, high := wilson(math.Round(accuracy*n), n)
	j.Accuracy, j.Error, j.Low, j.High = &accuracy, finite(math.Sqrt(accuracy*(1-accuracy)/n)), &low, &high
}

// print writes a result to stdout.
func (r *prediction) print(j *predictResult, start time.Time) error {
	j.Seconds, j.Kernels = time.Since(start).Seconds(), r.kernel.Seconds()
	if r.app.json {
		return r.app.printJSON(j)
	}
	rows := [][]string{{"kernel", r.kernelText(j)}, {"method", r.methodText(j)}}
	percent := func(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) }
	switch {
	case len(j.FoldScore) > 0:
		text := make([]string, len(j.FoldScore))
		for i, v := range j.FoldScore {
			text[i] = fmt.Sprintf("%.2f", 100*v)
		}
		rows = append(rows, []string{"accuracy", fmt.Sprintf("%s ± %.2f, mean of folds: %s", percent(*j.Accuracy), 100**j.Error, strings.Join(text, ", "))})
	case j.Accuracy != nil:
		rows = append(rows, []string{"accuracy", fmt.Sprintf("%s ± %.2f on %d examples (binomial; 95 %%: %.2f to %.2f)", percent(*j.Accuracy), 100**j.Error, j.Test, 100**j.Low, 100**j.High)})
	default:
		rows = append(rows, []string{"root mean square error", report.Number(*j.RMSE)})
		if j.R2 != nil {
			rows = append(rows, []string{"R²", report.Number(*j.R2)})
		}
	}
	if g := j.GP; g != nil {
		rows = append(rows,
			[]string{"log evidence", report.Number(g.LogEvidence)},
			[]string{"prior variance, noise variance", report.Number(g.Variance) + ", " + report.Number(g.Noise)},
			[]string{fmt.Sprintf("intervals of %g %%", 100*g.Level), fmt.Sprintf("hold %s of the test targets", percent(g.Coverage))})
		if g.Calibration != nil {
			rows[len(rows)-1][1] += ", stretched by " + report.Number(*g.Calibration)
		}
	}
	rows = append(rows, []string{"time", fmt.Sprintf("%.3g s, of which kernels %.3g", j.Seconds, j.Kernels)})
	for _, f := range j.Files {
		rows = append(rows, []string{"file", filepath.Join(j.Out, f)})
	}
	return r.app.printTables([]report.Table{{
		Caption: fmt.Sprintf("%s on %s", j.Kernel, j.Data),
		Columns: []report.Column{{Name: "what"}, {Name: "value"}}, Rows: rows,
	}})
}

func (r *prediction) kernelText(j *predictResult) string {
	text := j.Kernel
	if words := (kernelPoint{Gamma: j.Chosen.Gamma, Depth: j.Chosen.Depth}).describe(machinePoint{}); words != "" {
		text += ", " + words
	}
	if j.Draws > 0 && !r.flags.study.trained() {
		text += fmt.Sprintf(", mean of Θ over %d draws from seed %d on", j.Draws, j.Seed)
	}
	return text
}

func (r *prediction) methodText(j *predictResult) string {
	text := j.Method
	if words := (kernelPoint{}).describe(machinePoint{Ridge: j.Chosen.Ridge, C: j.Chosen.C}); words != "" {
		text += ", " + words
	}
	if j.Centres > 0 {
		text += fmt.Sprintf(", %d centres, %d iterations", j.Centres, j.Steps)
	}
	if j.Support > 0 {
		text += fmt.Sprintf(", %d support vectors over all pairs", j.Support)
	}
	if len(j.Grid) > 1 && j.Folds > 0 {
		text += fmt.Sprintf("; best of %d in %d folds", len(j.Grid), j.Folds)
	}
	return text
}
