package dual

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"
)

// A mesh holds functions of x ~ N(0, 1) at the nodes of composite
// Gauss-Legendre rules that resolve them: E[f] ≈ Σ weight·f(x). It is its own
// mirror image: x ascends, and x[i] = −x[len(x)−1−i].
type mesh struct {
	x, weight []float64 // weight includes the normal density
	values    [][]float64
	// unresolved is the error left by bisection, relative to E[f²].
	unresolved float64
}

const (
	nodes = 24 // a panel; two halves are compared with the whole
	// depth of bisection: a kink that was not told is closed in to 2/2^42.
	depth = 42
	// most panels of a mesh: what needs more is rounding, or too rough.
	mostPanels = 2000
	// fewOrders is enough for what is not multiplied with Hermite functions.
	fewOrders = 128
)

var (
	legendreX, legendreW = legendre()
	legendreD            = differentiation(legendreX)
)

func legendre() (x, w []float64) {
	x, w = make([]float64, nodes), make([]float64, nodes)
	quad.Legendre{}.FixedLocations(x, w, 0, 1)
	return x, w
}

// mesh returns the mesh of x ↦ φ(sd·x) and x ↦ φ'(sd·x).
func (f *Activation) mesh(sd float64, orders int) (*mesh, error) {
	return newMesh(f.scaled(sd), f.breaks(sd), orders)
}

// common returns a mesh of φ(s1·x), φ'(s1·x), ψ(s2·x) and ψ'(s2·x).
func common(f, g *Activation, s1, s2 float64) (*mesh, error) {
	return newMesh(append(f.scaled(s1), g.scaled(s2)...), append(f.breaks(s1), g.breaks(s2)...), fewOrders)
}

// newMesh resolves fns, and with that their products with each other and with
// Hermite functions up to the given order. Breaks are where they are not smooth.
// It returns an error if E[f²] is infinite for one of them.
func newMesh(fns []func(float64) float64, breaks []float64, orders int) (*mesh, error) {
	r, err := reach(fns)
	if err != nil {
		return nil, err
	}
	cuts := []float64{0, r}
	for _, b := range breaks {
		if b = math.Abs(b); b < r {
			cuts = append(cuts, b)
		}
	}
	slices.Sort(cuts)
	// The wave number of the highest Hermite function is √orders; a panel holds
	// less than four waves of it.
	b := builder{fns: fns, wave: math.Sqrt(float64(orders)), scale: make([]float64, len(fns))}
	width := 22 / b.wave
	var panels []*panel
	for i, lo := range cuts[:len(cuts)-1] {
		hi := cuts[i+1]
		n := math.Ceil((hi - lo) / width)
		for k := range int(n) {
			panels = append(panels, b.panel(lo+(hi-lo)*float64(k)/n, lo+(hi-lo)*float64(k+1)/n))
		}
	}
	for _, p := range panels {
		for i := range fns {
			b.scale[i] += p.right[i].square + p.left[i].square
		}
	}
	for _, p := range panels {
		b.refine(p, depth)
	}
	return b.mesh(), nil
}

// dot returns E[f g].
func (m *mesh) dot(f, g []float64) float64 {
	s := 0.0
	for i, w := range m.weight {
		s += w * f[i] * g[i]
	}
	return s
}

// mean returns E[f].
func (m *mesh) mean(f []float64) float64 {
	s := 0.0
	for i, w := range m.weight {
		s += w * f[i]
	}
	return s
}

// slope returns f', by differentiating f's interpolant on each panel. It loses a
// factor of some 1000 of precision.
func (m *mesh) slope(f []float64) []float64 {
	d := make([]float64, len(f))
	for at := 0; at < len(f); at += nodes {
		panel := f[at : at+nodes]
		size := (m.x[at+nodes-1] - m.x[at]) / (legendreX[nodes-1] - legendreX[0])
		for i, row := range legendreD {
			for j, w := range row {
				d[at+i] += w * (panel[j] - panel[i]) / size
			}
		}
	}
	return d
}

// differentiation returns D with p'(x_i) = Σ_j D_ij (p(x_j) − p(x_i)) for
// polynomials p of degree below len(x): D_ij = (w_j/w_i)/(x_i − x_j) with
// w_i = 1/Π_{l≠i} (x_i − x_l).
//
// Source: Berrut and Trefethen, "Barycentric Lagrange interpolation", SIAM
// Review 46 (2004), eq. (9.4).
func differentiation(x []float64) [][]float64 {
	weight := make([]float64, len(x))
	for i := range x {
		weight[i] = 1
		for l := range x {
			if l != i {
				weight[i] /= x[i] - x[l]
			}
		}
	}
	d := make([][]float64, len(x))
	for i := range x {
		d[i] = make([]float64, len(x))
		for j := range x {
			if j != i {
				d[i][j] = weight[j] / weight[i] / (x[i] - x[j])
			}
		}
	}
	return d
}

