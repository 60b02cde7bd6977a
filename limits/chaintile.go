package limits

import (
	"context"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"github.com/gontk/ntk/dual"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/limits/internal/lanes"
)

// A chainEngine takes rows of pairs through a chain, in vectors of float32 that stay
// in cache.
type chainEngine struct {
	*chain
	r           *gramRun
	blas        *native.BLAS
	kernels     []*lanes.Layer
	left, right *chainSide
	gram        []float32 // of a tile's inputs
	buffers     sync.Pool // of rows
}

// A chainSide has what a chain needs of examples. Columns of a vector start anywhere,
// and are read by eights: arrays have so many more.
type chainSide struct {
	width int
	// exact are the inputs √(c²·multiple)·x [n, width], rounded the same in float32;
	// norms are their squared lengths.
	exact   []float64
	rounded []float32
	norms   []float64
	// scale and inverse of each layer: standard deviations s and 1/s, or both
	// √2·b/√(1 + 2b²q) of error functions.
	scale, inverse [][]float32
	// second is E[φ²] of the last activation.
	second []float64
	// magnified is by how much a relative rounding of a K grows in the layers behind it,
	// where that is most. D keeps it what it is.
	magnified float64
	// none says that an argument has variance 0: the exact engine takes it.
	none []bool
}

// engine implements recipe.
func (c *chain) engine(r *gramRun) (engine, error) {
	blas, err := r.opts.blas()
	if err != nil {
		return nil, err
	}
	e := &chainEngine{chain: c, r: r, blas: blas, kernels: c.kernels()}
	e.left = c.sideOf(r.left)
	if e.right = e.left; !r.symmetric {
		e.right = c.sideOf(r.right)
	}
	if x := max(e.left.magnified, e.right.magnified); x > largestMagnified {
		return nil, fmt.Errorf("%w by %.3g", errRounding, x)
	}
	return e, nil
}

func (c *chain) sideOf(list []*example) *chainSide {
	terms := c.source.left.rows[0]
	n, padded := len(list), len(list)+8
	s := &chainSide{
		width: len(terms), exact: make([]float64, n*len(terms)), rounded: make([]float32, n*len(terms)),
		norms: make([]float64, n), second: make([]float64, n), none: make([]bool, n),
	}
	for range c.layers {
		s.scale, s.inverse = append(s.scale, make([]float32, padded)), append(s.inverse, make([]float32, padded))
	}
	for i, x := range list {
		grown := 1.0
		numbers := x.numbers.of(c.source.left.a)
		for j, t := range terms {
			v := math.Sqrt(t.c*t.c*t.multiple) * numbers[t.position]
			s.exact[i*s.width+j], s.rounded[i*s.width+j] = v, float32(v)
			s.norms[i] += v * v
		}
		for l, layer := range c.layers {
			q := x.varianceAt(layer.side, 0)
			p := layer.f.Params
			if c.curved {
				s.scale[l][i] = float32(math.Sqrt2 * p[1] / math.Sqrt(1+2*p[1]*p[1]*q))
				grown = max(1, grown*c.magnifies(l, q))
				s.magnified = max(s.magnified, grown)
				continue
			}
			s.second[i] = (p[0]*p[0] + p[1]*p[1]) / 2 * q
			if s.scale[l][i] = float32(math.Sqrt(q)); s.scale[l][i] == 0 {
				s.none[i] = true
				continue
			}
			s.inverse[l][i] = float32(1 / math.Sqrt(q))
		}
	}
	return s
}

// magnifies returns by how much layer l grows a relative error of K near coincident
// examples of variance q: c·E[φ'²]·q/(c·E[φ²] + bias).
func (c *chain) magnifies(l int, q float64) float64 {
	next := c.last
	if l+1 < len(c.layers) {
		next = c.layers[l+1].in
	}
	r, err := c.layers[l].f.Dual(dual.Cov(q, q, q))
	if k := next.carried*r.K + next.bias; err == nil && k > 0 {
		return next.carried * r.Kdot * q / k
	}
	return 1
}

// largestMagnified keeps float32 to 2e-6: a layer has some three roundings of 6e-8.
const largestMagnified = 8

// near is the share of q1 + q2 below which the distance of inputs is taken from their
// differences: from their product it has an error of some 1e-7 of q1 + q2.
const nearInputs = 1e-2

func (e *chainEngine) tile(ctx context.Context, t tiles.Tile, mirror bool, k, theta []float64) error {
	width := e.left.width
	if len(e.gram) < t.Rows*t.Cols {
		e.gram = make([]float32, t.Rows*t.Cols)
	}
	a, b := unsafe.Pointer(&e.left.rounded[t.Row*width]), unsafe.Pointer(&e.right.rounded[t.Col*width])
	if err := e.blas.Gemm32NT(t.Rows, t.Cols, width, 1, a, width, b, width, 0, unsafe.Pointer(&e.gram[0]), t.Cols); err != nil {
		return err
	}
	return parallel(ctx, t.Rows, e.r.threads, func(i int) error {
		from := 0
		if mirror {
			from = i
		}
		if err := e.row(t, i, from, mirror, k[i*t.Cols:(i+1)*t.Cols], theta[i*t.Cols:(i+1)*t.Cols]); err != nil {
			return err
		}
		e.r.report(t.Cols-from, 0)
		return nil
	})
}

