package dual

import (
	"fmt"
	"math"
)

// bisect returns a zero of f between lo and hi, where f has opposite signs, to
// the last bit.
func bisect(lo, hi float64, f func(float64) (float64, error)) (float64, error) {
	at, err := f(lo)
	if err != nil {
		return 0, err
	}
	end, err := f(hi)
	if err != nil {
		return 0, err
	}
	if at == 0 {
		return lo, nil
	}
	if (at > 0) == (end > 0) {
		return 0, fmt.Errorf("dual: no change of sign between %g and %g", lo, hi)
	}
	for {
		mid := lo + (hi-lo)/2
		if lo > 0 && hi > 4*lo {
			mid = math.Sqrt(lo) * math.Sqrt(hi)
		}
		if !(mid > lo && mid < hi) {
			return lo, nil
		}
		v, err := f(mid)
		if err != nil {
			return 0, err
		}
		if v == 0 {
			return mid, nil
		}
		if (v > 0) == (at > 0) {
			lo = mid
		} else {
			hi = mid
		}
	}
}

// newton2 solves f(x) = 0 in two dimensions from a start by damped Newton steps
// with differences for derivatives. It reports whether |f| fell below tol.
func newton2(f func(x [2]float64) ([2]float64, bool), x [2]float64, tol float64) ([2]float64, bool) {
	y, ok := f(x)
	for range 60 {
		if !ok {
			return x, false
		}
		size := math.Hypot(y[0], y[1])
		if size <= tol {
			return x, true
		}
		const h = 1e-6
		var j [2][2]float64
		for c := range 2 {
			up, down := x, x
			up[c] += h
			down[c] -= h
			fu, ok1 := f(up)
			fd, ok2 := f(down)
			if !ok1 || !ok2 {
				return x, false
			}
			for r := range 2 {
				j[r][c] = (fu[r] - fd[r]) / (2 * h)
			}
		}
		det := j[0][0]*j[1][1] - j[0][1]*j[1][0]
		if det == 0 {
			return x, false
		}
		step := [2]float64{(j[1][1]*y[0] - j[0][1]*y[1]) / det, (j[0][0]*y[1] - j[1][0]*y[0]) / det}
		// Steps of more than ½ leave where the linearization means anything.
		damp := min(1, 0.5/math.Hypot(step[0], step[1]))
		for {
			next := [2]float64{x[0] - damp*step[0], x[1] - damp*step[1]}
			z, fine := f(next)
			if fine && math.Hypot(z[0], z[1]) < size {
				x, y, ok = next, z, fine
				break
			}
			if damp /= 2; damp < 1e-6 {
				return x, false
			}
		}
	}
	return x, false
}
