package models_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestEmbedding: rows of the table by number; what is out of range is the nearest.
func TestEmbedding(t *testing.T) {
	table := gaussian(1, 5, 3)
	x := nd{[]int{2, 4}, []float64{0, 4, 2, 2, 1, 3, -7, 99}}
	rows := []int{0, 4, 2, 2, 1, 3, 0, 4}
	for param, s := range map[string]float64{"ntk": 1.5, "standard": 1} {
		want := newND(2, 4, 3)
		for i, r := range rows {
			for c := range 3 {
				want.data[i*3+c] = s * *table.at(r, c)
			}
		}
		spec := parse(t, `[{"op": "embedding", "vocabulary": 5, "width": 3, "w_std": 1.5}]`, param, 4)
		if e := relErr(forward(t, spec, map[string]nd{"p0_E": table}, x), want); !(e <= 1e-15) {
			t.Errorf("%s: relative error %g, want rounding", param, e)
		}
	}
}

// TestTokens: what names, orders and adds up positions.
func TestTokens(t *testing.T) {
	x, w := gaussian(1, 2, 3, 4), gaussian(2, 4)
	image := gaussian(3, 2, 2, 3, 4)
	p, q := gaussian(4, 3, 4), gaussian(5, 2, 3, 4)
	for _, tc := range []struct {
		name, layers string
		x            nd
		dims         []int
		want         func(i []int) float64
	}{
		{"class token", `[{"op": "class_token", "std": 0.5}]`, x, []int{2, 4, 4}, func(i []int) float64 {
			if i[1] == 0 {
				return 0.5 * w.data[i[2]]
			}
			return *x.at(i[0], i[1]-1, i[2])
		}},
		{"tokens", `[{"op": "tokens"}]`, image, []int{2, 6, 4}, func(i []int) float64 { return *image.at(i[0], i[1]/3, i[1]%3, i[2]) }},
		{"trained positions", `[{"op": "position_embedding", "std": 0.3}]`, x, x.dims, func(i []int) float64 {
			return *x.at(i...) + 0.3**p.at(i[1:]...)
		}},
		{"trained positions of pixels", `[{"op": "position_embedding", "std": 2, "name": "q"}]`, image, image.dims, func(i []int) float64 {
			return *image.at(i...) + 2**q.at(i[1:]...)
		}},
		{"waves", `[{"op": "position_embedding", "std": 2, "kind": "waves"}]`, x, x.dims, func(i []int) float64 {
			// Channels 0, 1 have period 2π; 2, 3 are slower by √10000.
			phase := float64(i[1])
			if i[2] >= 2 {
				phase /= 100
			}
			return *x.at(i...) + 2*[]func(float64) float64{math.Sin, math.Cos}[i[2]%2](phase)
		}},
		{"glu", `[{"op": "glu"}]`, x, []int{2, 3, 2}, func(i []int) float64 {
			return *x.at(i...) * sigmoid(*x.at(i[0], i[1], i[2]+2))
		}},
		{"reglu", `[{"op": "glu", "activation": "relu"}]`, x, []int{2, 3, 2}, func(i []int) float64 {
			return *x.at(i...) * math.Max(0, *x.at(i[0], i[1], i[2]+2))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := newND(tc.dims...)
			each(tc.dims, func(i []int) { *want.at(i...) = tc.want(i) })
			a := map[string]nd{"p0_W": w, "p0_P": p, "q_P": q}
			got := forward(t, parse(t, tc.layers, "ntk", tc.x.dims[1:]...), a, tc.x)
			if e := relErr(got, want); !(e <= 1e-14) {
				t.Errorf("relative error %g, want ≤ 1e-14 (shape %v, want %v)", e, got.dims, want.dims)
			}
		})
	}
}

// TestDenseAlong: a dense layer on an axis that is not the last, its bias along it.
func TestDenseAlong(t *testing.T) {
	x, w, b := gaussian(1, 2, 3, 5, 4), gaussian(2, 5, 6), gaussian(3, 6)
	for _, axis := range []int{2, -2} {
		want := newND(2, 3, 6, 4)
		each(want.dims, func(i []int) {
			z := 0.3 * b.data[i[2]]
			for k := range 5 {
				z += 1.5 / math.Sqrt(5) * *x.at(i[0], i[1], k, i[3]) * *w.at(k, i[2])
			}
			*want.at(i...) = z
		})
		spec := parse(t, fmt.Sprintf(`[{"op": "dense", "width": 6, "axis": %d, "w_std": 1.5, "b_std": 0.3}]`, axis), "ntk", 3, 5, 4)
		if e := relErr(forward(t, spec, map[string]nd{"p0_W": w, "p0_b": b}, x), want); !(e <= sumTol) {
			t.Errorf("axis %d: relative error %g, want ≤ %g", axis, e, sumTol)
		}
	}
}

