package models

import "math"

// scaled fits a power of the width to log sizes, by seed.
func scaled(widths []int, perSeed [][]float64) Scaled {
	x := make([]float64, len(widths))
	mean := 0.0
	for i, w := range widths {
		x[i] = math.Log(float64(w))
		mean += x[i] / float64(len(x))
	}
	spread := 0.0
	for i := range x {
		x[i] -= mean
		spread += x[i] * x[i]
	}
	s := Scaled{Sizes: make([]float64, len(widths)), Slope: math.NaN(), Error: math.NaN()}
	n := float64(len(perSeed))
	var slopes []float64
	for _, logs := range perSeed {
		slope := 0.0
		for i, v := range logs {
			slope += x[i] * v / spread
			s.Sizes[i] += v / n
		}
		slopes = append(slopes, slope)
	}
	for i, v := range s.Sizes {
		if s.Sizes[i] = math.Exp(v); math.IsInf(s.Sizes[i], 0) {
			s.Sizes[i] = math.NaN()
		}
	}
	m := 0.0
	for _, v := range slopes {
		m += v / n
	}
	if math.IsInf(m, 0) || math.IsNaN(m) {
		return s
	}
	s.Slope, s.Error = m, 0
	if len(slopes) > 1 {
		for _, v := range slopes {
			s.Error += (v - m) * (v - m) / (n - 1) / n
		}
		s.Error = math.Sqrt(s.Error)
	} else { // one seed: from what the fit leaves
		s.Error = residualError(x, perSeed[0], m, spread)
	}
	return s
}

// residualError is the standard error of a slope from the points around a line.
func residualError(x, y []float64, slope, spread float64) float64 {
	if len(x) < 3 {
		return math.NaN()
	}
	mean, sum := 0.0, 0.0
	for _, v := range y {
		mean += v / float64(len(y))
	}
	for i, v := range y {
		r := v - mean - slope*x[i]
		sum += r * r
	}
	return math.Sqrt(sum / float64(len(x)-2) / spread)
}
