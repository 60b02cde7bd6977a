package empirical

import (
	"fmt"
	"strings"

	"github.com/gontk/ntk/graph/cost"
	"github.com/gontk/ntk/internal/machine"
)

// A Plan says what NTK will do, and what it costs, before it is done.
type Plan struct {
	N1, N2, O  int
	Parameters int
	Symmetric  bool
	Outputs    Outputs
	// Block is how many examples one execution covers, Tiles how many tiles.
	Block, Tiles int
	// Bytes is the estimated peak: Jacobians of two blocks, activations, tiles.
	Bytes int64
	// FLOPs counts multiplications and additions: of the Jacobians of all
	// blocks, and of their contraction.
	JacobianFLOPs, ContractionFLOPs float64
	Budget                          machine.Budget
	Weights                         []WeightPlan

	keep int
}

// A WeightPlan is one weight's line of a Plan.
type WeightPlan struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Way    string `json:"way"`
	Reason string `json:"reason,omitempty"`
	// FLOPs of the contraction; Bytes of one block's Jacobian.
	FLOPs float64 `json:"flops"`
	Bytes int64   `json:"bytes"`
}

// Plan returns what NTK(x1, x2, opts) will do for n1 and n2 examples; n2 = 0
// means x2 = x1. It returns an error if the budget does not hold one tile.
func (f *Network) Plan(n1, n2 int, opts Options) (*Plan, error) {
	if n1 < 1 || n2 < 0 {
		return nil, fmt.Errorf("empirical: a plan for %d and %d examples, want at least 1", n1, n2)
	}
	if n2 == 0 {
		return f.plan(n1, n1, true, opts)
	}
	return f.plan(n1, n2, false, opts)
}

// largestJacobian bounds a block's Jacobians, 512 MiB: larger blocks gain no
// speed and make Ctrl-C and progress coarse.
const largestJacobian = 512 << 20

func (f *Network) plan(n1, n2 int, symmetric bool, opts Options) (*Plan, error) {
	p := &Plan{
		N1: n1, N2: n2, O: f.Outputs(), Parameters: f.Parameters(), Symmetric: symmetric,
		Outputs: opts.Outputs, Budget: opts.budget(),
	}
	m, err := f.memory(opts.Outputs)
	if err != nil {
		return nil, err
	}
	n := max(n1, n2)
	if opts.Block > 0 {
		p.Block = min(opts.Block, n)
	} else {
		p.Block = m.largest(n, p.Budget.Bytes)
		p.Block = min(p.Block, max(1, int(largestJacobian/m.jacobian)))
		// Equal blocks: a short last one would be filled up for nothing.
		blocks := (n + p.Block - 1) / p.Block
		p.Block = (n + blocks - 1) / blocks
	}
	p.Bytes = m.need(p.Block)
	if p.Block == n && symmetric {
		p.Bytes = m.single(p.Block)
	}
	if p.Bytes > p.Budget.Bytes {
		return nil, p.Budget.Exceeded(fmt.Sprintf("one tile of %d examples (%d outputs, %d parameters)", p.Block, p.O, p.Parameters), p.Bytes, "use --outputs mean, a smaller model, or a smaller block")
	}
	p.keep = int((p.Budget.Bytes - p.Bytes) / (m.jacobian * int64(p.Block)))
	f.count(p)
	return p, nil
}

// count fills in tiles, FLOPs and the weights' lines.
func (f *Network) count(p *Plan) {
	g1, g2 := (p.N1+p.Block-1)/p.Block, (p.N2+p.Block-1)/p.Block
	p.Tiles = g1 * g2
	pairs := float64(p.N1) * float64(p.N2)
	if p.Symmetric {
		p.Tiles = g1 * (g1 + 1) / 2
		pairs = float64(p.N1) * float64(p.N1+1) / 2
	}
	o := float64(p.O)
	perPair := 2 * o // FLOPs of a pair for each parameter
	if p.Outputs == Full {
		perPair = 2 * o * o
	}
	for _, w := range f.gradient.weights {
		fl := pairs * perPair * float64(w.size())
		p.ContractionFLOPs += fl
		p.Weights = append(p.Weights, WeightPlan{
			Name: w.name, Shape: w.variable.Shape().Dimensions, Way: string(w.way), Reason: w.reason,
			FLOPs: fl, Bytes: int64(p.Block*p.O*w.size()) * int64(f.dtype.Size()),
		})
	}
	p.JacobianFLOPs = f.flops * float64(p.N1)
	if !p.Symmetric {
		p.JacobianFLOPs = f.flops * float64(p.N1+p.N2)
	}
}

// A footprint is how much memory a block of n examples takes: fixed + n·slope
// to execute it, outputs included, n·jacobian to keep its Jacobians, and
// n²·tile for what is contracted.
type footprint struct {
	fixed, slope, jacobian, tile int64
}

// need counts a block that stays, one that is executed, and a tile.
func (m footprint) need(n int) int64 { return m.single(n) + int64(n)*m.jacobian }

// single counts the only block there is.
func (m footprint) single(n int) int64 {
	k := int64(n)
	return m.fixed + k*m.slope + k*k*m.tile
}

// largest returns the largest block of at most n examples that fits, at least 1.
func (m footprint) largest(n int, budget int64) int {
	if m.single(n) <= budget {
		return n
	}
	lo, hi := 1, n
	for lo < hi {
		if mid := (lo + hi + 1) / 2; m.need(mid) <= budget {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// memory measures the footprint on the Programs of one and two examples.
func (f *Network) memory(outputs Outputs) (footprint, error) {
	if f.footprint.slope == 0 {
		p1, err := f.gradient.jacobianProgram(1)
		if err != nil {
			return footprint{}, err
		}
		p2, err := f.gradient.jacobianProgram(2)
		if err != nil {
			return footprint{}, err
		}
		b1, b2 := cost.Peak(p1), cost.Peak(p2)
		f.footprint = footprint{fixed: 2*b1 - b2, slope: b2 - b1}
		f.footprint.jacobian = int64(f.Outputs()*f.Parameters()) * int64(f.dtype.Size())
		f.flops = float64(cost.Program(p2).FLOPs - cost.Program(p1).FLOPs)
	}
	m := f.footprint
	// Three copies of a tile in float64: the sum, a term, and its arrangement.
	m.tile = 3 * 8 * int64(product(outputs.tail(f.Outputs())))
	return m, nil
}

// String prints the plan, a line for each weight.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Θ %s: %d × %d examples, %d outputs, %d parameters\n", p.Outputs, p.N1, p.N2, p.O, p.Parameters)
	fmt.Fprintf(&b, "%d tiles of %d examples; %s of a budget of %s (%s)\n", p.Tiles, p.Block,
		machine.FormatBytes(p.Bytes), machine.FormatBytes(p.Budget.Bytes), p.Budget.Source)
	fmt.Fprintf(&b, "%.3g GFLOP for Jacobians, %.3g GFLOP for their contraction\n", p.JacobianFLOPs/1e9, p.ContractionFLOPs/1e9)
	for _, w := range p.Weights {
		fmt.Fprintf(&b, "  %-32s %-18s %-24s %9.3g GFLOP %10s", w.Name, fmt.Sprint(w.Shape), w.Way, w.FLOPs/1e9, machine.FormatBytes(w.Bytes))
		if w.Reason != "" {
			fmt.Fprintf(&b, "  %s", w.Reason)
		}
		b.WriteString("\n")
	}
	return b.String()
}