// A state is the hidden state of one example in a plain loop.
type state []float64

// product adds s·h W to z.
func (z state) product(s float64, h []float64, w nd) {
	for i, v := range h {
		for o := range z {
			z[o] += s * v * *w.at(i, o)
		}
	}
}

// recurrentArrays draws the weights of one gate: U [c, width], W, b.
func recurrentArrays(gate string, seed uint64, c, width int) map[string]nd {
	return map[string]nd{
		"p0_U" + gate: gaussian(seed, c, width), "p0_W" + gate: gaussian(seed+1, width, width), "p0_b" + gate: gaussian(seed+2, width),
	}
}

// TestRecurrent: one step after the other, for one example after the other.
func TestRecurrent(t *testing.T) {
	const n, steps, c, width = 2, 4, 3, 5
	x := gaussian(1, n, steps, c)
	a := recurrentArrays("", 10, c, width)
	for i, gate := range []string{"z", "r", "h"} {
		for name, v := range recurrentArrays(gate, uint64(20+10*i), c, width) {
			a[name] = v
		}
	}
	for _, tc := range []struct {
		layer, param string
		su, sw, sb   float64
		step         func(pre func(gate string, h state) state, h state) state
	}{
		{`"op": "rnn"`, "ntk", 0.9 / math.Sqrt(c), 1.3 / math.Sqrt(width), 0.2, func(pre func(string, state) state, h state) state {
			z := pre("", h)
			for i := range z {
				z[i] = math.Tanh(z[i])
			}
			return z
		}},
		{`"op": "rnn", "activation": "relu"`, "standard", 1, 1, 1, func(pre func(string, state) state, h state) state {
			z := pre("", h)
			for i := range z {
				z[i] = math.Max(0, z[i])
			}
			return z
		}},
		{`"op": "gru"`, "ntk", 0.9 / math.Sqrt(c), 1.3 / math.Sqrt(width), 0.2, func(pre func(string, state) state, h state) state {
			z, r := pre("z", h), pre("r", h)
			reset := make(state, width)
			for i := range reset {
				reset[i] = sigmoid(r[i]) * h[i]
			}
			next := pre("h", reset)
			for i := range next {
				keep := sigmoid(z[i])
				next[i] = keep*h[i] + (1-keep)*math.Tanh(next[i])
			}
			return next
		}},
	} {
		for _, output := range []string{"all", "last"} {
			t.Run(tc.layer+output, func(t *testing.T) {
				all, last := newND(n, steps, width), newND(n, width)
				for i := range n {
					h := make(state, width)
					for k := range steps {
						xt := x.data[(i*steps+k)*c : (i*steps+k+1)*c]
						h = tc.step(func(gate string, h state) state {
							z := make(state, width)
							z.product(tc.su, xt, a["p0_U"+gate])
							z.product(tc.sw, h, a["p0_W"+gate])
							for o := range z {
								z[o] += tc.sb * a["p0_b"+gate].data[o]
							}
							return z
						}, h)
						copy(all.data[(i*steps+k)*width:], h)
					}
					copy(last.data[i*width:], h)
				}
				want := all
				if output == "last" {
					want = last
				}
				spec := parse(t, fmt.Sprintf(`[{%s, "width": %d, "u_std": 0.9, "w_std": 1.3, "b_std": 0.2, "output": %q}]`, tc.layer, width, output), tc.param, steps, c)
				if e := relErr(forward(t, spec, a, x), want); !(e <= 1e-12) { // standard: values up to 10³
					t.Errorf("relative error %g, want ≤ 1e-12", e)
				}
				infos, err := spec.Params()
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range infos {
					if !slices.Equal(p.Shape, a[p.Name].dims) {
						t.Errorf("%s has shape %v, want %v", p.Name, p.Shape, a[p.Name].dims)
					}
				}
			})
		}
	}
}
