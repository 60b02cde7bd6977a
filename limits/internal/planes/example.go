package planes

import (
	"fmt"
	"math"
)

// An Example is one image with the variances of its Gaussians.
type Example[T Float] struct {
	// pixels are [channel, position], times √Variance of the first layer.
	pixels []T
	// s are the standard deviations of layers' Gaussians by position, and r are
	// 1/(√2 s), or 0.
	s, r [][]T
	// rim[i] is E[h²] of what layer i takes, times its Variance: D beside zero.
	rim [][]T
	// total is Σ E[h²] of what the readout takes, times its Variance.
	total float64
	// zero[i] says that a Gaussian of layer i has no variance.
	zero []bool
}

// Example prepares an image [row, col, channel]. It takes time and memory of the
// order of the number of positions.
func (e *Engine[T]) Example(image []float64) (*Example[T], error) {
	c := &e.chain
	rows, cols := c.inputs(0)
	if n := rows * cols * c.Channels; len(image) != n {
		return nil, fmt.Errorf("planes: an image of %d numbers, want %d × %d × %d", len(image), rows, cols, c.Channels)
	}
	x := &Example[T]{pixels: make([]T, len(image)), zero: make([]bool, len(c.Layers))}
	q := make([]float64, rows*cols)
	scale := math.Sqrt(c.Layers[0].Variance)
	for p := range q {
		for k := range c.Channels {
			y := scale * image[p*c.Channels+k]
			x.pixels[k*len(q)+p] = T(y)
			q[p] += y * y
		}
	}
	for i := range c.Layers {
		l := &c.Layers[i]
		x.rim = append(x.rim, rounded[T](q))
		z := l.sums(q)
		s, r := make([]T, len(z)), make([]T, len(z))
		q = make([]float64, len(z))
		squares := (l.Low*l.Low + l.High*l.High) / 2 * c.next(i).Variance
		for p, v := range z {
			v += l.BiasVariance
			s[p], q[p] = T(math.Sqrt(v)), squares*v
			if s[p] > 0 {
				r[p] = T(1 / math.Sqrt(2*v))
			} else {
				x.zero[i] = true
			}
		}
		x.s, x.r = append(x.s, s), append(x.r, r)
	}
	for _, v := range q {
		x.total += v
	}
	return x, nil
}

func rounded[T Float](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// sums adds q up over the taps, at every position.
func (l *Layer) sums(q []float64) []float64 {
	z := make([]float64, l.Rows.Out*l.Cols.Out)
	for h := range l.Rows.Out {
		for w := range l.Cols.Out {
			for _, a := range l.Rows.Offsets {
				for _, b := range l.Cols.Offsets {
					i, j := l.Rows.Stride*h+a, l.Cols.Stride*w+b
					if i >= 0 && i < l.Rows.In && j >= 0 && j < l.Cols.In {
						z[h*l.Cols.Out+w] += q[i*l.Cols.In+j]
					}
				}
			}
		}
	}
	return z
}

// A Group is up to Lanes examples, their numbers side by side.
type Group[T Float] struct {
	// N counts the examples; the lanes after them repeat the last.
	N      int
	pixels []T
	s, r   [][]T
	rim    [][]T
	total  [Lanes]float64
	zero   []bool
}

// Group puts 1 … Lanes examples side by side.
func (e *Engine[T]) Group(list []*Example[T]) *Group[T] {
	g := &Group[T]{N: len(list), zero: make([]bool, len(e.chain.Layers))}
	var lanes [Lanes]*Example[T]
	for k := range lanes {
		lanes[k] = list[min(k, len(list)-1)]
		g.total[k] = lanes[k].total
		for i, z := range lanes[k].zero {
			g.zero[i] = g.zero[i] || z
		}
	}
	g.pixels = interleave(lanes, func(x *Example[T]) []T { return x.pixels })
	for i := range e.chain.Layers {
		g.s = append(g.s, interleave(lanes, func(x *Example[T]) []T { return x.s[i] }))
		g.r = append(g.r, interleave(lanes, func(x *Example[T]) []T { return x.r[i] }))
		g.rim = append(g.rim, interleave(lanes, func(x *Example[T]) []T { return x.rim[i] }))
	}
	return g
}

func interleave[T Float](lanes [Lanes]*Example[T], of func(*Example[T]) []T) []T {
	n := len(of(lanes[0]))
	y := make([]T, n*Lanes)
	for k, x := range lanes {
		for p, v := range of(x) {
			y[p*Lanes+k] = v
		}
	}
	return y
}

// spread fills dst with Lanes copies of each of x.
func spread[T Float](dst, x []T) {
	for p, v := range x {
		for k := range Lanes {
			dst[p*Lanes+k] = v
		}
	}
}
