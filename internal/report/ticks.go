package report

import "math"

// A tick is a mark on an axis. One without a label is minor.
type tick struct {
	value float64
	label string
}

// ink is the class of the tick's grid line.
func (t tick) ink() string {
	if t.label == "" {
		return "minor"
	}
	return "grid"
}

// gridTicks returns the ticks that deserve a grid line: minor ones only while
// their lines do not merge into a grey area.
func gridTicks(ticks []tick) (lines []tick) {
	const maxMinor = 24
	for _, t := range ticks {
		if t.label != "" {
			lines = append(lines, t)
		}
	}
	if len(ticks)-len(lines) <= maxMinor {
		return ticks
	}
	return lines
}

// linearTicks returns the multiples of 1, 2 or 5 times a power of ten in
// [lo, hi], at most n+1 of them, and the power of ten that their labels leave
// out: with factor 6 the label 1.5 means 1.5·10⁶. It needs lo < hi and n ≥ 1.
//
// Values are the float64 nearest to the decimal, so 0.3 is not 0.30000000000000004.
func linearTicks(lo, hi float64, n int) (ticks []tick, factor int) {
	mantissa, exponent := niceStep((hi - lo) / float64(n))
	step := decimalValue(mantissa, exponent)
	// A tick that rounding puts just outside an end still belongs to it.
	first := int64(math.Ceil(lo/step - 1e-9))
	last := int64(math.Floor(hi/step + 1e-9))
	largest := float64(max(-first, last)) * float64(mantissa)
	if largest > 0 {
		if top := int(math.Floor(math.Log10(largest)+1e-12)) + exponent; top >= 5 || top <= -4 {
			factor = top
		}
	}
	for i := first; i <= last; i++ {
		k := i * mantissa
		ticks = append(ticks, tick{decimalValue(k, exponent), decimal(k, exponent-factor)})
	}
	return ticks, factor
}

// niceStep returns the smallest of 1, 2, 5 times a power of ten that is at
// least raw, as mantissa and exponent.
func niceStep(raw float64) (mantissa int64, exponent int) {
	exponent = int(math.Floor(math.Log10(raw)))
	for _, m := range []int64{1, 2, 5} {
		if decimalValue(m, exponent) >= raw*(1-1e-9) {
			return m, exponent
		}
	}
	return 1, exponent + 1
}

// logTicks returns the ticks of a logarithmic axis over [10^lo, 10^hi] with at
// most about n labels, and the factor of [linearTicks]. It needs lo < hi.
//
// Two decades or more are labelled by powers of ten, with minor ticks between.
// A shorter axis has labels at 1, 2 and 5 times a power of ten, and one too
// short for three of these has linear ticks.
func logTicks(lo, hi float64, n int) (ticks []tick, factor int) {
	first, last := int(math.Ceil(lo-1e-9)), int(math.Floor(hi+1e-9))
	if last-first+1 >= 3 {
		return decadeTicks(lo, hi, first, last, n), 0
	}
	labels := 0
	for e := first - 1; e <= last; e++ {
		for k := int64(1); k <= 9; k++ {
			at := math.Log10(float64(k)) + float64(e)
			if at < lo-1e-9 || at > hi+1e-9 {
				continue
			}
			t := tick{value: decimalValue(k, e)}
			if k == 1 || k == 2 || k == 5 {
				t.label = logLabel(k, e, first-1 >= -4 && last <= 4)
				labels++
			}
			ticks = append(ticks, t)
		}
	}
	if labels >= 3 {
		return ticks, 0
	}
	return linearTicks(math.Pow(10, lo), math.Pow(10, hi), n)
}

// decadeTicks labels powers of ten from 10^first to 10^last, every 1st, 2nd,
// 5th, 10th, … so that at most about n labels stand.
func decadeTicks(lo, hi float64, first, last, n int) (ticks []tick) {
	stride := 1
	for (last-first)/stride+1 > n {
		if digits := decimal(int64(stride), 0); digits[0] == '2' {
			stride = stride / 2 * 5
		} else {
			stride *= 2
		}
	}
	for e := first - 1; e <= last; e++ {
		if e >= first {
			t := tick{value: decimalValue(1, e)}
			if e%stride == 0 {
				t.label = logLabel(1, e, first >= -4 && last <= 4)
			}
			ticks = append(ticks, t)
		}
		if stride > 1 {
			continue // minor ticks would touch each other
		}
		for k := int64(2); k <= 9; k++ {
			if at := math.Log10(float64(k)) + float64(e); at >= lo && at <= hi {
				ticks = append(ticks, tick{value: decimalValue(k, e)})
			}
		}
	}
	return ticks
}

// logLabel writes k·10^e in full if plain is set, else with a power of ten.
func logLabel(k int64, e int, plain bool) string {
	switch {
	case plain:
		return decimal(k, e)
	case k == 1:
		return powerOfTen(e)
	default:
		return decimal(k, 0) + "×" + powerOfTen(e)
	}
}
