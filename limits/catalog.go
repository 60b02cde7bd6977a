package limits

import (
	"math"
	"sync"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/dual"
)

// A catalog recognizes functions that have a closed form, and makes equal ones
// one object, which is what dual asks for.
type catalog struct {
	mu   sync.Mutex
	made map[string]*dual.Activation
}

// shared returns the activation made before under a's name, or a.
func (c *catalog) shared(a *dual.Activation) *dual.Activation {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b, ok := c.made[a.Name]; ok {
		return b
	}
	c.made[a.Name] = a
	return a
}

// recognize returns the closed form that a, which f is, agrees with at some
// hundred points in value and slope, or a itself.
func (c *catalog) recognize(f *function, a *dual.Activation) *dual.Activation {
	for _, b := range candidates(f, a) {
		if agree(a, b) {
			return c.shared(b)
		}
	}
	return c.plain(a)
}

// plain recognizes what is linear on either side of 0: derivatives too.
func (c *catalog) plain(a *dual.Activation) *dual.Activation {
	for _, b := range []*dual.Activation{dual.Identity(), dual.ReLU()} {
		if agree(a, b) {
			return c.shared(b)
		}
	}
	if b := dual.ABReLU(0-a.Value(-1), a.Value(1)); agree(a, b) {
		return c.shared(b)
	}
	if b := dual.Polynomial(a.Value(0)); agree(a, b) {
		return c.shared(b)
	}
	return a
}

func candidates(f *function, a *dual.Activation) []*dual.Activation {
	list := []*dual.Activation{dual.Identity(), dual.ReLU(), dual.Abs(), dual.ABReLU(0-a.Value(-1), a.Value(1)), dual.GELU(), dual.Gabor(), dual.Sign()}
	for degree := 2; degree <= 8; degree++ {
		if r, err := dual.RectifiedMonomial(degree); err == nil {
			list = append(list, r)
		}
	}
	if p, ok := f.polynomial(f.expression); ok {
		return append(list[:4], dual.Polynomial(p...))
	}
	// These have no closed form, but faster code.
	list = append(list, dual.Tanh(), dual.Sigmoid(), dual.Softplus(), dual.SiLU(), dual.SELU(), dual.GELUTanh(), dual.ELU(-a.Value(-300)))
	for _, atom := range f.atoms(nil, f.expression) {
		b, c, ok := f.inner(atom)
		if !ok || b == 0 {
			if p, ok := f.polynomial(atom.in[0]); ok && atom.op == backends.OpTypeExp && len(p) == 3 && p[1] == 0 {
				list = append(list, dual.Gaussian(a.Value(0), p[2]))
			}
			continue
		}
		switch atom.op {
		case backends.OpTypeErf:
			if c == 0 {
				shift := a.Value(0)
				list = append(list, dual.Erf((a.Value(1)-shift)/math.Erf(b), b, shift))
			}
		case backends.OpTypeSin:
			list = append(list, dual.Sin(a.Value(0.5)/math.Sin(b*0.5+c), b, c))
		case backends.OpTypeCos:
			list = append(list, dual.Cos(a.Value(0.5)/math.Cos(b*0.5+c), b, c))
		case backends.OpTypeExp:
			list = append(list, dual.Exp(a.Value(0), b))
		}
	}
	return list
}

// atoms lists the transcendental functions in an expression.
func (f *function) atoms(list []*expression, x *expression) []*expression {
	switch x.op {
	case backends.OpTypeErf, backends.OpTypeSin, backends.OpTypeCos, backends.OpTypeExp:
		list = append(list, x)
	}
	for _, u := range x.in {
		list = f.atoms(list, u)
	}
	return list
}

// inner returns the operand of x as b·u + c.
func (f *function) inner(x *expression) (b, c float64, ok bool) {
	p, ok := f.polynomial(x.in[0])
	if !ok || len(p) > 2 {
		return 0, 0, false
	}
	p = append(p, 0, 0)
	return p[1], p[0], true
}

// polynomial returns the coefficients of an expression in the Gaussian, if it
// is a polynomial of degree 16 at most.
func (f *function) polynomial(x *expression) ([]float64, bool) {
	switch {
	case x.isNumber:
		return []float64{x.number}, true
	case x.argument == 0:
		return []float64{f.base[0], 1}, true
	case x.argument > 0:
		return []float64{f.base[x.argument]}, true
	case x.slot >= 0 || x.stop || len(x.in) > 2:
		return nil, false
	}
	var p [2][]float64
	for i, u := range x.in {
		var ok bool
		if p[i], ok = f.polynomial(u); !ok {
			return nil, false
		}
	}
	a, b := p[0], p[1]
	switch x.op {
	case backends.OpTypeIdentity:
		return a, true
	case backends.OpTypeNeg:
		return combine(a, nil, -1, 0), true
	case backends.OpTypeAdd:
		return combine(a, b, 1, 1), true
	case backends.OpTypeSub:
		return combine(a, b, 1, -1), true
	case backends.OpTypeMul:
		return convolve(a, b), len(a)+len(b) <= 18
	case backends.OpTypeDiv:
		if len(b) == 1 {
			return combine(a, nil, 1/b[0], 0), true
		}
	case backends.OpTypePow:
		n := 0
		if len(b) == 1 && b[0] >= 1 && b[0] <= 16 && b[0] == math.Trunc(b[0]) {
			n = int(b[0])
		}
		if n == 0 || (len(a)-1)*n > 16 {
			return nil, false
		}
		y := a
		for range n - 1 {
			y = convolve(y, a)
		}
		return y, true
	}
	return nil, false
}

func combine(a, b []float64, s, t float64) []float64 {
	y := make([]float64, max(len(a), len(b)))
	for i, v := range a {
		y[i] += s * v
	}
	for i, v := range b {
		y[i] += t * v
	}
	for len(y) > 1 && y[len(y)-1] == 0 {
		y = y[:len(y)-1]
	}
	return y
}

func convolve(a, b []float64) []float64 {
	y := make([]float64, len(a)+len(b)-1)
	for i, v := range a {
		for j, w := range b {
			y[i+j] += v * w
		}
	}
	return y
}

// agree reports whether two activations have the same values and slopes.
func agree(a, b *dual.Activation) bool {
	for _, x := range agreePoints {
		y, z := a.Value(x), b.Value(x)
		s, t := a.Slope(x), b.Slope(x)
		if y == z && s == t { // infinities too
			continue
		}
		if !(math.Abs(y-z) <= 4e-15*(1+math.Abs(y)+math.Abs(x*s))) || !(math.Abs(s-t) <= 4e-14*(1+math.Abs(s)+math.Abs(x))) {
			return false
		}
	}
	return true
}

// agreePoints have no pattern that a function could share.
var agreePoints = func() []float64 {
	p := []float64{0, 1e-12, -1e-12, 1e-6, -1e-6, 300, -300, 7e3, -7e3}
	for i := range 120 {
		x := math.Mod(float64(i)*0.754877666246693, 1)
		p = append(p, 12*(2*x-1), 2*(2*x-1))
	}
	return p
}()
