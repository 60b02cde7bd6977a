package planes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/gontk/ntk/dual"
)

// conv is an axis of a convolution of k taps, dilated, padded in front and behind.
func conv(in, k, stride, dilation, front, behind int) Axis {
	a := Axis{In: in, Stride: stride}
	for i := range k {
		a.Offsets = append(a.Offsets, i*dilation-front)
	}
	a.Out = (in+front+behind-(k-1)*dilation-1)/stride + 1
	return a
}

// same is a layer of k × k taps on all positions of a square, with zeros around.
func same(n, k int, s Sum, low, high float64) Layer {
	a := conv(n, k, 1, 1, k/2, k/2)
	return Layer{Rows: a, Cols: a, Sum: s, Low: low, High: high}
}

func chains() map[string]Chain {
	s := Sum{Variance: 2 * 0.11, Rate: 0.13, BiasVariance: 0.01, BiasRate: 0.02}
	bare := Sum{Variance: 2.0 / 9, Rate: 1.0 / 9}
	start := Sum{Variance: 2.0 / 9, Rate: 1.0 / 9, BiasRate: 0.4}
	out := Readout{Sum: Sum{Variance: 1.0 / 36, Rate: 1.0 / 36, BiasRate: 0.3, BiasVariance: 0.1}}
	all := Readout{Sum: Sum{Variance: 1.0 / 36 / 36, Rate: 0.5 / 36 / 36}, All: true}
	return map[string]Chain{
		"flatten":      {3, []Layer{same(6, 3, s, 0, 1), same(6, 3, s, 0, 1), same(6, 3, s, 0, 1)}, out},
		"pooled":       {3, []Layer{same(6, 3, s, 0, 1), same(6, 3, s, 0, 1), same(6, 3, s, 0, 1)}, all},
		"without bias": {1, []Layer{same(5, 3, bare, 0, 1), same(5, 3, bare, 0, 1)}, all},
		"biases at 0":  {1, []Layer{same(6, 3, start, 0, 1), same(6, 3, start, 0.3, 1), same(6, 3, start, 0, 1)}, all},
		"leaky":        {2, []Layer{same(5, 3, s, 0.2, 1), same(5, 5, s, -0.3, 1.2), same(5, 1, s, 1, 1)}, all},
		"one layer":    {2, []Layer{same(7, 3, s, 0, 1)}, all},
		"strides, dilation, uneven padding": {2, []Layer{
			{Rows: conv(9, 3, 1, 2, 2, 1), Cols: conv(7, 3, 1, 1, 1, 1), Sum: s, High: 1},
			{Rows: conv(8, 3, 2, 1, 0, 1), Cols: conv(7, 2, 2, 1, 1, 0), Sum: s, High: 1},
			{Rows: conv(4, 3, 1, 1, 0, 0), Cols: conv(4, 3, 1, 1, 1, 1), Sum: s, High: 1},
		}, all},
		"stride at the first, wide padding": {2, []Layer{
			{Rows: conv(5, 2, 3, 1, 4, 3), Cols: conv(6, 3, 2, 1, 3, 3), Sum: s, High: 1},
			{Rows: conv(4, 3, 1, 1, 1, 1), Cols: conv(5, 3, 1, 1, 1, 1), Sum: s, High: 1},
		}, all},
		"a row": {4, []Layer{
			{Rows: conv(1, 1, 1, 1, 0, 0), Cols: conv(11, 3, 1, 1, 1, 1), Sum: s, High: 1},
			{Rows: conv(1, 1, 1, 1, 0, 0), Cols: conv(11, 3, 1, 1, 1, 1), Sum: s, High: 1},
		}, all},
	}
}

// images are of numbers N(0, 1): the last three lanes are images[0] itself, one
// nearby, and its opposite; all have some black pixels.
func images(c *Chain, n int) [][]float64 {
	rows, cols := c.inputs(0)
	rng := rand.New(rand.NewPCG(7, 1))
	list := make([][]float64, n)
	for i := range list {
		x := make([]float64, rows*cols*c.Channels)
		for k := range x {
			x[k] = rng.NormFloat64()
			switch i {
			case n - 3:
				x[k] = list[0][k]
			case n - 2:
				x[k] = list[0][k] + 1e-4*x[k]
			case n - 1:
				x[k] = -list[0][k]
			}
		}
		clear(x[:4*c.Channels])
		if i == 0 || i > n-4 { // a corner with no variance after one layer
			for h := range min(rows, 4) {
				clear(x[h*cols*c.Channels : (h*cols+min(cols, 4))*c.Channels])
			}
		}
		list[i] = x
	}
	return list
}

