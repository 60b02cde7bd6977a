package models_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// pads is the padding of the oracles' README: before and after.
func pads(padding string, in, k, stride, dilation int) (int, int) {
	if padding == "VALID" {
		return 0, 0
	}
	out := int(math.Ceil(float64(in) / float64(stride)))
	total := max((out-1)*stride+(k-1)*dilation+1-in, 0)
	return total / 2, total - total/2
}

// A slide is a window over spatial axes, by definition.
type slide struct {
	k, s, d []int
	padding string
}

// out returns the output's spatial shape.
func (w slide) out(in []int) []int {
	out := make([]int, len(in))
	for i := range in {
		a, b := pads(w.padding, in[i], w.k[i], w.s[i], w.d[i])
		out[i] = (in[i]+a+b-(w.k[i]-1)*w.d[i]-1)/w.s[i] + 1
	}
	return out
}

// source returns the input position that tap t sees at output o, or false
// where that is beyond the border.
func (w slide) source(in, o, t []int) ([]int, bool) {
	p := make([]int, len(in))
	for i := range in {
		a, _ := pads(w.padding, in[i], w.k[i], w.s[i], w.d[i])
		p[i] = o[i]*w.s[i] + t[i]*w.d[i] - a
		if w.padding == "CIRCULAR" {
			p[i] = ((p[i] % in[i]) + in[i]) % in[i]
		}
		if p[i] < 0 || p[i] >= in[i] {
			return nil, false
		}
	}
	return p, true
}

// convLoops is a cross-correlation, W spatial, I, O.
func convLoops(x, w nd, win slide, groups int) nd {
	n := len(win.k)
	in := x.dims[1 : n+1]
	width, perIn := w.dims[n+1], w.dims[n]
	perOut := width / groups
	y := newND(append(append([]int{x.dims[0]}, win.out(in)...), width)...)
	each(y.dims, func(i []int) {
		g := i[n+1] / perOut
		sum := 0.0
		each(win.k, func(t []int) {
			p, ok := win.source(in, i[1:n+1], t)
			if !ok {
				return
			}
			for c := range perIn {
				at := append(append([]int{i[0]}, p...), g*perIn+c)
				sum += *x.at(at...) * *w.at(append(slices.Clone(t), c, i[n+1])...)
			}
		})
		*y.at(i...) = sum
	})
	return y
}

// affine returns s·y + sb·b, b on the last axes.
func affine(y nd, s float64, b nd, sb float64) nd {
	z := newND(y.dims...)
	for i, v := range y.data {
		z.data[i] = s * v
		if len(b.data) > 0 {
			z.data[i] += sb * b.data[i%len(b.data)]
		}
	}
	return z
}

// Sums of at most 10² products of N(0, 1) numbers, in another order.
const sumTol = 1e-13

