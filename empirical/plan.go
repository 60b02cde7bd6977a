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
	Pairs      bool // Options.Pairs; N1 = N2 is how many
	Outputs    Outputs
	// Heads are those of the Gram matrix.
	Heads []Head
	// Block is how many examples one execution covers, Tiles how many tiles.
	Block, Tiles int
	// Bytes is the estimated peak: Jacobians of two blocks, activations, tiles.
	Bytes int64
	// FLOPs counts multiplications and additions: of the Jacobians of all
	// blocks, and of their contraction.
	JacobianFLOPs, ContractionFLOPs float64
	Budget                          machine.Budget
	Weights                         []WeightPlan

	sel  *selection // of x1
	sel2 *selection // of x2
	ways []Way
	// terms are those of Options.ByParameter; nil for none.
	terms []Term
	keep  int
	// products is set if all weights go by Products.
	products *productPlan
}

// A WeightPlan is one weight's line of a Plan.
type WeightPlan struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Way    string `json:"way"`
	Reason string `json:"reason,omitempty"`
	// FLOPs of forming and contracting the weight's term, and the seconds
	// expected for that; Contraction are those of the second part.
	FLOPs       float64 `json:"flops"`
	Seconds     float64 `json:"seconds"`
	Contraction float64 `json:"contraction_seconds"`
}

// Plan returns what NTK(x1, x2, opts) will do for n1 and n2 examples; n2 = 0
// means x2 = x1. It returns an error if the budget does not hold one tile, and
// [ErrShape] for pairs of n1 and another number of examples.
func (f *Network) Plan(n1, n2 int, opts Options) (*Plan, error) {
	if n1 < 1 || n2 < 0 {
		return nil, fmt.Errorf("empirical: a plan for %d and %d examples, want at least 1", n1, n2)
	}
	if n2 == 0 {
		return f.plan(n1, n1, true, opts)
	}
	return f.plan(n1, n2, false, opts)
}

// largestBlock bounds what is kept of a block, 2 GiB: larger blocks gain no
// speed and make Ctrl-C and progress coarse.
const largestBlock = 2 << 30

// largestDeviceBlock is that of a device with memory of its own: it multiplies
// hundreds of times faster than it reads, so that blocks must be larger.
const largestDeviceBlock = 16 << 30

func (f *Network) plan(n1, n2 int, symmetric bool, opts Options) (*Plan, error) {
	if opts.Pairs && n1 != n2 {
		return nil, fmt.Errorf("empirical: %w: pairs of examples of x1 and x2, which has %d for %d", ErrShape, n2, n1)
	}
	sel, err := f.selection(opts, n1)
	if err != nil {
		return nil, err
	}
	sel2 := sel
	if opts.Joint {
		if sel2, err = f.selection(opts, n2); err != nil {
			return nil, err
		}
		n1, n2 = sel.examples(), sel2.examples()
	}
	p := &Plan{
		N1: n1, N2: n2, O: sel.rows, Symmetric: symmetric, Pairs: opts.Pairs, Heads: sel.heads,
		Outputs: opts.Outputs, Budget: opts.budget(), sel: sel, sel2: sel2,
	}
	for _, w := range sel.weights {
		p.Parameters += w.size()
	}
	n, pairs := float64(n1), float64(n1)*float64(n1+1)/2
	if !symmetric {
		n, pairs = float64(n1+n2), float64(n1)*float64(n2)
	}
	if opts.Pairs {
		pairs = float64(n1)
	}
	way, reason := opts.Way, ""
	if way == Products {
		if reason = noProducts(opts); reason != "" {
			way = Auto
		}
	}
	if way == Products {
		q, err := f.products(sel, p, opts.Block)
		if err != nil {
			return nil, err
		}
		return p, p.byProducts(q, pairs, "with all other weights at once")
	}
	if p.terms, err = sel.terms(opts); err != nil {
		return nil, err
	}
	prefer := way
	if way == Auto && !f.backend.HasSharedBuffers() {
		// A device contracts Jacobians faster than they are copied to the host.
		prefer = Materialize
	}
	p.ways = sel.choose(prefer, n, pairs, f.dtype.Size())
	m, err := f.fit(p, opts)
	if err == nil && way == Auto && p.Bytes > p.Budget.Bytes {
		reason = "nothing faster fits the budget"
		p.ways = sel.leanest(n, pairs, f.dtype.Size())
		m, err = f.fit(p, opts)
	}
	if err != nil {
		return nil, err
	}
	if p.Bytes > p.Budget.Bytes {
		if way == Auto && noProducts(opts) == "" {
			// A model without forward mode is no error: nobody asked for it.
			q, err := f.products(sel, p, opts.Block)
			if err == nil && q.bytes <= p.Budget.Bytes {
				return p, p.byProducts(q, pairs, reason)
			}
		}
		return nil, p.Budget.Exceeded(fmt.Sprintf("one tile of %d examples (%d outputs, %d parameters)", p.Block, p.O, p.Parameters), p.Bytes, "use --outputs mean, a smaller model, or a smaller block")
	}
	p.keep = int((p.Budget.Bytes - p.Bytes) / (m.kept * int64(p.Block)))
	f.count(p, way, reason, n, pairs)
	p.JacobianFLOPs = m.flops * n
	return p, nil
}

