package planes

// An Engine evaluates a chain. It may be used concurrently, with a Worker for each
// goroutine.
type Engine[T Float] struct {
	chain  Chain
	phi    []*rectifier[T]
	planes []plane
	// width and height are the largest of a held window.
	height, width int
}

// A plane is a displacement of the readout's positions.
type plane struct{ rows, cols []window }

// New returns the engine of a chain.
func New[T Float](c Chain) (*Engine[T], error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	e := &Engine[T]{chain: c}
	positive := false
	for i := range c.Layers {
		l := &c.Layers[i]
		e.phi = append(e.phi, newRectifier[T](l, c.next(i), positive))
		// E[φφ'] ≥ 0 if φ has one sign, and so is K of the sums above.
		positive = l.Low*l.High <= 0 && (l.Low == 0 || l.High == 0)
	}
	rows, cols := c.inputs(len(c.Layers))
	dh, dw := 0, 0
	if c.Readout.All {
		dh, dw = rows-1, cols-1
	}
	across := make([][]window, 2*dw+1)
	for i := range across {
		across[i] = c.windows(colAxis, i-dw)
	}
	for i := -dh; i <= dh; i++ {
		down := c.windows(rowAxis, i)
		for _, w := range across {
			e.planes = append(e.planes, plane{down, w})
			for k := range down {
				e.height, e.width = max(e.height, down[k].held.len()), max(e.width, w[k].held.len())
			}
		}
	}
	return e, nil
}

// A Worker has the planes of one displacement.
type Worker[T Float] struct {
	e *Engine[T]
	// d and t are of what a layer takes, then of what the next takes.
	d, t   [2][]T
	sd, st []T // sums over taps
	// of is the example whose rims are spread over lanes.
	of     *Example[T]
	spread [][]T
}

// Worker returns what one goroutine needs.
func (e *Engine[T]) Worker() *Worker[T] {
	w := &Worker[T]{e: e}
	n := e.height * e.width * Lanes
	for i := range 2 {
		w.d[i], w.t[i] = make([]T, n), make([]T, n)
	}
	w.sd, w.st = make([]T, n), make([]T, n)
	for i := range e.chain.Layers {
		rows, cols := e.chain.inputs(i)
		w.spread = append(w.spread, make([]T, rows*cols*Lanes))
	}
	return w
}

// WorkerBytes is the memory of a Worker, ExampleBytes that of an Example; a Group
// has as much as Lanes examples.
func (e *Engine[T]) WorkerBytes() int64 {
	n := int64(6 * e.height * e.width * Lanes)
	for i := range e.chain.Layers {
		rows, cols := e.chain.inputs(i)
		n += int64(rows * cols * Lanes)
	}
	return n * size[T]()
}

// ExampleBytes is the memory of an Example.
func (e *Engine[T]) ExampleBytes() int64 {
	rows, cols := e.chain.inputs(0)
	n := int64(rows * cols * e.chain.Channels)
	for i := range e.chain.Layers {
		rows, cols = e.chain.inputs(i)
		n += int64(rows * cols)
		rows, cols = e.chain.inputs(i + 1)
		n += int64(2 * rows * cols)
	}
	return n * size[T]()
}

func size[T Float]() int64 {
	if T(1)+T(1e-9) == T(1) {
		return 4
	}
	return 8
}

// Pairs sets k and theta to K and Θ of x with each example of g. It takes the time
// of Lanes pairs, however many g has, and allocates nothing.
//
// In float32 both are within some 1e-6 of √(K(x,x)K(x',x')) and of Θ's.
func (w *Worker[T]) Pairs(x *Example[T], g *Group[T], k, theta *[Lanes]float64) {
	e := w.e
	if w.of != x {
		for i := range e.chain.Layers {
			spread(w.spread[i], x.rim[i])
		}
		w.of = x
	}
	var d, t [Lanes]float64
	for i := range e.planes {
		w.plane(x, g, &e.planes[i], &d, &t)
	}
	rows, cols := e.chain.inputs(len(e.chain.Layers))
	times := 1.0 // how often each position occurs
	if e.chain.Readout.All {
		times = float64(rows * cols)
	}
	for i := range Lanes {
		k[i] = (times*(x.total+g.total[i])-d[i])/2 + e.chain.Readout.BiasVariance
		theta[i] = t[i] + e.chain.Readout.BiasRate
	}
}

// plane adds the sums of D and Θ over one plane.
func (w *Worker[T]) plane(x *Example[T], g *Group[T], p *plane, d, t *[Lanes]float64) {
	e := w.e
	pitch := e.width * Lanes
	a, b := 0, 1
	w.pixels(x, g, p)
	w.rim(0, g, p, w.d[a], w.t[a])
	for i := range e.chain.Layers {
		l := &e.chain.Layers[i]
		down, across := p.rows[i+1], p.cols[i+1]
		rows, cols := down.computed.len(), across.computed.len()
		if rows > 0 && cols > 0 {
			tapSum(w.sd, w.d[a], rows, cols, pitch, l)
			tapSum(w.st, w.t[a], rows, cols, pitch, l)
			at := down.computed.lo*l.Cols.Out + across.computed.lo
			to := (down.computed.lo+down.d)*l.Cols.Out + across.computed.lo + across.d
			inner := (down.computed.lo-down.held.lo)*pitch + (across.computed.lo-across.held.lo)*Lanes
			c := call[T]{
				d: w.sd, t: w.st, dstD: w.d[b][inner:], dstT: w.t[b][inner:],
				s1: x.s[i][at:], r1: x.r[i][at:], s2: g.s[i][to*Lanes:], r2: g.r[i][to*Lanes:],
				rows: rows, cols: cols, pitch: pitch, width: l.Cols.Out,
			}
			e.phi[i].apply(&c)
			if x.zero[i] && g.zero[i] {
				e.phi[i].mend(&c)
			}
		}
		if i+1 < len(e.chain.Layers) {
			w.rim(i+1, g, p, w.d[b], w.t[b])
			a, b = b, a
			continue
		}
		total(d, w.d[b], rows, cols, pitch)
		total(t, w.t[b], rows, cols, pitch)
	}
}