// reach returns how far out a function still counts: 14 for one that grows
// slower than any exponential, more for exponentials.
func reach(fns []func(float64) float64) (float64, error) {
	for _, r := range []float64{14, 20, 28, 37} {
		enough := true
		for _, f := range fns {
			edge, peak := 0.0, 0.0
			for i := range 75 {
				x := r * (float64(i)/37 - 1)
				a := math.Abs(f(x)) * math.Exp(-x*x/4)
				peak = max(peak, a)
				if i == 0 || i == 74 {
					edge = max(edge, a)
				}
				if a-a != 0 {
					return 0, fmt.Errorf("the function is %g at %g standard deviations", f(x), x)
				}
			}
			// The square of it is what E[f²] misses.
			enough = enough && edge <= 1e-10*peak
		}
		if enough {
			return r, nil
		}
	}
	return 0, fmt.Errorf("the function grows so fast that E[φ²] is infinite or not resolved")
}

// A panel is one Gauss-Legendre rule at x > 0, with its mirror image.
type panel struct {
	lo, hi      float64
	x, w        []float64
	right, left []side // of each function, at x and −x
}

// A side is a function on a panel, with the integrals that are compared.
type side struct {
	f      []float64
	square float64 // ∫ f² γ
	wavy   float64 // ∫ f cos(κx + 0.7) √γ, as wavy as a Hermite function
}

func (a *side) add(j int, y, weight, wavy float64) {
	a.f[j] = y
	a.square += weight * y * y
	a.wavy += wavy * y
}

// far is by how much a differs from the sum of its halves, for E[f²] = scale.
func (a side) far(left, right side, scale float64) float64 {
	return max(math.Abs(a.square-left.square-right.square)/scale, math.Abs(a.wavy-left.wavy-right.wavy)/math.Sqrt(scale))
}

type builder struct {
	fns        []func(float64) float64
	wave       float64
	scale      []float64 // E[f²] of each
	done       []*panel
	splits     int // mostPanels limits it
	unresolved float64
}

func (b *builder) panel(lo, hi float64) *panel {
	n := len(b.fns)
	room := make([]float64, (2+2*n)*nodes)
	cut := func() (s []float64) {
		s, room = room[:nodes:nodes], room[nodes:]
		return s
	}
	p := &panel{lo: lo, hi: hi, x: cut(), w: cut(), right: make([]side, n), left: make([]side, n)}
	for i := range n {
		p.right[i].f, p.left[i].f = cut(), cut()
	}
	for j := range nodes {
		x := lo + (hi-lo)*legendreX[j]
		g := normal(x)
		p.x[j], p.w[j] = x, (hi-lo)*legendreW[j]*g
		wavy := (hi - lo) * legendreW[j] * math.Cos(b.wave*x+0.7) * math.Sqrt(g)
		for i, f := range b.fns {
			p.right[i].add(j, f(x), p.w[j], wavy)
			p.left[i].add(j, f(-x), p.w[j], wavy)
		}
	}
	return p
}

// refine halves a panel until its halves agree with it.
func (b *builder) refine(p *panel, depth int) {
	mid := (p.lo + p.hi) / 2
	inner, outer := b.panel(p.lo, mid), b.panel(mid, p.hi)
	worst := 0.0
	for i, s := range b.scale {
		if s != 0 {
			worst = max(worst, p.right[i].far(inner.right[i], outer.right[i], s)+p.left[i].far(inner.left[i], outer.left[i], s))
		}
	}
	// Sums of 24 terms that are below 0.1 of the scale agree to 1e-16.
	if worst <= 4e-16 || !(mid > p.lo && mid < p.hi) {
		b.done = append(b.done, p)
		return
	}
	if b.splits++; depth == 0 || b.splits > mostPanels {
		b.unresolved += worst
		b.done = append(b.done, p)
		return
	}
	b.refine(inner, depth-1)
	b.refine(outer, depth-1)
}

// mesh lays the panels out, mirror images first.
func (b *builder) mesh() *mesh {
	half := len(b.done) * nodes
	m := &mesh{x: make([]float64, 2*half), weight: make([]float64, 2*half), values: make([][]float64, len(b.fns)), unresolved: b.unresolved}
	for i := range m.values {
		m.values[i] = make([]float64, 2*half)
	}
	for k, p := range b.done {
		for j := range nodes {
			r, l := half+k*nodes+j, half-1-k*nodes-j
			m.x[r], m.x[l] = p.x[j], -p.x[j]
			m.weight[r], m.weight[l] = p.w[j], p.w[j]
			for i, v := range m.values {
				v[r], v[l] = p.right[i].f[j], p.left[i].f[j]
			}
		}
	}
	return m
}