// fit fills in the largest block that the budget holds with p's ways, one
// example if it holds none, or the one asked for, and the bytes that takes.
func (f *Network) fit(p *Plan, opts Options) (footprint, error) {
	m, err := f.memory(p.sel, p.ways)
	if err != nil {
		return m, err
	}
	if p.terms != nil { // one of them at a time
		m.tile += m.tile / 2
	}
	need := m.need
	if p.Pairs {
		m = m.ofPairs(p.Symmetric)
		need = m.single
	}
	most := max(p.N1, p.N2)
	if opts.Block > 0 {
		p.Block = min(opts.Block, most)
	} else {
		p.Block = m.largest(most, p.Budget.Bytes, need)
		largest := int64(largestBlock)
		if f.staysOnDevice(p.ways) {
			largest = largestDeviceBlock
		}
		p.Block = min(p.Block, max(1, int(largest/m.kept)))
		// Equal blocks: a short last one would be filled up for nothing.
		blocks := (most + p.Block - 1) / p.Block
		p.Block = (most + blocks - 1) / blocks
	}
	p.Bytes = need(p.Block)
	if p.Block == most && p.Symmetric {
		p.Bytes = m.single(p.Block)
	}
	return m, nil
}

// byProducts makes p a plan of NTK-vector products.
func (p *Plan) byProducts(q *productPlan, pairs float64, reason string) error {
	p.ways = nil
	p.products, p.Block, p.Bytes = q, q.block, q.bytes
	if p.Bytes > p.Budget.Bytes {
		return p.Budget.Exceeded(fmt.Sprintf("products of J with vectors, %d examples and %d outputs at a time", q.block, q.lanes), p.Bytes, "choose fewer weights, a smaller block or another way")
	}
	p.countTiles()
	p.JacobianFLOPs, p.ContractionFLOPs = q.flops(pairs)
	for _, w := range p.sel.weights {
		p.Weights = append(p.Weights, WeightPlan{Name: w.name, Shape: w.variable.Shape().Dimensions, Way: Products.String(), Reason: reason})
	}
	return nil
}

// countTiles fills in Tiles.
func (p *Plan) countTiles() {
	g1, g2 := (p.N1+p.Block-1)/p.Block, (p.N2+p.Block-1)/p.Block
	p.Tiles = g1 * g2
	switch {
	case p.Pairs:
		p.Tiles = g1
	case p.Symmetric:
		p.Tiles = g1 * (g1 + 1) / 2
	}
}

// count fills in tiles, FLOPs and the weights' lines.
func (f *Network) count(p *Plan, asked Way, why string, n, pairs float64) {
	p.countTiles()
	for i, w := range p.sel.weights {
		reason := w.reason
		if reason == "" {
			reason = why
		}
		if reason == "" && asked == Separable && w.separation == nil {
			reason = "its cotangent depends on output and position together"
		}
		e := w.estimate(p.ways[i], p.Outputs, p.O, n, pairs, f.dtype.Size())
		p.ContractionFLOPs += e.flops
		p.Weights = append(p.Weights, WeightPlan{
			Name: w.name, Shape: w.variable.Shape().Dimensions, Way: p.ways[i].String(), Reason: reason,
			FLOPs: e.flops, Seconds: e.seconds(), Contraction: e.contract,
		})
	}
}

