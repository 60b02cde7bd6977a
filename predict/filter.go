package predict

import (
	"fmt"
	"math"
)

// A Filter says how far training has come in every mode of a [Dynamics].
type Filter struct {
	// Left [D] is the share p_j of the initial error that is left along mode j:
	// 1 at the start, 0 when learned.
	Left []float64
	// Dual [D] is (1 − p_j)/(λ_j + r), finite where λ_j + r is 0: the weight of the
	// mode in f(x) − f_0(x) = −Θ(x, X) Σ_j v_j Dual_j v_jᵀ(f_0 − y).
	Dual []float64
}

// Flow returns how far gradient flow has come at time t with learning rate η,
//
//	p = e^{−(λ+r)τ},  (1 − p)/(λ + r) = τ·φ_1(−(λ+r)τ),  τ = ηt/size,
//
// where φ_1(z) = (eᶻ − 1)/z and φ_1(0) = 1. t may be 0 or +Inf; at infinity modes
// that [Report].Null counts are left as they began. The time t counts steps of
// gradient descent at the same rate.
//
// It returns an error if rate or t is negative or NaN, or the rate infinite.
func (d *Dynamics) Flow(rate, t float64) (Filter, error) {
	if err := checkRate(rate); err != nil {
		return Filter{}, err
	}
	if !(t >= 0) {
		return Filter{}, fmt.Errorf("predict: time %g; want 0 or more, +Inf for the end of training", t)
	}
	tau := rate * t / d.Size
	if rate == 0 {
		tau = 0 // also at t = +Inf
	}
	f := d.newFilter()
	for j, l := range d.pull {
		switch {
		case !math.IsInf(tau, 1):
			f.Left[j], f.Dual[j] = math.Exp(-l*tau), tau*phi1(-l*tau)
		case d.null[j]:
			f.Left[j], f.Dual[j] = 1, 0
		default:
			f.Left[j], f.Dual[j] = 0, 1/l
		}
	}
	return f, f.check()
}

// phi1 returns (eᶻ − 1)/z.
func phi1(z float64) float64 {
	if z == 0 {
		return 1
	}
	return math.Expm1(z) / z
}

// Descent returns how far gradient descent has come after the given number of
// steps, exactly: p = (1 − η(λ+r)/size)ᵏ.
//
// It returns an error if the rate is negative or not finite, steps is negative, or
// the iteration has left the range of numbers, as it does above [Dynamics.MaxRate].
func (d *Dynamics) Descent(rate float64, steps int) (Filter, error) {
	if err := checkSteps(rate, 0, steps); err != nil {
		return Filter{}, err
	}
	f, a := d.newFilter(), rate/d.Size
	for j, l := range d.pull {
		z := a * l
		if z == 0 {
			f.Left[j], f.Dual[j] = 1, a*float64(steps)
			continue
		}
		// (1−z)² = 1 − z(2−z) keeps the digits of 1 − p both for z near 0 and near 2.
		h := float64(steps/2) * math.Log1p(-z*(2-z))
		if steps < 2 {
			h = 0 // not 0·(−∞) at z = 1
		}
		p, learned := math.Exp(h), -math.Expm1(h)
		if steps%2 == 1 {
			learned += z * p
			p *= 1 - z
		}
		f.Left[j], f.Dual[j] = p, learned/l
	}
	return f, f.check()
}

// HeavyBall returns how far gradient descent with momentum μ has come after the
// given number of steps, exactly. With v_0 = 0,
//
//	v ← μv + ∇L,  θ ← θ − ηv,
//
// the error of a mode obeys p_{k+1} = (1 + μ − z)p_k − μp_{k−1}, z = η(λ+r)/size,
// whose solution is p_k = μ^{k/2}(U_k(c) − √μ·U_{k−1}(c)) with Chebyshev polynomials
// of the second kind at c = (1+μ−z)/(2√μ). It is computed as the power of a 2×2
// matrix, which has no special case at |c| = 1, μ = 0 or z = 0.
//
// It returns an error if rate or steps is negative, μ is not in [0, 1), or the
// iteration has left the range of numbers.
func (d *Dynamics) HeavyBall(rate, momentum float64, steps int) (Filter, error) {
	return d.accelerated(rate, momentum, steps, func(float64) float64 { return momentum })
}

// Nesterov returns how far Nesterov's method with constant momentum μ has come
// after the given number of steps, exactly:
//
//	q = θ_k + μ(θ_k − θ_{k−1}),  θ_{k+1} = q − η∇L(q),
//
// so that p_{k+1} = (1−z)((1+μ)p_k − μp_{k−1}) along each mode, z = η(λ+r)/size.
// Errors are those of [Dynamics.HeavyBall].
func (d *Dynamics) Nesterov(rate, momentum float64, steps int) (Filter, error) {
	return d.accelerated(rate, momentum, steps, func(z float64) float64 { return momentum * (1 - z) })
}

// accelerated iterates, for g_k = (1 − p_k)/(λ+r) and its last change Δ_k,
//
//	Δ_{k+1} = a − z·g_k + m·Δ_k,  g_{k+1} = g_k + Δ_{k+1},  a = η/size, z = a(λ+r),
//
// by squaring. The linear part [1−z, m; −z, m] has p_k as entry (0, 0) of its power.
func (d *Dynamics) accelerated(rate, momentum float64, steps int, m func(z float64) float64) (Filter, error) {
	if err := checkSteps(rate, momentum, steps); err != nil {
		return Filter{}, err
	}
	f, a := d.newFilter(), rate/d.Size
	for j, l := range d.pull {
		z := a * l
		power := affine{1 - z, m(z), -z, m(z), a, a}.power(steps)
		f.Left[j], f.Dual[j] = power[0], power[4]
	}
	return f, f.check()
}

// affine is x → [a0 a1; a2 a3]·x + [a4; a5].
type affine [6]float64

// after returns x → f(g(x)).
func (f affine) after(g affine) affine {
	return affine{
		f[0]*g[0] + f[1]*g[2], f[0]*g[1] + f[1]*g[3],
		f[2]*g[0] + f[3]*g[2], f[2]*g[1] + f[3]*g[3],
		f[0]*g[4] + f[1]*g[5] + f[4], f[2]*g[4] + f[3]*g[5] + f[5],
	}
}

func (f affine) power(k int) affine {
	out := affine{1, 0, 0, 1, 0, 0}
	for ; k > 0; k >>= 1 {
		if k&1 == 1 {
			out = f.after(out)
		}
		f = f.after(f)
	}
	return out
}

func (d *Dynamics) newFilter() Filter {
	n := len(d.pull)
	return Filter{Left: make([]float64, n), Dual: make([]float64, n)}
}

func (f Filter) check() error {
	for j := range f.Left {
		if p, g := f.Left[j], f.Dual[j]; p-p != 0 || g-g != 0 {
			return fmt.Errorf("predict: mode %d has left the range of numbers: error times %g; take a rate within MaxRate, or fewer steps", j, p)
		}
	}
	return nil
}

func checkRate(rate float64) error {
	if !(rate >= 0) || math.IsInf(rate, 1) {
		return fmt.Errorf("predict: learning rate %g; want a finite number, 0 or more", rate)
	}
	return nil
}

func checkSteps(rate, momentum float64, steps int) error {
	if err := checkRate(rate); err != nil {
		return err
	}
	if !(momentum >= 0 && momentum < 1) {
		return fmt.Errorf("predict: momentum %g; want at least 0 and below 1", momentum)
	}
	if steps < 0 {
		return fmt.Errorf("predict: %d steps; want 0 or more", steps)
	}
	return nil
}
