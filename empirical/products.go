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
// are, and memory for O copies of the parameters. It is the cheaper way where
// outputs are many and positions or widths few; see docs/empirical.md.

// A productPlan is how Θ is computed by products.
type productPlan struct {
	lanes      int // outputs p at a time
	block      int // examples n in one execution
	bytes      int64
	columns    float64 // examples m, counted in each row of tiles
	pull, push float64 // FLOPs of an example m, and of a pair (n, m)
}

// productsFrom is how many outputs a Gram matrix has at least for products to be
// looked at: below, recording their Programs costs more than they could gain.
const productsFrom = 64

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

// products plans Θ by products.
func (f *Network) products(sel *selection, p *Plan, block int) (*productPlan, error) {
	a := &Operator{f: f, sel: sel}
	most, budget := max(p.N1, p.N2), p.Budget.Bytes
	for chunks := 1; ; chunks++ {
		q := &productPlan{lanes: (sel.rows + chunks - 1) / chunks}
		one, err := a.peak(1, q.lanes)
		if err != nil {
			return nil, err
		}
		two, err := a.peak(2, q.lanes)
		if err != nil {
			return nil, err
		}
		slope := max(two-one, 1)
		fixed := one - slope
		slope += 8 * int64(q.lanes*sel.rows) // of the lanes' results
		tile := 8 * int64(product(sel.outputs.tail(sel.rows)))
		need := func(n int) int64 { return fixed + slope*int64(n) + tile*int64(n)*int64(n) }
		q.block = min(block, most)
		if block <= 0 {
			q.block = footprint{fixed: fixed, slope: slope, tile: tile}.largest(most, min(budget, fixed+mostActive), need)
			blocks := (most + q.block - 1) / q.block
			q.block = (most + blocks - 1) / blocks
		}
		q.bytes = need(q.block)
		if q.bytes > budget && q.lanes > 1 {
			continue
		}
		for kind, flops := range map[kind]*float64{pulls: &q.pull, pushes: &q.push} {
			program, err := a.program(kind, 1, q.lanes)
			if err != nil {
				return nil, err
			}
			*flops = float64(cost.Program(program).FLOPs) * float64(chunks)
		}
		// Each row of tiles pulls its columns.
		rows := float64((p.N1 + q.block - 1) / q.block)
		if p.Symmetric {
			rows = (rows + 1) / 2
		}
		q.columns = rows * float64(p.N2)
		return q, nil
	}
}

// flops returns those of reverse and forward mode for pairs of examples.
func (q *productPlan) flops(pairs float64) (pull, push float64) {
	return q.columns * q.pull, pairs * q.push
}

// seconds returns what that takes.
func (q *productPlan) seconds(pairs float64) float64 {
	pull, push := q.flops(pairs)
	return (pull + push) / rates.jacobian
}

// byProducts computes the tiles by products.
func (r *run) byProducts(ctx context.Context) (err error) {
	q, sel := r.gram.Plan.products, r.gram.Plan.sel
	// Both operators' minibatches are given, and their examples change.
	column := &Operator{f: r.f, sel: sel, execs: map[string]compiled{}, batches: map[int]minibatch{}}
	row := &Operator{f: r.f, sel: sel, budget: r.gram.Plan.Budget, execs: map[string]compiled{}, batches: map[int]minibatch{}}
	at := -1
	defer func() {
		for _, a := range []*Operator{column, row} {
			if cerr := a.Close(); err == nil {
				err = cerr
			}
		}
	}()
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
		if err := r.productTile(ctx, t, row, column, q); err != nil {
			return err
		}
		r.opts.report("NTK", done+1, len(todo), r.start)
	}
	return nil
}

// productTile computes a tile column by column.
func (r *run) productTile(ctx context.Context, t tiles.Tile, row, column *Operator, q *productPlan) (err error) {
	t0 := time.Now()
	sel := row.sel
	tail := product(sel.outputs.tail(sel.rows))
	data := make([]float64, t.Rows*t.Cols*tail)
	results := make([]float64, q.lanes*t.Rows*sel.rows) // of each lane, [n, o]
	for m := range t.Cols {
		if err := column.dropData(); err != nil {
			return err
		}
		if column.x, err = r.x2.Rows(t.Col + m); err != nil {
			return err
		}
		for p0 := 0; p0 < sel.rows; p0 += q.lanes {
			var pull, push []lane
			for p := p0; p < min(p0+q.lanes, sel.rows); p++ {
				one := make([]float64, sel.rows)
				one[p] = 1
				dst := results[(p-p0)*t.Rows*sel.rows:][:t.Rows*sel.rows]
				clear(dst)
				l := lane{v: one, dst: dst, from: p, to: p + 1, scale: 1}
				pull = append(pull, l)
				if sel.outputs == Full {
					l.from, l.to = 0, sel.rows
				}
				push = append(push, l)
			}
			u, err := (&chunk{a: column, lanes: pull, k: q.lanes, n: 1}).pull(ctx)
			if err != nil {
				return err
			}
			if err := (&chunk{a: row, lanes: push, k: q.lanes, n: q.block}).push(ctx, u, true); err != nil {
				return err
			}
			for i, l := range push {
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
	r.gram.Contraction += time.Since(t0)
	if err := checkFinite(data, t, sel.outputs.tail(sel.rows)); err != nil {
		return err
	}
	if err := r.writer.WriteTile(t, data); err != nil {
		return fmt.Errorf("empirical: tile %s: %w", t, err)
	}
	return nil
}
