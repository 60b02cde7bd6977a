package dual

import "math"

// truncated returns the moments of two standard normal variables with the
// correlation of p beyond a and b,
//
//	T[m][n] = E[(X−a)₊^m (Y−b)₊^n],  m < rows, n < cols,
//
// with 1[x>0] for the power 0. Integration by parts (E[X g] = E[∂_X g] + ρE[∂_Y g])
// gives all from T[0][0]:
//
//	T[m+1][n] = m·T[m−1][n] + ρn·T[m][n−1] − a·T[m][n]
//	            + 1[m=0]·γ(a)E[(Y−b)₊^n | X=a] + 1[n=0]·ργ(b)E[(X−a)₊^m | Y=b],
//
// and likewise for n. The absolute error is some 1e-16 of the largest term. It
// needs −1 < ρ < 1.
func truncated(p Pair, a, b float64, rows, cols int) [][]float64 {
	t := make([][]float64, rows)
	for m := range t {
		t[m] = make([]float64, cols)
	}
	rho := p.Rho()
	atA, atB := conditional(p, a, b, cols), conditional(p, b, a, rows)
	ga, gb := normal(a), normal(b)
	t[0][0] = orthant(p, a, b)
	for n := range cols - 1 { // along n at m = 0
		v := rho*ga*atA[n] - b*t[0][n]
		if n == 0 {
			v += gb * atB[0]
		} else {
			v += float64(n) * t[0][n-1]
		}
		t[0][n+1] = v
	}
	for m := range rows - 1 {
		for n := range cols {
			v := -a * t[m][n]
			if m == 0 {
				v += ga * atA[n]
			} else {
				v += float64(m) * t[m-1][n]
			}
			if n == 0 {
				v += rho * gb * atB[m]
			} else {
				v += rho * float64(n) * t[m][n-1]
			}
			t[m+1][n] = v
		}
	}
	return t
}

// conditional returns E[(Y−b)₊^n | X=a] for n < count: Y|X=a is N(ρa, 1−ρ²).
func conditional(p Pair, a, b float64, count int) []float64 {
	s := p.sin()
	z := -beyond(p, a, b) / s
	e := make([]float64, count)
	for n := range e {
		switch n {
		case 0:
			e[0] = cdf(z)
		case 1:
			e[1] = s * (z*e[0] + normal(z))
		default:
			e[n] = s * (z*e[n-1] + float64(n-1)*s*e[n-2])
		}
	}
	return e
}

// beyond returns b − ρa from whichever of 1 − ρ and 1 + ρ is small.
func beyond(p Pair, a, b float64) float64 {
	if p.minus <= p.plus {
		return (b - a) + a*p.minus
	}
	return (b + a) - a*p.plus
}

// orthant returns P(X > a, Y > b). Owen's formula: with h = (b−ρa)/a√(1−ρ²)
// and k = (a−ρb)/b√(1−ρ²),
//
//	P = [Φ(−a) + Φ(−b)]/2 − T(a, h) − T(b, k) − ½·1[ab < 0, or ab = 0 and a+b < 0].
//
// Source: Owen, "Tables for computing bivariate normal probabilities", Ann.
// Math. Stat. 27 (1956), eq. (2.1).
func orthant(p Pair, a, b float64) float64 {
	if a == 0 && b == 0 {
		return p.eta() / (2 * math.Pi)
	}
	s := p.sin()
	v := (cdf(-a)+cdf(-b))/2 - owen(a, beyond(p, a, b)/s) - owen(b, beyond(p, b, a)/s)
	if a*b < 0 || a*b == 0 && a+b < 0 {
		v -= 0.5
	}
	return max(0, v)
}

// owen returns T(h, c/h), with Owen's
//
//	T(h, k) = 1/2π ∫_0^k exp(−h²(1+x²)/2)/(1+x²) dx,
//
// taking c = hk, so that h = 0 is its limit ¼·sign k·(…): k = ±∞.
func owen(h, c float64) float64 {
	if c == 0 {
		return 0
	}
	sign := 1.0
	if (c < 0) != (h < 0) {
		sign = -1
	}
	h, c = math.Abs(h), math.Abs(c)
	if c <= h {
		return sign * owenInner(h, c/h)
	}
	// T(h, k) = ¼ − erf(h/√2)·erf(hk/√2)/4 − T(hk, 1/k), all its terms for h, k > 0.
	return sign * ((1-math.Erf(h/math.Sqrt2)*math.Erf(c/math.Sqrt2))/4 - owenInner(c, h/c))
}

// owenInner is T for 0 ≤ k ≤ 1. exp(−h²x²/2) is resolved by 24 nodes on four
// panels for every h whose T is not below 1e-18.
func owenInner(h, k float64) float64 {
	if h > 9 {
		return 0
	}
	sum := 0.0
	for panel := range 4 {
		for j := range nodes {
			x := k * (float64(panel) + legendreX[j]) / 4
			x2 := 1 + x*x
			sum += legendreW[j] * math.Exp(-h*h*x2/2) / x2
		}
	}
	return sum * k / (8 * math.Pi)
}
