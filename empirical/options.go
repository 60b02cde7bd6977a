package empirical

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/tiles"
)

// Outputs says what becomes of the two output axes of Θ(x, x')[o, p].
type Outputs int

// The reductions over outputs. Each is computed as such, never cut out of Full.
const (
	Mean     Outputs = iota // [N1, N2]: (1/O) Σ_o Θ[o, o], neural-tangents' default
	Full                    // [N1, N2, O, O]
	Trace                   // [N1, N2]: Σ_o Θ[o, o]
	Diagonal                // [N1, N2, O]: Θ[o, o]
	Pseudo                  // [N1, N2]: (1/O) Σ_op Θ[o, p], the NTK of Σ_o f_o/√O
)

var outputNames = []string{"mean", "full", "trace", "diagonal", "pseudo"}

// String returns the name that ParseOutputs reads.
func (o Outputs) String() string { return outputNames[o] }

// ParseOutputs reads a reduction's name.
func ParseOutputs(name string) (Outputs, error) {
	for i, n := range outputNames {
		if n == name {
			return Outputs(i), nil
		}
	}
	return 0, fmt.Errorf("empirical: no reduction %q of outputs; choose one of %s", name, strings.Join(outputNames, ", "))
}

// tail returns the axes of Θ after the two of examples.
func (o Outputs) tail(outputs int) []int {
	switch o {
	case Full:
		return []int{outputs, outputs}
	case Diagonal:
		return []int{outputs}
	}
	return nil
}

// Options configures NTK.
type Options struct {
	// Outputs is the reduction over outputs; zero is Mean.
	Outputs Outputs

	// Of names the outputs that count, from 0, through all heads; none means all.
	// Their number is then O, and their order that of Θ.
	Of []int

	// Heads names the outputs of the model that count, by name or place, for
	// models that return several; none means all. O is then the sum of their
	// outputs, in this order. Of must be empty.
	Heads []string

	// Joint takes the examples of x1, and those of x2, for one batch of which f
	// is a function, as batch normalization by the statistics of the batch makes
	// it: Θ is that of all its outputs. Models whose examples interact need it.
	Joint bool

	// Pairs asks for the pairs (x1_n, x2_n) alone, in place of a Gram matrix:
	// Θ(x1_n, x2_n) is [N], [N, O] or [N, O, O], at the cost of N pairs. A nil
	// x2 means Θ(x1_n, x1_n); another has as many examples as x1.
	Pairs bool

	// only, if not nil, are the examples of a joint x1 whose rows are wanted.
	only []int

	// Params chooses weights: patterns of path.Match for their scope and name
	// ("/dense_0/weights"), or for a scope above ("/dense_*"). None means all
	// that are trainable. Θ is the sum of their terms.
	Params []string

	// ByParameter asks for the term of each weight beside Θ, in Gram.Terms.
	// Groups, patterns as Params has, asks for those of groups of weights: each
	// weight is in one of them, or in the term Others. Θ is then the sum of its
	// terms in their order, each rounded to float64: bit for bit where both are
	// in memory, and but for rounding what it is without terms.
	ByParameter bool
	Groups      []string

	// TermWriter makes the stores of the terms, with the Spec of Θ's; nil keeps
	// them in memory.
	TermWriter func(Term, tiles.Spec) (tiles.Writer, error)

	// Way, if not Auto, is used for every weight it applies to; the plan says
	// for which it does not. Products is for all weights or for none: not for
	// Joint, Pairs and terms.
	Way Way

	// Block is how many examples one execution covers; 0 means as many as the
	// memory budget allows.
	Block int

	// Memory is the budget in bytes for Jacobians, activations and tiles; 0
	// means half of what the machine or its cgroup allows.
	Memory int64

	// Writer makes the store of the Gram matrix; nil keeps it in memory. That
	// of Pairs is [N, O, O] or [N, O], and [N, 1] where outputs are summed over.
	Writer func(tiles.Spec) (tiles.Writer, error)

	// Progress, if not nil, is called after each step, by one goroutine at a time.
	Progress func(Progress)

	// BLAS does the contraction on the host; nil means the best one installed.
	BLAS *native.BLAS
}

// Progress says how far a computation is.
type Progress struct {
	Stage       string
	Done, Total int // tiles
	Elapsed     time.Duration
}

// layout says how a Program lays out δ for a reduction: only Factor makes a difference.
func (o Outputs) layout(ways []Way) string {
	switch {
	case !slices.Contains(ways, Factor):
		return ""
	case o == Trace, o == Pseudo:
		return Mean.String()
	}
	return o.String()
}

func (o Options) budget() machine.Budget {
	if o.Memory > 0 {
		return machine.Budget{Bytes: o.Memory, Source: "--memory"}
	}
	return machine.DefaultBudget()
}

func (o Options) report(stage string, done, total int, start time.Time) {
	if o.Progress != nil {
		o.Progress(Progress{stage, done, total, time.Since(start)})
	}
}

// defaultBLAS opens OpenBLAS once per process; without it, gonum serves.
var defaultBLAS = sync.OnceValues(func() (*native.BLAS, error) {
	return native.DefaultBLAS("", func(string) {})
})

func (o Options) blas() (*native.BLAS, error) {
	if o.BLAS != nil {
		return o.BLAS, nil
	}
	return defaultBLAS()
}