// naive is the recursion on all pairs of positions by plain loops, with the
// expectations of package dual in float64.
func naive(t *testing.T, c *Chain, x, y []float64) (k, theta float64) {
	rows, cols := c.inputs(0)
	n := rows * cols
	inner := func(x, y []float64) [][]float64 {
		m := make([][]float64, n)
		for p := range m {
			m[p] = make([]float64, n)
			for q := range m[p] {
				for a := range c.Channels {
					m[p][q] += x[p*c.Channels+a] * y[q*c.Channels+a]
				}
			}
		}
		return m
	}
	distance := make([][]float64, n)
	for p := range distance {
		distance[p] = make([]float64, n)
		for q := range distance[p] {
			for a := range c.Channels {
				d := x[p*c.Channels+a] - y[q*c.Channels+a]
				distance[p][q] += d * d
			}
		}
	}
	m, q1, q2 := inner(x, y), inner(x, x), inner(y, y)
	tt := make([][]float64, n)
	for p := range tt {
		tt[p] = make([]float64, n)
	}
	for i := range c.Layers {
		l := &c.Layers[i]
		f := dual.ABReLU(l.Low, l.High)
		z := func(m [][]float64, border func(p, q int) float64) [][]float64 { return boxes(l, m, border) }
		sd := z(distance, func(p, q int) float64 {
			switch {
			case p < 0:
				return q2[q][q]
			case q < 0:
				return q1[p][p]
			}
			return 0
		})
		zero := func(int, int) float64 { return 0 }
		sm, st, s1, s2 := z(m, zero), z(tt, zero), z(q1, zero), z(q2, zero)
		size := len(sm)
		next := func() [][]float64 {
			y := make([][]float64, size)
			for p := range y {
				y[p] = make([]float64, size)
			}
			return y
		}
		m, tt, distance, q1, q2 = next(), next(), next(), next(), next()
		square := func(v float64) float64 {
			r, err := f.Moments(l.Variance*v + l.BiasVariance)
			if err != nil {
				t.Fatal(err)
			}
			return r.Square
		}
		for p := range size {
			q1[p][p], q2[p][p] = square(s1[p][p]), square(s2[p][p])
		}
		for p := range size {
			for q := range size {
				a, b := l.Variance*s1[p][p]+l.BiasVariance, l.Variance*s2[q][q]+l.BiasVariance
				pair := dual.Apart(a, b, l.Variance*sd[p][q])
				r, err := f.Dual(pair)
				if err != nil {
					t.Fatal(err)
				}
				m[p][q] = r.K
				tt[p][q] = r.Kdot * (l.Rate*sm[p][q] + l.Variance*st[p][q] + l.BiasRate)
				after, _, err := f.Next(pair)
				if err != nil {
					t.Fatal(err)
				}
				distance[p][q] = after.D()
			}
		}
	}
	r := c.Readout
	for p := range m {
		for q := range m {
			if p == q || r.All {
				k += r.Variance * m[p][q]
				theta += r.Rate*m[p][q] + r.Variance*tt[p][q]
			}
		}
	}
	return k + r.BiasVariance, theta + r.BiasRate
}

// boxes sums pairs of inputs over taps; border is for pairs of which a position is
// outside, −1.
func boxes(l *Layer, m [][]float64, border func(p, q int) float64) [][]float64 {
	size := l.Rows.Out * l.Cols.Out
	position := func(out int, a, b int) int {
		h, w := out/l.Cols.Out*l.Rows.Stride+a, out%l.Cols.Out*l.Cols.Stride+b
		if h < 0 || h >= l.Rows.In || w < 0 || w >= l.Cols.In {
			return -1
		}
		return h*l.Cols.In + w
	}
	y := make([][]float64, size)
	for p := range y {
		y[p] = make([]float64, size)
		for q := range y[p] {
			for _, a := range l.Rows.Offsets {
				for _, b := range l.Cols.Offsets {
					switch i, j := position(p, a, b), position(q, a, b); {
					case i < 0 && j < 0:
					case i < 0 || j < 0:
						y[p][q] += border(i, j)
					default:
						y[p][q] += m[i][j]
					}
				}
			}
		}
	}
	return y
}

