package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Number formats v for tables and sentences with four significant digits, and
// with all digits before the point below a million: 0.1235, 12346, 1.235e6,
// NaN, +Inf. The minus sign is ASCII, so that numbers can be copied into other
// programs.
func Number(v float64) string {
	if v == 0 {
		return "0"
	}
	if a := math.Abs(v); a >= 1e-4 && a < 999999.5 {
		decimals := max(0, 3-int(math.Floor(math.Log10(a))))
		s := strconv.FormatFloat(v, 'f', decimals, 64)
		return trimZeros(s)
	}
	mantissa, exponent, ok := strings.Cut(strconv.FormatFloat(v, 'e', 3, 64), "e")
	if !ok {
		return mantissa // NaN, +Inf or -Inf
	}
	sign := ""
	if exponent[0] == '-' {
		sign = "-"
	}
	return trimZeros(mantissa) + "e" + sign + strings.TrimLeft(exponent, "+-0")
}

// trimZeros drops zeros after a decimal point, and a point left without digits.
func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// decimal writes k·10^e exactly, with -e decimals if e is negative.
func decimal(k int64, e int) string {
	if k == 0 {
		return "0"
	}
	sign := ""
	if k < 0 {
		sign, k = "−", -k
	}
	digits := strconv.FormatInt(k, 10)
	if e >= 0 {
		return sign + digits + strings.Repeat("0", e)
	}
	if missing := 1 - e - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) + e
	return sign + digits[:point] + "." + digits[point:]
}

// decimalValue returns the float64 nearest to k·10^e.
func decimalValue(k int64, e int) float64 {
	v, _ := strconv.ParseFloat(fmt.Sprintf("%de%d", k, e), 64)
	return v
}

// powerOfTen writes 10^e with superscript digits.
func powerOfTen(e int) string {
	const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹"
	var b strings.Builder
	b.WriteString("10")
	for _, r := range strconv.Itoa(e) {
		if r == '-' {
			b.WriteRune('⁻')
		} else {
			b.WriteRune([]rune(digits)[r-'0'])
		}
	}
	return b.String()
}