func TestConv(t *testing.T) {
	for i, tc := range []struct {
		in, k, s, d []int
		padding     string
		groups      int
		width       int
	}{
		{[]int{5, 6}, []int{3, 3}, []int{1, 1}, []int{1, 1}, "SAME", 1, 4},
		{[]int{5, 6}, []int{3, 2}, []int{2, 3}, []int{1, 1}, "SAME", 1, 4},
		{[]int{6, 6}, []int{3, 3}, []int{2, 2}, []int{1, 1}, "SAME", 1, 2},
		{[]int{5, 6}, []int{2, 3}, []int{2, 1}, []int{1, 1}, "VALID", 1, 3},
		{[]int{5, 6}, []int{3, 3}, []int{1, 1}, []int{1, 1}, "CIRCULAR", 1, 2},
		{[]int{4, 6}, []int{3, 3}, []int{2, 2}, []int{1, 1}, "CIRCULAR", 1, 2},
		{[]int{2, 3}, []int{5, 9}, []int{1, 1}, []int{1, 1}, "CIRCULAR", 1, 2}, // wraps more than once
		{[]int{7, 6}, []int{3, 2}, []int{1, 1}, []int{2, 3}, "SAME", 1, 2},
		{[]int{7, 8}, []int{2, 3}, []int{2, 2}, []int{3, 2}, "CIRCULAR", 1, 2},
		{[]int{5, 5}, []int{3, 3}, []int{1, 1}, []int{1, 1}, "SAME", 2, 6},
		{[]int{5, 5}, []int{3, 3}, []int{2, 2}, []int{1, 1}, "SAME", 4, 8}, // depthwise
		{[]int{9}, []int{4}, []int{2}, []int{1}, "SAME", 1, 3},
		{[]int{3, 4, 3}, []int{2, 2, 3}, []int{1, 2, 1}, []int{1, 1, 1}, "SAME", 1, 2},
		{[]int{3, 3}, []int{1, 1}, []int{2, 2}, []int{1, 1}, "SAME", 1, 2},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			const channels = 4
			s := parse(t, fmt.Sprintf(`[{"op": "conv", "width": %d, "filter": %s, "strides": %s, "dilation": %s, "padding": %q, "groups": %d, "w_std": 1.5, "b_std": 0.3}]`,
				tc.width, list(tc.k), list(tc.s), list(tc.d), tc.padding, tc.groups), "ntk", append(slices.Clone(tc.in), channels)...)
			x := gaussian(1, append(append([]int{2}, tc.in...), channels)...)
			w := gaussian(2, append(slices.Clone(tc.k), channels/tc.groups, tc.width)...)
			b := gaussian(3, tc.width)
			got := forward(t, s, map[string]nd{"p0_W": w, "p0_b": b}, x)
			fanIn := float64(size(tc.k) * channels / tc.groups)
			want := affine(convLoops(x, w, slide{tc.k, tc.s, tc.d, tc.padding}, tc.groups), 1.5/math.Sqrt(fanIn), b, 0.3)
			if e := relErr(got, want); !(e <= sumTol) {
				t.Errorf("relative error %g, want ≤ %g", e, sumTol)
			}
		})
	}
}

func list(v []int) string {
	s := "["
	for i, x := range v {
		if i > 0 {
			s += ","
		}
		s += fmt.Sprint(x)
	}
	return s + "]"
}

// TestConvTranspose: dilate, pad by (a, t−a), correlate, each written out.
func TestConvTranspose(t *testing.T) {
	for _, padding := range []string{"SAME", "VALID"} {
		for _, k := range []int{1, 2, 3, 4} {
			for _, s := range []int{1, 2, 3} {
				t.Run(fmt.Sprintf("%s k=%d s=%d", padding, k, s), func(t *testing.T) {
					total, a := k+s-2, 0
					if padding == "SAME" {
						if s > k-1 {
							a = k - 1
						} else {
							a = int(math.Ceil(float64(total) / 2))
						}
					} else {
						total += max(k-s, 0)
						a = k - 1
					}
					const in, c, width = 4, 2, 3
					x, w, b := gaussian(1, 2, in, in, c), gaussian(2, k, k, c, width), gaussian(3, width)
					wide := (in-1)*s + 1 + total
					padded := newND(2, wide, wide, c)
					each(x.dims, func(i []int) { *padded.at(i[0], a+i[1]*s, a+i[2]*s, i[3]) = *x.at(i...) })
					one := []int{1, 1}
					want := affine(convLoops(padded, w, slide{[]int{k, k}, one, one, "VALID"}, 1), 0.7/math.Sqrt(float64(k*k*c)), b, 0.3)
					spec := parse(t, fmt.Sprintf(`[{"op": "conv_transpose", "width": %d, "filter": [%d,%d], "strides": [%d,%d], "padding": %q, "w_std": 0.7, "b_std": 0.3}]`,
						width, k, k, s, s, padding), "ntk", in, in, c)
					if e := relErr(forward(t, spec, map[string]nd{"p0_W": w, "p0_b": b}, x), want); !(e <= sumTol) {
						t.Errorf("relative error %g, want ≤ %g", e, sumTol)
					}
				})
			}
		}
	}
}

