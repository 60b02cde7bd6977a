package limits

import "math"

// A Power is the law y ∝ x^Exponent that was fitted, and the standard error of
// the exponent; both NaN where there is nothing to fit.
type Power struct{ Exponent, Error float64 }

// FitPower fits log y = b + p log x by least squares, weighted by the standard
// errors of y: those of log y are stderr/y. The error of p comes from them, and is
// raised by √(χ²/(points − 2)) where points scatter more than they explain.
// Points that are not positive are left out; errors that are 0 or NaN in all of
// them leave the scatter alone to tell.
func FitPower(x, y, stderr []float64) Power {
	var u, v, w []float64
	known := true
	for i := range x {
		if !(x[i] > 0 && y[i] > 0) || math.IsInf(y[i], 1) {
			continue
		}
		s := stderr[i] / y[i]
		known = known && s > 0
		u, v, w = append(u, math.Log(x[i])), append(v, math.Log(y[i])), append(w, 1/(s*s))
	}
	if len(u) < 2 {
		return Power{math.NaN(), math.NaN()}
	}
	if !known {
		for i := range w {
			w[i] = 1
		}
	}
	var sum, mu, mv float64
	for i, k := range w {
		sum += k
		mu += k * u[i]
		mv += k * v[i]
	}
	mu, mv = mu/sum, mv/sum
	var xx, xy float64
	for i, k := range w {
		xx += k * (u[i] - mu) * (u[i] - mu)
		xy += k * (u[i] - mu) * (v[i] - mv)
	}
	if xx == 0 {
		return Power{math.NaN(), math.NaN()}
	}
	p := Power{Exponent: xy / xx, Error: 1 / math.Sqrt(xx)}
	freedom := float64(len(u) - 2)
	chi := 0.0
	for i, k := range w {
		r := v[i] - mv - p.Exponent*(u[i]-mu)
		chi += k * r * r
	}
	switch {
	case !known && freedom == 0:
		p.Error = math.NaN()
	case !known:
		p.Error *= math.Sqrt(chi / freedom)
	case freedom > 0:
		p.Error *= math.Sqrt(max(1, chi/freedom))
	}
	return p
}
