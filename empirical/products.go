package empirical

import (
	"context"
	"fmt"
	"time"

	"github.com/gontk/ntk/graph/cost"
	"github.com/gontk/ntk/internal/tiles"
)

// NTK-vector products form no Jacobian of a block: for each example m of x2,
// reverse mode gives u_p = ∂f_p(x2_m)/∂w of all outputs p and all weights, and
// forward mode the columns
//
//	Θ[n, m, o, p] = ∂f_o(x1_n)/∂w · η u_p  of all n and o at once.
//
// That is N2·O reverse and N1·N2·O forward evaluations, whatever the weights
// are, and memory for a copy of the parameters for each output that goes through
// the data with others, one at least: Jacobians take O copies for each example of a
// block. Products are slower where those fit, so that plans choose them
// where they do not; see docs/empirical.md.

// A productPlan is how Θ is computed by products.
type productPlan struct {
	lanes      int // outputs p at a time
	block      int // examples n in one execution
	bytes      int64
	columns    float64 // examples m, counted in each row of tiles
	pull, push float64 // FLOPs of an example m, and of a pair (n, m)
}

// noProducts says why opts rule products out, "" if they do not.
func noProducts(opts Options) string {
	switch {
	case opts.Joint:
		return "products are of examples that do not interact"
	case opts.Pairs:
		return "products give whole columns, not pairs"
	case opts.ByParameter, len(opts.Groups) > 0:
		return "products give the sum of all terms"
	}
	return ""
}

// products plans Θ by products: as many examples in one execution as there are,
// since each further row of tiles repeats reverse mode, and as many outputs
// at a time as then fit.
func (f *Network) products(sel *selection, p *Plan, block int) (*productPlan, error) {
	a := &Operator{f: f, sel: sel}
	most, budget := max(p.N1, p.N2), p.Budget.Bytes
	for lanes := sel.rows; ; lanes = (lanes + 3) / 4 {
		m, err := a.productMemory(lanes)
		if err != nil {
			return nil, err
		}
		n := most
		if block > 0 {
			n = min(block, most)
		}
		if m.single(n) > min(budget, m.fixed+mostActive) {
			if lanes > 1 {
				continue
			}
			if block <= 0 {
				n = m.largest(most, min(budget, m.fixed+mostActive), m.single)
				blocks := (most + n - 1) / n
				n = (most + blocks - 1) / blocks
			}
		}
		q := &productPlan{lanes: lanes, block: n, bytes: m.single(n)}
		chunks := float64((sel.rows + lanes - 1) / lanes)
		for kind, flops := range map[kind]*float64{pulls: &q.pull, pushes: &q.push} {
			program, err := a.program(kind, 1, lanes)
			if err != nil {
				return nil, err
			}
			*flops = float64(cost.Program(program).FLOPs) * chunks
		}
		rows := float64((p.N1 + n - 1) / n)
		if p.Symmetric {
			rows = (rows + 1) / 2
		}
		q.columns = rows * float64(p.N2)
		return q, nil
	}
}

// productMemory measures what forward and reverse mode take, and counts the
// lanes' results and a tile.
func (a *Operator) productMemory(lanes int) (m footprint, err error) {
	one, err := a.peak(1, lanes)
	if err != nil {
		return m, err
	}
	two, err := a.peak(2, lanes)
	if err != nil {
		return m, err
	}
	m.slope = max(two-one, 1)
	m.fixed = one - m.slope
	m.slope += 8 * int64(lanes*a.sel.rows)
	m.tile = 8 * int64(product(a.sel.outputs.tail(a.sel.rows)))
	return m, nil
}

// flops returns those of reverse and forward mode for pairs of examples.
func (q *productPlan) flops(pairs float64) (pull, push float64) {
	return q.columns * q.pull, pairs * q.push
}