func TestConvLocal(t *testing.T) {
	for _, padding := range []string{"SAME", "VALID", "CIRCULAR"} {
		for _, s := range [][]int{{1, 1}, {2, 1}} {
			t.Run(fmt.Sprint(padding, s), func(t *testing.T) {
				in, k, c, width := []int{4, 5}, []int{3, 2}, 2, 3
				win := slide{k, s, []int{1, 1}, padding}
				out := win.out(in)
				x := gaussian(1, 2, in[0], in[1], c)
				w, b := gaussian(2, out[0], out[1], 6, c, width), gaussian(3, out[0], out[1], width)
				y := newND(2, out[0], out[1], width)
				each(y.dims, func(i []int) {
					each(k, func(tap []int) {
						if p, ok := win.source(in, i[1:3], tap); ok {
							for ch := range c {
								*y.at(i...) += *x.at(i[0], p[0], p[1], ch) * *w.at(i[1], i[2], tap[0]*2+tap[1], ch, i[3])
							}
						}
					})
				})
				want := affine(y, 1.5/math.Sqrt(12), b, 0.3)
				spec := parse(t, fmt.Sprintf(`[{"op": "conv_local", "width": 3, "filter": [3,2], "strides": %s, "padding": %q, "w_std": 1.5, "b_std": 0.3}]`,
					list(s), padding), "ntk", 4, 5, 2)
				if e := relErr(forward(t, spec, map[string]nd{"p0_W": w, "p0_b": b}, x), want); !(e <= sumTol) {
					t.Errorf("relative error %g, want ≤ %g", e, sumTol)
				}
			})
		}
	}
}

func TestPools(t *testing.T) {
	for _, op := range []string{"sum_pool", "max_pool", "avg_pool", "avg_pool edges"} {
		for _, padding := range []string{"SAME", "VALID", "CIRCULAR"} {
			for i, sh := range [][3][]int{
				{{5, 6}, {2, 3}, {1, 2}},
				{{5, 6}, {3, 3}, {2, 2}},
				{{4, 4}, {1, 4}, {1, 1}},
				{{7}, {3}, {2}},
			} {
				t.Run(fmt.Sprint(op, padding, i), func(t *testing.T) {
					in, k, s := sh[0], sh[1], sh[2]
					one := slices.Repeat([]int{1}, len(in))
					win := slide{k, s, one, padding}
					x := gaussian(1, append(append([]int{2}, in...), 3)...)
					for j := range x.data {
						x.data[j] -= 5 // a maximum padded with 0 would show
					}
					n := len(in)
					want := newND(append(append([]int{2}, win.out(in)...), 3)...)
					each(want.dims, func(i []int) {
						sum, most, inside := 0.0, math.Inf(-1), 0
						each(k, func(tap []int) {
							if p, ok := win.source(in, i[1:n+1], tap); ok {
								v := *x.at(append(append([]int{i[0]}, p...), i[n+1])...)
								sum, most, inside = sum+v, max(most, v), inside+1
							}
						})
						switch op {
						case "max_pool":
							sum = most
						case "avg_pool":
							sum /= float64(size(k))
						case "avg_pool edges":
							sum /= float64(inside)
						}
						*want.at(i...) = sum
					})
					name, extra := op, ""
					if op == "avg_pool edges" {
						name, extra = "avg_pool", `, "normalize_edges": true`
					}
					spec := parse(t, fmt.Sprintf(`[{"op": %q, "window": %s, "strides": %s, "padding": %q%s}]`, name, list(k), list(s), padding, extra),
						"ntk", append(slices.Clone(in), 3)...)
					if e := relErr(forward(t, spec, nil, x), want); !(e <= sumTol) {
						t.Errorf("relative error %g, want ≤ %g", e, sumTol)
					}
				})
			}
		}
	}
}
