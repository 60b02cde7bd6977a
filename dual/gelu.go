package dual

import "math"

// GELU returns x·Φ(x). With Δ = (1+q1)(1+q2) − c²,
//
//	K = cF + [q1q2 − c² + c²/(1+q1) + c²/(1+q2)]/(2π√Δ),
//	F = 1/4 + asin(c/√((1+q1)(1+q2)))/2π,
//	K̇ = F + c[1/(1+q1) + 1/(1+q2) + 1/Δ]/(2π√Δ),
//
// by Gaussian integration by parts from F = E[Φ(u)Φ(v)].
//
// Source: Tsuchida et al., "Avoiding kernel fixed points", arXiv 2002.08517,
// has K in another form.
func GELU() *Activation {
	f := Custom("gelu",
		func(x float64) float64 { return x * cdf(x) },
		func(x float64) float64 { return cdf(x) + x*normal(x) })
	f.Family, f.form = "gelu", gelu{}
	return f
}

type gelu struct{}

func (gelu) dual(p Pair) (k, kdot float64) {
	c, det := p.C(), p.det()
	delta := 1 + p.q1 + p.q2 + det
	root := math.Sqrt(delta)
	both := 0.25 + math.Atan2(c, root)/(2*math.Pi)
	if c < 0 {
		both = math.Atan2(root, -c) / (2 * math.Pi) // the same, small as c → −∞
	}
	inverse := 1/(1+p.q1) + 1/(1+p.q2)
	k = c*both + (det+c*c*inverse)/(2*math.Pi*root)
	return k, both + c*(inverse+1/delta)/(2*math.Pi*root)
}
