package limits

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/backends"
)

// A monomial is c times numbers of the example times arguments; one that comes
// several times is listed so.
type monomial struct {
	c         float64
	factors   []int // of the derivation
	arguments []int
}

// A polynomialEntry is an entry of a field as a polynomial of arguments at the
// same place along the width, which may be correlated.
type polynomialEntry struct {
	arguments []argument
	means     []float64
	terms     []monomial
}

// Bounds of what is expanded: products of a dozen terms are enough for gates of
// gates, and moments of degree 16 have 2 million pairings.
const (
	mostTerms  = 64
	mostDegree = 6
)

// polynomialAt returns an entry of v as a polynomial, or why it is none.
func (d *derivation) polynomialAt(v cellOf, position int) (*polynomialEntry, error) {
	c := &cutter{d: d, depth: topmost, cut: &cut{}}
	x, err := c.visit(v.v, d.values[v.v].layout.coordinates(position, v.cell))
	if err != nil {
		return nil, err
	}
	terms, ok := expandPolynomial(x, c.cut.slots)
	if !ok {
		return nil, fmt.Errorf("it is a function of several Gaussians at once, and no polynomial of degree %d at most", mostDegree)
	}
	e := &polynomialEntry{arguments: c.cut.arguments, means: make([]float64, len(c.cut.arguments)), terms: terms}
	for i, a := range e.arguments {
		if d.values[a.v].kind != weight {
			continue
		}
		w, _ := d.entryOf(a.v, d.values[a.v].layout.coordinates(a.position, a.cell))
		e.means[i] = w.c * w.of.Mean
	}
	return e, nil
}

// isPolynomial reports whether every entry of v is a polynomial of Gaussians.
func (d *derivation) isPolynomial(v cellOf) error {
	for p := range d.values[v.v].layout.np {
		if _, err := d.polynomialAt(v, p); err != nil {
			return err
		}
	}
	return nil
}

// expandPolynomial multiplies an expression out.
func expandPolynomial(x *expression, slots []int) ([]monomial, bool) {
	switch {
	case x.isNumber:
		return []monomial{{c: x.number}}, true
	case x.argument >= 0:
		return []monomial{{c: 1, arguments: []int{x.argument}}}, true
	case x.slot >= 0:
		return []monomial{{c: 1, factors: []int{slots[x.slot]}}}, true
	case x.stop || len(x.in) > 2:
		return nil, false
	}
	var p [2][]monomial
	for i, u := range x.in {
		var ok bool
		if p[i], ok = expandPolynomial(u, slots); !ok {
			return nil, false
		}
	}
	a, b := p[0], p[1]
	switch x.op {
	case backends.OpTypeIdentity:
		return a, true
	case backends.OpTypeNeg:
		return scaled(a, -1), true
	case backends.OpTypeAdd:
		return collect(slices.Concat(a, b))
	case backends.OpTypeSub:
		return collect(slices.Concat(a, scaled(b, -1)))
	case backends.OpTypeMul:
		return productOf(a, b)
	case backends.OpTypeDiv:
		if x.in[1].isNumber {
			return scaled(a, 1/x.in[1].number), true
		}
	case backends.OpTypePow:
		n := x.in[1].number
		if !x.in[1].isNumber || n < 1 || n > mostDegree || n != math.Trunc(n) {
			return nil, false
		}
		y, ok := a, true
		for range int(n) - 1 {
			if y, ok = productOf(y, a); !ok {
				return nil, false
			}
		}
		return y, true
	}
	return nil, false
}

func scaled(a []monomial, c float64) []monomial {
	b := slices.Clone(a)
	for i := range b {
		b[i].c *= c
	}
	return b
}

func productOf(a, b []monomial) ([]monomial, bool) {
	var list []monomial
	for _, x := range a {
		for _, y := range b {
			z := monomial{c: x.c * y.c, factors: slices.Concat(x.factors, y.factors), arguments: slices.Concat(x.arguments, y.arguments)}
			if len(z.arguments) > mostDegree {
				return nil, false
			}
			slices.Sort(z.factors)
			slices.Sort(z.arguments)
			list = append(list, z)
		}
	}
	return collect(list)
}

// collect adds like terms.
func collect(list []monomial) ([]monomial, bool) {
	var sum []monomial
	for _, x := range list {
		same := func(y monomial) bool {
			return slices.Equal(x.factors, y.factors) && slices.Equal(x.arguments, y.arguments)
		}
		if i := slices.IndexFunc(sum, same); i >= 0 {
			sum[i].c += x.c
		} else {
			sum = append(sum, x)
		}
	}
	return sum, len(sum) <= mostTerms
}

// moment is E[Π x_i] of jointly Gaussian variables with means and covariances,
//
//	E[x_1 Π] = μ_1 E[Π] + Σ_j Cov(x_1, x_j) E[Π without x_j].
//
// Source: Isserlis, Biometrika 12 (1918).
func moment(list []int, mean []float64, covariance [][]float64) float64 {
	if len(list) == 0 {
		return 1
	}
	first, rest := list[0], list[1:]
	sum := 0.0
	if mean[first] != 0 {
		sum = mean[first] * moment(rest, mean, covariance)
	}
	for j, k := range rest {
		if c := covariance[first][k]; c != 0 {
			sum += c * moment(without(rest, j), mean, covariance)
		}
	}
	return sum
}

func without(list []int, j int) []int {
	return append(append(make([]int, 0, len(list)), list[:j]...), list[j+1:]...)
}
