package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/gontk/ntk/bench/cells"
	"github.com/gontk/ntk/internal/machine"
)

func present(all []cells.Cell[verdict]) (list []*verdict) {
	for _, c := range all {
		if c.Result != nil {
			list = append(list, c.Result)
		}
	}
	return list
}

func yes(b bool) string {
	if b {
		return "trains"
	}
	return "does not"
}

func number(x *float64) string {
	if x == nil {
		return "–"
	}
	return fmt.Sprintf("%.2g", *x)
}

func (n network) name() string {
	if n.Remedy == "" {
		return n.Activation
	}
	return n.Activation + ", " + n.Remedy
}

// document writes the thresholds, how often they are right, and each network.
func document(ctx context.Context, all []cells.Cell[verdict]) string {
	list := present(all)
	if len(list) < 4 {
		return "Not computed yet.\n"
	}
	first, second := halves(list)
	t := fit(first)
	var b strings.Builder
	fmt.Fprintf(&b, "Thresholds fixed on %d of %d networks: a network trains if the kernel leaves at most %g of the loss and squared gradients\nchange by less than ×%g. "+
		"They agree with training for %d of these, and for **%d of the other %d (%.0f %%)**.\n\n",
		len(first), len(list), t.left, t.growth, t.agreement(first), t.agreement(second), len(second), 100*float64(t.agreement(second))/float64(len(second)))
	b.WriteString("| network | depth | σ_w² | kernel leaves | gradient² | c last | regime | trained leaves | verdict | training | |\n|---|--:|--:|--:|--:|--:|---|--:|---|---|---|\n")
	half := map[*verdict]bool{}
	for _, v := range second {
		half[v] = true
	}
	for _, v := range list {
		mark := ""
		if half[v] {
			mark = "tried"
		}
		if t.trains(v) != v.truth() {
			mark = strings.TrimSpace(mark + " **disagree**")
		}
		fmt.Fprintf(&b, "| %s | %d | %g | %s | %s | %s | %s | %s | %s | %s | %s |\n", v.Network.name(), v.Network.Depth, v.Network.Variance,
			number(v.Judged.Left), number(v.Judged.Growth), number(v.Judged.Correlation), v.Judged.Regime, number(v.Trained), yes(t.trains(v)), yes(v.truth()), mark)
	}
	b.WriteString("\n" + explain(list, t) + signature(ctx))
	return b.String()
}

// explain says of each disagreement on which side of which bound it is.
func explain(list []*verdict, t thresholds) string {
	var b strings.Builder
	for _, v := range list {
		if t.trains(v) == v.truth() {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("Disagreements:\n\n")
		}
		fmt.Fprintf(&b, "- %s, depth %d, σ_w² = %g: ", v.Network.name(), v.Network.Depth, v.Network.Variance)
		switch {
		case !t.trains(v) && v.Judged.Left != nil && *v.Judged.Left > t.left:
			fmt.Fprintf(&b, "the kernel of the start would leave %s, training left %s: features were learned, the kernel changed.\n", number(v.Judged.Left), number(v.Trained))
		case !t.trains(v):
			fmt.Fprintf(&b, "gradients change by ×%s, but training left %s: at its own rate the network trains all the same.\n", number(v.Judged.Growth), number(v.Trained))
		case v.Trained == nil:
			b.WriteString("training diverged at each rate: the kernel changes more in a step than the verdict assumes.\n")
		default:
			fmt.Fprintf(&b, "the kernel would leave %s, training left %s: the outputs of the start, which the verdict takes for 0, or a kernel that changed for the worse.\n", number(v.Judged.Left), number(v.Trained))
		}
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

func signature(ctx context.Context) string {
	return fmt.Sprintf("Written at commit %s on %s.\n", cells.Revision(ctx), machine.Describe())
}

// conditionDocument writes condition numbers against depth.
func conditionDocument(ctx context.Context, all []cells.Cell[condition]) string {
	var b strings.Builder
	b.WriteString("| network |")
	for _, d := range conditionDepths {
		fmt.Fprintf(&b, " depth %d |", d)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(conditionDepths)) + "\n")
	for i, c := range all {
		if i%len(conditionDepths) == 0 {
			n := conditionNetworks[i/len(conditionDepths)]
			fmt.Fprintf(&b, "| %s |", n.name())
		}
		text := "–"
		if r := c.Result; r != nil {
			mean, err := logMean(r.Values)
			text = fmt.Sprintf("%.3g (×%.2f)", mean, err)
			if r.Bound {
				text = "≥ " + text
			}
		}
		b.WriteString(" " + text + " |")
		if (i+1)%len(conditionDepths) == 0 {
			b.WriteString("\n")
		}
	}
	b.WriteString("\n" + signature(ctx))
	return b.String()
}

// logMean returns the geometric mean, and the factor that is its standard error.
func logMean(x []float64) (mean, factor float64) {
	n, sum, square := float64(len(x)), 0.0, 0.0
	for _, v := range x {
		sum += math.Log(v) / n
	}
	for _, v := range x {
		square += math.Pow(math.Log(v)-sum, 2)
	}
	return math.Exp(sum), math.Exp(math.Sqrt(square / (n - 1) / n))
}
