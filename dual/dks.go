package dual

import (
	"fmt"
	"math"
)

// DKS returns f shaped for a plain chain of depth layers ("deep kernel
// shaping"), by four conditions on the local maps,
//
//	Q(1) = 1,  Q'(1) = 1,  C(0) = 0,  C'(1) = ζ^{1/depth},
//
// so that the whole chain has C_f(0) = 0 and C_f'(1) = ζ and is not far from the
// identity on [−1, 1]. A zero zeta means 1.5.
//
// ReLU and its like become a leaky ReLU with α = 1 and β = 0, as a scale of the
// argument changes nothing there and Q'(1) = Q(1) for all of them: the negative
// slope takes the place of α. It returns an error if ζ ≤ 1 or if no α and β are
// found: single layers may not bend that much (ReLU has C'(1) = 1.467 at most).
//
// Source: Martens et al., "Rapid training of deep neural networks without skip
// connections or normalization layers using Deep Kernel Shaping", arXiv
// 2110.01765, section 10.
func DKS(f *Activation, depth int, zeta float64) (*Shaped, error) {
	if zeta == 0 {
		zeta = 1.5
	}
	if depth < 1 || !(zeta > 1) {
		return nil, fmt.Errorf("dual: DKS of %s for depth %d and slope ζ = %g: expected a depth ≥ 1 and ζ > 1", f.Name, depth, zeta)
	}
	excess := math.Expm1(math.Log(zeta) / float64(depth)) // C'(1) − 1
	if _, ok := f.form.(abrelu); ok && f.kinked() {
		return leakyDKS(excess)
	}
	// Given α and β, γ makes Q(1) = 1 and δ makes C(0) = 0.
	outer := func(x [2]float64) (gamma, delta float64, m shifted, ok bool) {
		m, err := f.shifted(math.Exp(x[0]), x[1])
		return 1 / math.Sqrt(m.variance), -m.mean, m, err == nil && m.variance > 0
	}
	residual := func(x [2]float64) ([2]float64, bool) {
		gamma, delta, m, ok := outer(x)
		square := gamma * gamma
		return [2]float64{
			(square*(m.growth+delta*m.tilt) - 1) / excess,
			(square*m.slopeSquare-1)/excess - 1,
		}, ok
	}
	for start := range starts {
		if x, ok := solve(residual, start, 1e-12/excess); ok {
			gamma, delta, _, _ := outer(x)
			return f.shaped(math.Exp(x[0]), x[1], gamma, delta)
		}
	}
	return nil, fmt.Errorf("dual: DKS of %s for C'(1) = %.6g: no scale and shift found that give it with Q'(1) = 1; choose another ζ or depth", f.Name, 1+excess)
}

// leakyDKS solves for the negative slope a. The variance of max(x, 0) + a·min(x, 0)
// is (1+a²)/2 − (1−a)²/2π and the mean of its squared slope (1+a²)/2, so that
//
//	C'(1) = 1/(1−r),  r = (1−a)²/(π(1+a²)),
//
// which is a quadratic equation for a.
func leakyDKS(excess float64) (*Shaped, error) {
	b := 1 - math.Pi*excess/(1+excess) // 1 − πr
	if b < -1 {
		return nil, fmt.Errorf("dual: DKS of a leaky ReLU for C'(1) = %.6g: expected at most that of |x|, %.6g; choose a smaller ζ or a larger depth", 1+excess, 1/(1-2/math.Pi))
	}
	a := b / (1 + math.Sqrt((1-b)*(1+b)))
	variance := (1+a*a)/2 - (1-a)*(1-a)/(2*math.Pi)
	mean := (1 - a) / math.Sqrt(2*math.Pi)
	return LeakyReLU(a).shaped(1, 0, 1/math.Sqrt(variance), -mean)
}

// starts are where the search for log α and β begins.
func starts(yield func([2]float64) bool) {
	for _, alpha := range []float64{1, 0.1, 0.3} {
		for _, beta := range []float64{0.3, -0.3, 1, -1, 0.03, 2, -2} {
			if !yield([2]float64{math.Log(alpha), beta}) {
				return
			}
		}
	}
}

// solve finds log α and β from one start; far away from it φ is only its tails.
func solve(residual func([2]float64) ([2]float64, bool), start [2]float64, tol float64) ([2]float64, bool) {
	return newton2(func(x [2]float64) ([2]float64, bool) {
		if math.Abs(x[0]) > 4 || math.Abs(x[1]) > 10 {
			return x, false
		}
		return residual(x)
	}, start, tol)
}
