package planes

// A span is lo … hi−1, positions of the first example along an axis.
type span struct{ lo, hi int }

func (s span) len() int { return max(0, s.hi-s.lo) }

// A window is what of one axis of a plane of displacement d is held: all that is
// read, of which both positions are inside the image where it is computed; the
// rest is rim.
type window struct {
	d              int
	held, computed span
}

// windows returns those of a displacement of the readout's positions, of what each
// layer takes and, last, of what the readout takes.
func (c *Chain) windows(axis func(*Layer) *Axis, d int) []window {
	n := len(c.Layers)
	list := make([]window, n+1)
	inside := func(size, d int) span { return span{max(0, -d), min(size, size-d)} }
	s := inside(axis(&c.Layers[n-1]).Out, d)
	list[n] = window{d, s, s}
	for i := n - 1; i >= 0; i-- {
		a, above := axis(&c.Layers[i]), list[i+1]
		w := window{d: a.Stride * above.d}
		if above.computed.len() > 0 {
			w.held = span{
				a.Stride*above.computed.lo + a.Offsets[0],
				a.Stride*(above.computed.hi-1) + a.Offsets[len(a.Offsets)-1] + 1,
			}
			in := inside(a.In, w.d)
			w.computed = span{max(w.held.lo, in.lo), min(w.held.hi, in.hi)}
			if w.computed.len() == 0 { // all rim
				w.computed = span{w.held.lo, w.held.lo}
			}
		}
		list[i] = w
	}
	return list
}

func rowAxis(l *Layer) *Axis { return &l.Rows }
func colAxis(l *Layer) *Axis { return &l.Cols }
