package limits

import "math"

// fit fits every entry over the widths, by a + c/n and, where there is a limit, by
// c/n alone. Widths weigh as their mean squared standard errors, the same for all
// entries: so a, c and residuals are fixed sums of the means, whose own errors
// tell those of the sums, and no entry's luck weighs its widths.
func (a *Agreement) fit(n int, list []*relativeKernel) {
	x, w := make([]float64, len(list)), make([]float64, len(list))
	for k, r := range list {
		x[k] = 1 / float64(r.drawn.width)
		for _, se := range r.stderr {
			w[k] += se * se / float64(len(r.stderr))
		}
		w[k] = 1 / w[k]
	}
	constant, slope := lineWeights(x, w)
	through := throughWeights(x, w)
	widest := list[len(list)-1]
	f := &WidthFit{Limit: make([]float64, n*n), LimitError: make([]float64, n*n), ChiSquare: math.NaN()}
	entries := len(widest.mean)
	chi, square := 0.0, 0.0
	for e := range entries {
		y, se := make([]float64, len(list)), make([]float64, len(list))
		for k, r := range list {
			y[k], se[k] = r.mean[e], r.stderr[e]
			if r.limit != nil {
				y[k] -= r.limit[e]
			}
		}
		at, atError := combination(constant, y, se)
		c, _ := combination(slope, y, se)
		square += c * c / float64(entries)
		for k := range y {
			z := (y[k] - at - c*x[k]) / se[k]
			chi += z * z / float64(entries)
		}
		if widest.limit != nil {
			f.Offset.add(at/atError, widest.rows[e], widest.cols[e], entries)
			a.unbias(list, x, through, y, se, e)
			at += widest.limit[e]
		}
		i, j := widest.rows[e], widest.cols[e]
		unit := widest.scale[i*n+j] / math.Pow(float64(widest.drawn.width), float64(a.Growth))
		f.Limit[i*n+j], f.LimitError[i*n+j] = at*unit, atError*unit
		f.Limit[j*n+i], f.LimitError[j*n+i] = at*unit, atError*unit
	}
	f.Coefficient = math.Sqrt(square)
	if len(list) > 2 {
		f.ChiSquare = chi / float64(len(list)-2)
	}
	a.Fit = f
}

// unbias scores what is left of an entry at every width once c/n is taken away,
// in standard errors of the difference.
func (a *Agreement) unbias(list []*relativeKernel, x, through, y, se []float64, e int) {
	c, _ := combination(through, y, se)
	for k, r := range list {
		left := make([]float64, len(y)) // y_k − c x_k as a sum of all y
		for l := range left {
			left[l] = -through[l] * x[k]
		}
		left[k]++
		_, s := combination(left, y, se)
		if s < 1e-3*se[k] {
			continue // this width alone tells c: nothing is left to score
		}
		a.Widths[k].Unbiased.add((y[k]-c*x[k])/s, r.rows[e], r.cols[e], len(r.mean))
	}
}

// lineWeights returns the sums of y that the weighted least squares fit a + c·x
// consists of: a = Σ a_k y_k, c = Σ c_k y_k.
func lineWeights(x, w []float64) (constant, slope []float64) {
	var s0, s1, s2 float64
	for k := range x {
		s0 += w[k]
		s1 += w[k] * x[k]
		s2 += w[k] * x[k] * x[k]
	}
	det := s0*s2 - s1*s1
	for k := range x {
		constant = append(constant, w[k]*(s2-s1*x[k])/det)
		slope = append(slope, w[k]*(s0*x[k]-s1)/det)
	}
	return constant, slope
}

// throughWeights is lineWeights with a = 0.
func throughWeights(x, w []float64) (slope []float64) {
	s2 := 0.0
	for k := range x {
		s2 += w[k] * x[k] * x[k]
	}
	for k := range x {
		slope = append(slope, w[k]*x[k]/s2)
	}
	return slope
}

// combination returns Σ t_k y_k and its standard error for independent y.
func combination(t, y, stderr []float64) (sum, err float64) {
	for k := range t {
		sum += t[k] * y[k]
		err += t[k] * t[k] * stderr[k] * stderr[k]
	}
	return sum, math.Sqrt(err)
}