// byProducts computes the tiles by products.
func (r *run) byProducts(ctx context.Context) (err error) {
	q, sel := r.gram.Plan.products, r.gram.Plan.sel
	// Both operators' minibatches are given, and their examples change.
	column := &Operator{f: r.f, sel: sel, execs: map[string]compiled{}, batches: map[int]minibatch{}}
	row := &Operator{f: r.f, sel: sel, budget: r.gram.Plan.Budget, execs: map[string]compiled{}, batches: map[int]minibatch{}}
	t0, at := time.Now(), -1
	defer func() {
		for _, a := range []*Operator{column, row} {
			if cerr := a.Close(); err == nil {
				err = cerr
			}
		}
	}()
	pull, push := &chunk{a: column, k: q.lanes, n: 1}, &chunk{a: row, k: q.lanes, n: q.block}
	if _, err := pull.compiled(pulls); err != nil {
		return err
	}
	if _, err := push.compiled(row.pushing(true)); err != nil {
		return err
	}
	r.gram.Compile = time.Since(t0)
	todo := r.writer.Spec().Tiles()
	for done, t := range todo {
		if r.writer.Done(t) {
			continue
		}
		if at != t.Row {
			if err := row.dropData(); err != nil {
				return err
			}
			if row.x, err = r.x1.Rows(span(t.Row, t.Row+t.Rows)...); err != nil {
				return err
			}
			at = t.Row
		}
		if err := r.productTile(ctx, t, pull, push); err != nil {
			return err
		}
		r.opts.report("NTK", done+1, len(todo), r.start)
	}
	return nil
}

// productTile computes a tile column by column: pull is of one example of x2 at
// a time, push of the tile's examples of x1.
func (r *run) productTile(ctx context.Context, t tiles.Tile, pull, push *chunk) (err error) {
	sel, lanes := push.a.sel, push.k
	tail := product(sel.outputs.tail(sel.rows))
	data := make([]float64, t.Rows*t.Cols*tail)
	results := make([]float64, lanes*t.Rows*sel.rows) // of each lane, [n, o]
	for m := range t.Cols {
		if err := pull.a.dropData(); err != nil {
			return err
		}
		if pull.a.x, err = r.x2.Rows(t.Col + m); err != nil {
			return err
		}
		for p0 := 0; p0 < sel.rows; p0 += lanes {
			pull.lanes, push.lanes = nil, nil
			for p := p0; p < min(p0+lanes, sel.rows); p++ {
				one := make([]float64, sel.rows)
				one[p] = 1
				dst := results[(p-p0)*t.Rows*sel.rows:][:t.Rows*sel.rows]
				clear(dst)
				l := lane{v: one, dst: dst, from: p, to: p + 1, scale: 1}
				pull.lanes = append(pull.lanes, l)
				if sel.outputs == Full {
					l.from, l.to = 0, sel.rows
				}
				push.lanes = append(push.lanes, l)
			}
			t0 := time.Now()
			u, err := pull.pull(ctx)
			if err != nil {
				return err
			}
			t1 := time.Now()
			if err := push.push(ctx, u, true); err != nil {
				return err
			}
			r.gram.Jacobians += t1.Sub(t0)
			r.gram.Contraction += time.Since(t1)
			for i, l := range push.lanes {
				for n := range t.Rows {
					for o := l.from; o < l.to; o++ {
						x := l.dst[n*sel.rows+o]
						at := (n*t.Cols + m) * tail
						switch sel.outputs {
						case Full:
							data[at+o*sel.rows+p0+i] = x
						case Diagonal:
							data[at+o] = x
						case Mean:
							data[at] += x / float64(sel.rows)
						default:
							data[at] += x
						}
					}
				}
			}
		}
	}
	if err := checkFinite(data, t, sel.outputs.tail(sel.rows)); err != nil {
		return err
	}
	if err := r.writer.WriteTile(t, data); err != nil {
		return fmt.Errorf("empirical: tile %s: %w", t, err)
	}
	return nil
}
