package empirical

import (
	"fmt"
	"strings"
)

// A Way is how a weight's term is added to Θ. With J[b, i, j] = Σ_t δ[b, t, i] a[b, t, j]
// for each example and output:
//
//	Materialize  J, then its Gram matrix;
//	Factor       Gram of a, Gram of δ, their product summed over t and t';
//	Sequential   (Gram of a)·δ', then δ times that;
//	Separable    for δ = P[b, i]·M[t, i], M the same for all outputs: the Gram
//	             matrix of Σ_t M ⊗ a for each i, summed with the products of P.
//
// Factor, Sequential and Separable never hold J. They need a product, and
// Separable one of that form; weights that have none are materialized.
//
// NTK-vector Products take all weights at once: ∂f_p(x')/∂w by reverse mode for
// each example x' and output p, then forward mode along it.
type Way int

// The ways; Auto is the fastest one that is predicted.
const (
	Auto Way = iota
	Materialize
	Factor
	Sequential
	Separable
	Products
)

var wayNames = []string{"auto", "materialize", "factor", "sequential", "separable", "products"}

// String returns the name that ParseWay reads.
func (w Way) String() string { return wayNames[w] }

// ParseWay reads a way's name.
func ParseWay(name string) (Way, error) {
	for i, n := range wayNames {
		if n == name {
			return Way(i), nil
		}
	}
	return 0, fmt.Errorf("empirical: no way %q; choose one of %s", name, strings.Join(wayNames, ", "))
}

// rates say how fast the parts of a way go. They were measured on two cores of
// a server CPU; only their ratios matter.
var rates = struct {
	gram        float64 // FLOP/s of a large Gram matrix
	jacobian    float64 // FLOP/s of δᵀa
	small       float64 // FLOP/s of products of T × T and the like
	elementwise float64 // products summed per second
	memory      float64 // bytes per second, written and read again
	call        float64 // seconds that a small product costs whatever its size
}{120e9, 90e9, 25e9, 1e9, 5e9, 2e-6}

// An estimate is what a weight's term costs: the seconds of forming what its way
// needs, part of the examples' Program, and of contracting that on the host.
type estimate struct{ flops, form, contract float64 }

func (e estimate) seconds() float64 { return e.form + e.contract }

// estimate returns the cost of adding w's term for n examples of which pairs meet.
func (w *weight) estimate(way Way, outputs Outputs, o int, n, pairs float64, entry int) (e estimate) {
	size := float64(w.size())
	O := float64(o)
	if way == Materialize {
		perPair := 2 * O * size
		if outputs == Full {
			perPair *= O
		}
		e.flops = pairs * perPair
		e.contract = e.flops / rates.gram
		e.form = n * O * size * float64(entry) / rates.memory
		if w.product() && w.dims.T > 1 {
			form := n * 2 * O * float64(w.dims.T) * size
			e.flops += form
			e.form += form / rates.jacobian
		}
		return e
	}
	if way == Separable {
		rows := float64(w.dims.B * w.dims.I)
		form := n * 2 * float64(w.dims.T) * size
		pair := 2 * O * rows
		if outputs == Full {
			pair *= O
		}
		e.flops = form + pairs*(2*size+pair)
		e.form = form/rates.jacobian + n*(size+O*rows)*float64(entry)/rates.memory
		e.contract = pairs * ((2*size+pair)/rates.small + O*rows/rates.elementwise + rates.call)
		return e
	}
	B, T, I, J := float64(w.dims.B), float64(w.dims.T), float64(w.dims.I), float64(w.dims.J)
	gramA := 2 * T * T * J
	if w.indexed { // compared, not multiplied
		gramA, J = T*T, 1
	}
	var gemm, small, sum, calls float64
	switch {
	case way == Factor && outputs == Full:
		gemm, sum = gramA+2*O*O*T*T*I, O*O*T*T
	case way == Factor && outputs == Diagonal:
		gemm, sum = gramA+2*O*T*T*I, O*T*T
	case way == Factor:
		gemm, sum = gramA+2*O*T*T*I, T*T
	case outputs == Full: // sequential
		gemm, small, calls = gramA, 2*O*T*T*I+2*O*O*T*I, O+1
	default:
		gemm, small, sum, calls = gramA, 2*O*T*T*I, O*T*I, O
	}
	k := pairs * B
	e.flops = k * (gemm + small + 2*sum)
	e.form = n * B * T * (J + O*I) * float64(entry) / rates.memory
	e.contract = k * (gemm/rates.gram + small/rates.small + sum/rates.elementwise + calls*rates.call)
	return e
}

// choose picks a way for each weight: the one asked for where it applies, or
// the fastest.
func (s *selection) choose(asked Way, n, pairs float64, entry int) []Way {
	ways := make([]Way, len(s.weights))
	for i, w := range s.weights {
		ways[i] = Materialize
		if !w.product() || s.batch > 0 {
			continue
		}
		if asked != Auto {
			if asked != Separable || w.separation != nil {
				ways[i] = asked
			}
			continue
		}
		best := w.estimate(Materialize, s.outputs, s.rows, n, pairs, entry).seconds()
		for _, way := range []Way{Factor, Sequential, Separable} {
			if way == Separable && w.separation == nil {
				continue
			}
			if t := w.estimate(way, s.outputs, s.rows, n, pairs, entry).seconds(); t < best {
				ways[i], best = way, t
			}
		}
	}
	return ways
}

// leanest picks the way for each weight that keeps the fewest numbers of an
// example, and of two that keep as many the faster one.
func (s *selection) leanest(n, pairs float64, entry int) []Way {
	ways := make([]Way, len(s.weights))
	for i, w := range s.weights {
		ways[i] = Materialize
		if !w.product() || s.batch > 0 {
			continue
		}
		seconds := func(way Way) float64 { return w.estimate(way, s.outputs, s.rows, n, pairs, entry).seconds() }
		for _, way := range []Way{Factor, Sequential, Separable} {
			if way == Separable && w.separation == nil {
				continue
			}
			d := w.kept(way, s.rows) - w.kept(ways[i], s.rows)
			if d < 0 || d == 0 && seconds(way) < seconds(ways[i]) {
				ways[i] = way
			}
		}
	}
	return ways
}

// kept returns how many numbers of an example a way needs, for o outputs.
func (w *weight) kept(way Way, o int) int {
	switch way {
	case Materialize:
		return o * w.size()
	case Separable:
		return w.size() + o*w.dims.B*w.dims.I
	}
	return w.dims.B * w.dims.T * (w.width() + o*w.dims.I)
}