// A footprint is how much memory a block of n examples takes: fixed + n·slope
// to execute it, outputs included, n·kept to keep its outputs, and n²·tile for
// what is contracted. flops are those of executing one example.
type footprint struct {
	fixed, slope, kept, tile int64
	flops                    float64
}

// need counts a block that stays, one that is executed, and a tile.
func (m footprint) need(n int) int64 { return m.single(n) + int64(n)*m.kept }

// single counts the only block there is.
func (m footprint) single(n int) int64 {
	k := int64(n)
	return m.fixed + k*m.slope + k*k*m.tile
}

// ofPairs returns the footprint of n pairs, for single: of one block of x if
// x2 is x1, else of two, one of which is kept while the other is executed.
func (m footprint) ofPairs(same bool) footprint {
	m.slope += m.tile
	m.tile = 0
	if !same {
		m.slope += m.kept
	}
	return m
}

// largest returns the largest block of at most n examples that fits, at least 1.
func (m footprint) largest(n int, budget int64, need func(int) int64) int {
	if m.single(n) <= budget {
		return n
	}
	lo, hi := 1, n
	for lo < hi {
		if mid := (lo + hi + 1) / 2; need(mid) <= budget {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// memory measures the footprint on the Programs of one and two examples.
func (f *Network) memory(sel *selection, ways []Way) (footprint, error) {
	key := fmt.Sprint(sel.key, ways, sel.outputs)
	if m, ok := f.footprints[key]; ok {
		return m, nil
	}
	var peak, kept [2]int64
	var flops [2]float64
	for i := range 2 {
		p, err := sel.jacobianProgram(i+1, ways)
		if err != nil {
			return footprint{}, err
		}
		peak[i] = cost.Peak(p)
		flops[i] = float64(cost.Program(p).FLOPs)
		for _, o := range p.Outputs {
			kept[i] += int64(o.Shape.Memory())
		}
	}
	m := footprint{fixed: 2*peak[0] - peak[1], slope: peak[1] - peak[0], kept: kept[1] - kept[0], flops: flops[1] - flops[0]}
	// Two copies of a tile in float64: the sum and a term.
	m.tile = 2 * 8 * int64(product(sel.outputs.tail(sel.rows)))
	f.footprints[key] = m
	return m, nil
}

// String prints the plan, a line for each weight.
func (p *Plan) String() string {
	var b strings.Builder
	what, of, tiles := fmt.Sprintf("%d × %d examples", p.N1, p.N2), "examples", "tiles"
	if p.Pairs {
		what, of, tiles = fmt.Sprintf("%d pairs of examples", p.N1), "pairs", "blocks"
	}
	fmt.Fprintf(&b, "Θ %s: %s, %d outputs%s, %d parameters\n", p.Outputs, what, p.O, listed(p.Heads), p.Parameters)
	fmt.Fprintf(&b, "%d %s of %d %s; %s of a budget of %s (%s)\n", p.Tiles, tiles, p.Block, of,
		machine.FormatBytes(p.Bytes), machine.FormatBytes(p.Budget.Bytes), p.Budget.Source)
	fmt.Fprintf(&b, "%.3g GFLOP for cotangents and Jacobians, %.3g GFLOP for the weights' terms\n", p.JacobianFLOPs/1e9, p.ContractionFLOPs/1e9)
	for _, w := range p.Weights {
		fmt.Fprintf(&b, "  %-32s %-18s %-12s %9.3g GFLOP %9.3g s", w.Name, fmt.Sprint(w.Shape), w.Way, w.FLOPs/1e9, w.Seconds)
		if w.Reason != "" {
			fmt.Fprintf(&b, "  %s", w.Reason)
		}
		b.WriteString("\n")
	}
	return b.String()
}