// chunk is how many pairs a vector has: four vectors of them are 32 KB.
const chunk = 2048

// A chainRow is a row's memory: what is carried, Θ, and the scales of its example.
type chainRow struct{ carried, theta, scale, inverse [chunk]float32 }

// row computes the pairs of a row of the tile from column from on.
func (e *chainEngine) row(t tiles.Tile, i, from int, mirror bool, k, theta []float64) error {
	b, ok := e.buffers.Get().(*chainRow)
	if !ok {
		b = new(chainRow)
	}
	defer e.buffers.Put(b)
	for ; from < t.Cols; from += chunk {
		n := min(chunk, t.Cols-from)
		e.inputs(b, e.gram[i*t.Cols+from:][:n], t.Row+i, t.Col+from)
		e.layersOf(b, t.Row+i, t.Col+from, n)
		e.finish(b, t.Row+i, t.Col+from, k[from:][:n], theta[from:][:n])
	}
	return e.check(t, i, mirror, e.gram[i*t.Cols:(i+1)*t.Cols], k, theta)
}

// inputs starts a vector from products of inputs.
func (e *chainEngine) inputs(b *chainRow, gram []float32, row, col int) {
	w := e.source.w
	tau2, eta := w.Tau*w.Tau, w.Eta
	if !e.source.trained {
		eta = 0
	}
	carried, tangent := e.first.carried*tau2, float32(e.first.mean*tau2+e.first.theta*eta)
	own, norms := e.left.norms[row], e.right.norms[col:][:len(gram)]
	for j, g := range gram {
		sum := own + norms[j]
		d := sum - 2*float64(g)
		if d < nearInputs*sum {
			d = e.apart(row, col+j)
			g = float32((sum - d) / 2)
		}
		b.theta[j] = tangent * g
		if e.curved {
			b.carried[j] = float32(carried * float64(g))
		} else {
			b.carried[j] = float32(carried * d)
		}
	}
	for j := len(gram); j < lanes.Pad(len(gram)); j++ {
		b.carried[j], b.theta[j] = 0, 0
	}
}

// apart is the squared distance of two inputs.
func (e *chainEngine) apart(row, col int) float64 {
	x, y := e.left.exact[row*e.left.width:][:e.left.width], e.right.exact[col*e.right.width:][:e.right.width]
	d := 0.0
	for i := range x {
		d += (x[i] - y[i]) * (x[i] - y[i])
	}
	return d
}

// layersOf takes a vector through all layers.
func (e *chainEngine) layersOf(b *chainRow, row, col, n int) {
	n = lanes.Pad(n)
	fill := func(dst []float32, x float32) {
		for j := range dst {
			dst[j] = x
		}
	}
	for l, kernel := range e.kernels {
		fill(b.scale[:n], e.left.scale[l][row])
		if e.curved {
			kernel.Erf(b.carried[:n], b.theta[:n], b.scale[:n], e.right.scale[l][col:][:n])
			continue
		}
		fill(b.inverse[:n], e.left.inverse[l][row])
		kernel.Rectify(b.carried[:n], b.theta[:n], b.scale[:n], b.inverse[:n], e.right.scale[l][col:][:n], e.right.inverse[l][col:][:n])
	}
}

// finish writes K and Θ of the output.
func (e *chainEngine) finish(b *chainRow, row, col int, k, theta []float64) {
	own := e.left.second[row]
	for j := range k {
		x := float64(b.carried[j])
		if !e.curved {
			x = (e.last.carried*(own+e.right.second[col+j]) - x) / 2
		}
		k[j], theta[j] = x+e.last.bias, float64(b.theta[j])+e.last.thetaBias
	}
}

// loses reports whether D has not the digits of the angle: that of inputs which are
// nearly opposite, or of nearly one direction and another length. Only kinks see it.
func (e *chainEngine) loses(gram float32, row, col int) bool {
	a, b, ab := e.left.norms[row], e.right.norms[col], float64(gram)
	if e.curved || ab*ab < nearRho*nearRho*a*b {
		return false
	}
	s := math.Sqrt(a) - math.Sqrt(b)
	return ab < 0 || s*s > e.apart(row, col)/4
}

// check has the exact engine compute what this one cannot, and refuses what is not
// finite.
func (e *chainEngine) check(t tiles.Tile, i int, mirror bool, gram []float32, k, theta []float64) error {
	row := t.Row + i
	var v *evaluation
	for j := range k {
		if mirror && j < i {
			continue
		}
		col := t.Col + j
		if e.left.none[row] || e.right.none[col] || e.loses(gram[j], row, col) {
			if v == nil {
				v = e.r.l.evaluation()
			}
			var err error
			if k[j], theta[j], err = e.r.pair(v, row, col, mirror && i == j); err != nil {
				return err
			}
		}
		if x := k[j] + theta[j]; x-x != 0 {
			return fmt.Errorf("limits: examples %d of x1 and %d of x2: %w: K is %g, Θ is %g", row, col, empirical.ErrNotFinite, k[j], theta[j])
		}
	}
	return nil
}
