package planes

// pixels computes D and M of the first layer's inputs, with its factors.
func (w *Worker[T]) pixels(x *Example[T], g *Group[T], p *plane) {
	e := w.e
	down, across := &p.rows[0], &p.cols[0]
	rows, cols := down.computed.len(), across.computed.len()
	if rows == 0 || cols == 0 {
		return
	}
	height, width := e.chain.inputs(0)
	at := down.computed.lo*width + across.computed.lo
	to := (down.computed.lo+down.d)*width + across.computed.lo + across.d
	inner := (down.computed.lo-down.held.lo)*e.width*Lanes + (across.computed.lo-across.held.lo)*Lanes
	first := &e.chain.Layers[0]
	differences(&image[T]{
		d: w.d[0][inner:], t: w.t[0][inner:], a: x.pixels[at:], b: g.pixels[to*Lanes:],
		rows: rows, cols: cols, pitch: e.width * Lanes, width: width,
		channels: e.chain.Channels, area: height * width, ratio: T(first.Rate / first.Variance),
	})
}

// An image says on what differences works: channels are area positions apart.
type image[T Float] struct {
	d, t, a, b                               []T
	rows, cols, pitch, width, channels, area int
	ratio                                    T
}

// differences sets d = Σ (a − b)² and t = ratio·Σ a b, over channels.
func differences[T Float](m *image[T]) {
	if differencesFast(m) {
		return
	}
	for h := range m.rows {
		for w := range m.cols {
			to, p := h*m.pitch+w*Lanes, h*m.width+w
			for k := range Lanes {
				d, t := T(0), T(0)
				for c := range m.channels {
					a, b := m.a[c*m.area+p], m.b[(c*m.area+p)*Lanes+k]
					d += (a - b) * (a - b)
					t += a * b
				}
				m.d[to+k], m.t[to+k] = d, m.ratio*t
			}
		}
	}
}

// tapSum sets dst [rows, cols] to the sums over the taps of a layer of src, which
// has the inputs of the first output first and pitch numbers from row to row.
func tapSum[T Float](dst, src []T, rows, cols, pitch int, l *Layer) {
	if tapSumFast(dst, src, rows, cols, pitch, l) {
		return
	}
	top, left := l.Rows.Offsets[0], l.Cols.Offsets[0]
	for h := range rows {
		for w := range cols {
			to := dst[(h*cols+w)*Lanes:][:Lanes]
			clear(to)
			for _, a := range l.Rows.Offsets {
				for _, b := range l.Cols.Offsets {
					from := src[(h*l.Rows.Stride+a-top)*pitch+(w*l.Cols.Stride+b-left)*Lanes:][:Lanes]
					for k := range to {
						to[k] += from[k]
					}
				}
			}
		}
	}
}

// total adds the entries of rows × cols, lane by lane.
func total[T Float](sum *[Lanes]float64, src []T, rows, cols, pitch int) {
	if totalFast(sum, src, rows, cols, pitch) {
		return
	}
	for h := range rows {
		for w := range cols {
			for k, v := range src[h*pitch+w*Lanes:][:Lanes] {
				sum[k] += float64(v)
			}
		}
	}
}
