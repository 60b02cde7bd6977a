package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/gontk/ntk/bench/cells"
	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/internal/machine"
)

// A score is what an architecture is ranked by.
type score struct {
	name   string
	format string
	values []float64 // by architecture; NaN: not computed
	sign   float64   // −1 if less is better
}

// scores of every architecture: before training, after a short one, and in the end.
func scores(kernels []cells.Cell[kernel], trainings []cells.Cell[training]) []score {
	all := []score{
		{"accuracy of the NNGP (%)", "%.2f", nil, 1},
		{"condition of Θ", "%.3g", nil, -1},
		{fmt.Sprintf("accuracy after %d steps (%%)", short), "%.2f", nil, 1},
		{fmt.Sprintf("after %d (%%)", long), "%.2f", nil, 1},
	}
	for i := range architectures {
		var v [4]float64
		for k := range v {
			v[k] = math.NaN()
		}
		if r := kernels[i].Result; r != nil {
			v[0] = 100 * r.Accuracy
		}
		var condition, early, late float64
		complete := true
		for _, c := range trainings[i*seeds : (i+1)*seeds] {
			if c.Result == nil || len(c.Result.Result.Points) != 3 || c.Result.Result.Points[0].Condition == nil {
				complete = false
				break
			}
			p := c.Result.Result.Points
			condition += math.Log(*p[0].Condition) / seeds
			early, late = early+100*p[1].Network.Accuracy/seeds, late+100*p[2].Network.Accuracy/seeds
		}
		if complete {
			v[1], v[2], v[3] = math.Exp(condition), early, late
		}
		for k := range v {
			all[k].values = append(all[k].values, v[k])
		}
	}
	return all
}

// taus are of the first scores with the last, over the architectures that have all.
func taus(all []score) (tau []float64, n int, err error) {
	ranks := make([][]float64, len(all))
	for i := range architectures {
		complete := true
		for _, s := range all {
			complete = complete && !math.IsNaN(s.values[i])
		}
		if !complete {
			continue
		}
		n++
		for k, s := range all {
			ranks[k] = append(ranks[k], s.sign*s.values[i])
		}
	}
	for _, r := range ranks {
		t, err := diagnose.Kendall(r, ranks[len(ranks)-1])
		if err != nil {
			return nil, 0, err
		}
		tau = append(tau, t)
	}
	return tau, n, nil
}

func document(ctx context.Context, kernels []cells.Cell[kernel], trainings []cells.Cell[training]) (string, error) {
	all := scores(kernels, trainings)
	tau, n, err := taus(all)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| |")
	for _, s := range all {
		fmt.Fprintf(&b, " %s |", s.name)
	}
	fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("---|", len(all)))
	for i, a := range architectures {
		fmt.Fprintf(&b, "| %s |", a.name)
		for _, s := range all {
			text := "–"
			if !math.IsNaN(s.values[i]) {
				text = fmt.Sprintf(s.format, s.values[i])
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	b.WriteString("| Kendall's τ with the last column |")
	for k := range all {
		if k == len(all)-1 {
			b.WriteString(" |")
			break
		}
		fmt.Fprintf(&b, " %.2f |", tau[k])
	}
	nf := float64(n)
	fmt.Fprintf(&b, "\n\nτ of %d architectures that have nothing to do with one another is 0 ± %.2f. The binomial error of an accuracy is 1 %% and\nless. The first row's commands:\n\n```sh\nntk %s\nntk %s\n```\n\nWritten at commit %s on %s.\n",
		n, math.Sqrt(2*(2*nf+5)/(9*nf*(nf-1))), strings.Join(kernels[0].Args, " "), strings.Join(trainings[0].Args, " "), cells.Revision(ctx), machine.Describe())
	return b.String(), nil
}