// pairs computes one example with up to Lanes others.
func pairs[T Float](t *testing.T, c Chain, x []float64, list [][]float64) (k, theta []float64) {
	e, err := New[T](c)
	if err != nil {
		t.Fatal(err)
	}
	prepare := func(x []float64) *Example[T] {
		y, err := e.Example(x)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	w := e.Worker()
	a := prepare(x)
	for len(list) > 0 {
		n := min(Lanes, len(list))
		var group []*Example[T]
		for _, y := range list[:n] {
			group = append(group, prepare(y))
		}
		var kk, tt [Lanes]float64
		w.Pairs(a, e.Group(group), &kk, &tt)
		k, theta = append(k, kk[:n]...), append(theta, tt[:n]...)
		list = list[n:]
	}
	return k, theta
}

// TestPairs compares with naive. In float64 both are rounded at every step: 1e-12
// of the scale is some hundred ulp after sums of a thousand terms. In float32 the
// errors of single entries are some 1e-7 of their scale, and average. Near ρ = −1,
// which opposite images have in the first layer, the angle keeps half of the
// digits in both.
func TestPairs(t *testing.T) {
	for name, c := range chains() {
		xs := images(&c, 9)
		var k, theta []float64
		for _, y := range xs {
			a, b := naive(t, &c, xs[0], y)
			k, theta = append(k, a), append(theta, b)
		}
		scale := func(x []float64) float64 {
			m := 0.0
			for _, v := range x {
				m = max(m, math.Abs(v))
			}
			return m
		}
		check := func(t *testing.T, tol, opposite float64, gotK, gotTheta []float64) {
			for i := range xs {
				tol := tol
				if i == len(xs)-1 {
					tol = opposite
				}
				ek, et := math.Abs(gotK[i]-k[i])/scale(k), math.Abs(gotTheta[i]-theta[i])/scale(theta)
				if !(ek <= tol) || !(et <= tol) {
					t.Errorf("pair %d: K = %.10g, Θ = %.10g, want %.10g, %.10g: errors %.2g, %.2g of the largest, want ≤ %g",
						i, gotK[i], gotTheta[i], k[i], theta[i], ek, et, tol)
				}
			}
		}
		t.Run(name+", float64", func(t *testing.T) {
			a, b := pairs[float64](t, c, xs[0], xs)
			check(t, 1e-12, 1e-9, a, b)
		})
		both(t, name+", float32", func(t *testing.T) {
			a, b := pairs[float32](t, c, xs[0], xs)
			check(t, 5e-7, 5e-6, a, b)
		})
	}
}

// TestSmallGroups compares groups of fewer than Lanes with whole ones, bit by bit.
func TestSmallGroups(t *testing.T) {
	c := chains()["pooled"]
	xs := images(&c, 9)
	k, theta := pairs[float32](t, c, xs[3], xs[:8])
	for i := range 8 {
		a, b := pairs[float32](t, c, xs[3], xs[i:i+1])
		if a[0] != k[i] || b[0] != theta[i] {
			t.Errorf("example %d alone: %v, %v; among eight %v, %v", i, a[0], b[0], k[i], theta[i])
		}
	}
}

// TestNoAllocation holds a pair to what its worker has.
func TestNoAllocation(t *testing.T) {
	c := chains()["pooled"]
	xs := images(&c, 9)
	e, err := New[float32](c)
	if err != nil {
		t.Fatal(err)
	}
	var list []*Example[float32]
	for _, x := range xs {
		y, err := e.Example(x)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, y)
	}
	g, w := e.Group(list[:8]), e.Worker()
	var k, theta [Lanes]float64
	if n := testing.AllocsPerRun(5, func() { w.Pairs(list[8], g, &k, &theta) }); n != 0 {
		t.Errorf("%g allocations for a group of pairs, want none", n)
	}
}

// TestRefused checks the errors of chains and images that do not fit.
func TestRefused(t *testing.T) {
	good := chains()["pooled"]
	for name, spoil := range map[string]func(*Chain){
		"no layers":   func(c *Chain) { c.Layers = nil },
		"sizes":       func(c *Chain) { c.Layers = append([]Layer{same(5, 3, c.Layers[0].Sum, 0, 1)}, c.Layers...) },
		"variance":    func(c *Chain) { c.Layers[0].Variance = 0 },
		"readout":     func(c *Chain) { c.Readout.Variance = -1 },
		"no offsets":  func(c *Chain) { c.Layers[0].Rows.Offsets = nil },
		"no channels": func(c *Chain) { c.Channels = 0 },
	} {
		c := good
		c.Layers = append([]Layer(nil), good.Layers...)
		spoil(&c)
		if _, err := New[float32](c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	e, err := New[float32](good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Example(make([]float64, 5)); err == nil {
		t.Error("an image of 5 numbers: no error")
	}
}

// both runs a test with the kernels of this machine and with those in Go.
func both(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name+", machine", func(t *testing.T) {
		if !accelerated {
			t.Skip("the processor has no AVX2: the kernels are those in Go")
		}
		test(t)
	})
	t.Run(name+", Go", func(t *testing.T) {
		was := accelerated
		accelerated = false
		defer func() { accelerated = was }()
		test(t)
	})
}

// processorTime is what the process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPairs measures one goroutine on the network of five convolutions that
// neural-tangents takes 0.4 to 2 s a pair for.
func BenchmarkPairs(b *testing.B) {
	s := Sum{Variance: 1.96 / 9, Rate: 1.96 / 9, BiasVariance: 0.01, BiasRate: 0.01}
	for _, n := range []int{16, 32} {
		for _, all := range []bool{false, true} {
			c := Chain{Channels: 3, Readout: Readout{Sum: Sum{Variance: 1, Rate: 1}, All: all}}
			for range 5 {
				c.Layers = append(c.Layers, same(n, 3, s, 0, 1))
			}
			b.Run(fmt.Sprintf("%dx%d,all=%t", n, n, all), func(b *testing.B) {
				xs := images(&c, 9)
				e, err := New[float32](c)
				if err != nil {
					b.Fatal(err)
				}
				var list []*Example[float32]
				for _, x := range xs {
					y, err := e.Example(x)
					if err != nil {
						b.Fatal(err)
					}
					list = append(list, y)
				}
				g, w := e.Group(list[:8]), e.Worker()
				var k, theta [Lanes]float64
				from := processorTime()
				for b.Loop() {
					w.Pairs(list[8], g, &k, &theta)
				}
				b.ReportMetric((processorTime()-from).Seconds()*1e6/float64(8*b.N), "cpu-µs/pair")
			})
		}
	}
}
