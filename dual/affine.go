package dual

import "fmt"

// Affine returns γ·(φ(αx + β) + δ), a network of φ with fixed scales and
// shifts around it. It returns an error if α is 0 or a number is not finite.
func (f *Activation) Affine(alpha, beta, gamma, delta float64) (*Activation, error) {
	if x := alpha + beta + gamma + delta; alpha == 0 || x-x != 0 {
		return nil, fmt.Errorf("dual: %g·(%s(%g·x + %g) + %g): expected finite numbers and a scale of x that is not 0", gamma, f.Name, alpha, beta, delta)
	}
	name := fmt.Sprintf("%g·(%s(%g·x%+g)%+g)", gamma, f.Name, alpha, beta, delta)
	if c, ok := f.form.(abrelu); ok && beta == 0 && delta == 0 && alpha > 0 {
		return named(ABReLU(gamma*alpha*c.a, gamma*alpha*c.b), name), nil
	}
	g := Custom(name,
		func(x float64) float64 { return gamma * (f.Value(alpha*x+beta) + delta) },
		func(x float64) float64 { return gamma * alpha * f.Slope(alpha*x+beta) })
	for _, k := range f.Kinks {
		jumps, scale := make([]float64, len(k.Jumps)), gamma
		if alpha < 0 {
			scale = -gamma // right and left change sides
		}
		for m, j := range k.Jumps {
			jumps[m] = scale * j
			scale *= alpha
		}
		g.Kinks = append(g.Kinks, Kink{(k.At - beta) / alpha, jumps})
	}
	return g, nil
}
