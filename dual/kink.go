package dual

import "math"

// A power is c·(x−a)₊^m, in units of one standard deviation.
type power struct {
	a, c float64
	m    int
}

// largestPowers is how much larger than φ the powers of a kink may be, which
// costs the square of it in units of 1e-16.
const largestPowers = 20

// split returns the truncated powers that jump as φ(sd·x) and φ'(sd·x) do,
//
//	J·sd^m/m!·(x−a)₊^m,  a = t/sd,  and the same differentiated by u = sd·x.
//
// Jumps of high derivatives whose powers would be far larger than φ, of the given
// root mean square, are left in the rest: they would cost more digits than
// their tail. Slopes do without the jumps of φ itself, as programs do.
func (f *Activation) split(sd, rms float64) (value, slope []power) {
	for _, kink := range f.Kinks {
		a := kink.At / sd
		if math.Abs(a) > 12 {
			continue // nobody sees it
		}
		scale, moment, size := 1.0, 1.0, 0.0 // sd^m/m!, E[x^{2m}], of all powers
		for m, jump := range kink.Jumps {
			if m > 0 {
				moment *= float64(2*m - 1)
			}
			if m > 1 {
				if size += scale * sd / float64(m) * math.Abs(jump) * math.Sqrt(moment); size > largestPowers*rms {
					break
				}
			}
			if m > 0 {
				if jump != 0 {
					slope = append(slope, power{a, jump * scale, m - 1})
				}
				scale *= sd / float64(m)
			}
			if jump != 0 {
				value = append(value, power{a, jump * scale, m})
			}
		}
	}
	return value, slope
}

// sumPowers evaluates a sum of powers.
func sumPowers(ps []power, x []float64) []float64 {
	y := make([]float64, len(x))
	for _, p := range ps {
		for i := range x {
			if d := x[i] - p.a; d > 0 {
				y[i] += p.c * math.Pow(d, float64(p.m))
			}
		}
	}
	return y
}

// coefficients gives the Hermite coefficients of a sum of powers one by one:
//
//	E[1[x>a] h_k] = γ(a)h_{k−1}(a)/√k,  E[(x−a)₊^m h_k] = m/√k·E[(x−a)₊^{m−1} h_{k−1}],
//
// by parts.
type coefficients struct {
	powers []power
	k      int
	before []float64 // √γ-weighted h_{k−2}(a) and h_{k−1}(a), per power
	last   []float64
	row    [][]float64 // row[i][m]: E[(x−a_i)₊^m h_{k−1}]
}

func newCoefficients(ps []power) *coefficients {
	c := &coefficients{powers: ps, before: make([]float64, len(ps)), last: make([]float64, len(ps)), row: make([][]float64, len(ps))}
	for i, p := range ps {
		c.row[i] = make([]float64, p.m+1)
	}
	return c
}

func (c *coefficients) next() float64 {
	sum, k := 0.0, float64(c.k)
	for i, p := range c.powers {
		row := c.row[i]
		if c.k == 0 {
			copy(row, upper(p.a, p.m+1))
			c.last[i] = math.Exp(-p.a * p.a / 4)
		} else {
			root := math.Sqrt(k)
			for m := p.m; m > 0; m-- {
				row[m] = float64(m) / root * row[m-1]
			}
			row[0] = c.last[i] * math.Exp(-p.a*p.a/4) / math.Sqrt(2*math.Pi) / root
			c.before[i], c.last[i] = c.last[i], (p.a*c.last[i]-math.Sqrt(k-1)*c.before[i])/root
		}
		sum += p.c * row[p.m]
	}
	c.k++
	return sum
}

// upper returns E[(x−a)₊^m] for m < count.
func upper(a float64, count int) []float64 {
	e := make([]float64, count)
	for m := range e {
		switch m {
		case 0:
			e[0] = cdf(-a)
		case 1:
			e[1] = normal(a) - a*e[0]
		default:
			e[m] = float64(m-1)*e[m-2] - a*e[m-1]
		}
	}
	return e
}

// meet returns E of the product of two sums of powers.
func meet(ps, qs []power, p Pair) float64 {
	sum := 0.0
	for i := 0; i < len(ps); {
		a, rows, iEnd := span(ps, i)
		for j := 0; j < len(qs); {
			b, cols, jEnd := span(qs, j)
			t := truncated(p, a, b, rows, cols)
			for _, x := range ps[i:iEnd] {
				for _, y := range qs[j:jEnd] {
					sum += x.c * y.c * t[x.m][y.m]
				}
			}
			j = jEnd
		}
		i = iEnd
	}
	return sum
}

// span returns the run of powers at one kink, and how many powers it needs.
func span(ps []power, from int) (a float64, count, end int) {
	a, end = ps[from].a, from
	for end < len(ps) && ps[end].a == a {
		count = max(count, ps[end].m+1)
		end++
	}
	return a, count, end
}
