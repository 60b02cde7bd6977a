package planes

// A border is what of a plane is around its computed part: pairs of which one
// position is outside the image, where D = E[h²] of the other and Θ = 0.
type border[T Float] struct {
	d, t         []T
	down, across *window
	// first and second are E[h²] of both examples by position, side by side.
	first, second []T
	height, width int // of the image
	pitch         int
}

// rim fills the border of a plane of what layer i takes.
func (w *Worker[T]) rim(i int, g *Group[T], p *plane, d, t []T) {
	height, width := w.e.chain.inputs(i)
	b := &border[T]{
		d: d, t: t, down: &p.rows[i], across: &p.cols[i], first: w.spread[i], second: g.rim[i],
		height: height, width: width, pitch: w.e.width * Lanes,
	}
	for h := b.down.held.lo; h < b.down.computed.lo; h++ {
		b.row(h)
	}
	for h := b.down.computed.hi; h < b.down.held.hi; h++ {
		b.row(h)
	}
	for c := b.across.held.lo; c < b.across.computed.lo; c++ {
		b.column(c)
	}
	for c := b.across.computed.hi; c < b.across.held.hi; c++ {
		b.column(c)
	}
}

// row fills a row of which one example at most has pixels.
func (b *border[T]) row(h int) {
	held := b.across.held
	at := (h - b.down.held.lo) * b.pitch
	d, t := b.d[at:at+held.len()*Lanes], b.t[at:at+held.len()*Lanes]
	clear(t)
	from, shift := b.first, 0
	if h < 0 || h >= b.height {
		h += b.down.d
		from, shift = b.second, b.across.d
		if h < 0 || h >= b.height {
			clear(d)
			return
		}
	}
	// Columns lo … hi−1 are pixels of that example.
	lo, hi := max(held.lo, -shift), min(held.hi, b.width-shift)
	if lo >= hi {
		clear(d)
		return
	}
	clear(d[:(lo-held.lo)*Lanes])
	clear(d[(hi-held.lo)*Lanes:])
	copy(d[(lo-held.lo)*Lanes:(hi-held.lo)*Lanes], from[(h*b.width+lo+shift)*Lanes:])
}

// column fills a column of which one example at most has pixels, beside rows of
// which both have.
func (b *border[T]) column(c int) {
	rows := b.down.computed
	at := (rows.lo-b.down.held.lo)*b.pitch + (c-b.across.held.lo)*Lanes
	from, h := b.first, rows.lo
	if c < 0 || c >= b.width {
		c += b.across.d
		from, h = b.second, rows.lo+b.down.d
		if c < 0 || c >= b.width {
			from = nil
		}
	}
	source := (h*b.width + c) * Lanes
	for range rows.len() {
		*(*[Lanes]T)(b.t[at:]) = [Lanes]T{}
		if from == nil {
			*(*[Lanes]T)(b.d[at:]) = [Lanes]T{}
		} else {
			*(*[Lanes]T)(b.d[at:]) = *(*[Lanes]T)(from[source:])
		}
		at, source = at+b.pitch, source+b.width*Lanes
	}
}
