package dual

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// A Series is the Hermite expansion of an activation at one variance. With h_k
// the normalized Hermite polynomials and x ~ N(0, 1),
//
//	φ(√q x) = Σ a_k h_k(x),  φ'(√q x) = Σ b_k h_k(x),
//
// so that E[φ(u)ψ(v)] = Σ a_k c_k ρ^k (Mehler). The b_k are a series of their
// own: b_k = √(k+1)·a_{k+1}/√q fails where φ jumps and at q = 0. Series are
// shared: do not change them.
//
// Kinks make a_k decay like a power of k, and the tail at ρ = ±1 with it. So
// truncated powers J·(u−t)₊^m/m! that jump as φ does are split off,
//
//	φ = powers + rest,
//
// and powers meet powers in closed form.
type Series struct {
	// Q is the variance.
	Q float64
	// A and B are a_k and b_k, of φ and φ' whole.
	A, B []float64
	// Reached says that what is left out beyond A and B is below 1e-12,
	// relative to E[φ²] and E[φ'²], at every ρ.
	Reached bool

	powers, slopes        []power   // of φ and φ' in x
	powersA, powersB      []float64 // their coefficients
	square, slopeSquare   float64   // E[φ²], E[φ'²]
	tail, slopeTail       float64   // Σ beyond, of rest²
	rough, roughSlope     float64   // Σ beyond, of powers²
	largest, largestSlope float64   // root mean square of powers
	unresolved            float64
}

const (
	// maxOrder bounds the work: 2048 orders on 1400 nodes take some 4 ms.
	maxOrder = 2048
	// floor is what E[φ²] − Σ a_k² is off by rounding, relative to E[φ²].
	floor = 4e-15
	// negligible is when coefficients stop to matter beside a power: their
	// sum with its slowly falling ones is then below target.
	negligible = 2e-15
)

// A seriesKey says all that a series depends on, so that results do not depend
// on what was computed before.
type seriesKey struct {
	q     float64
	fine  bool
	terms int
}

// Series returns the Hermite series of f at variance q > 0. It returns an error
// if q is not positive or E[φ²] or E[φ'²] is infinite.
//
// It takes O(orders·nodes): below 1 ms for tanh at q = 1, some 5 ms where 2048
// orders do not reach. An activation keeps its series, up to 2²³ coefficients
// (64 MB).
func (f *Activation) Series(q float64) (*Series, error) {
	return f.seriesAt(q, len(f.Kinks) > 0, 0)
}

// seriesAt: fine series run until coefficients, not their squares, are
// negligible, as products with a power need. It has at least the given number
// of terms unless it is finite.
func (f *Activation) seriesAt(q float64, fine bool, terms int) (*Series, error) {
	if !(q > 0 && q <= math.MaxFloat64) {
		return nil, fmt.Errorf("dual: Hermite series of %s at variance %g: expected a finite one > 0", f.Name, q)
	}
	key := seriesKey{q, fine, terms}
	if f.finite != nil {
		key = seriesKey{q: q}
	}
	f.mu.Lock()
	s, ok := f.series[key]
	f.mu.Unlock()
	if ok {
		return s, nil
	}
	if f.finite != nil {
		s = exactSeries(f.finite, q)
	} else {
		var err error
		if s, err = f.expand(q, fine, terms); err != nil {
			return nil, fmt.Errorf("dual: Hermite series of %s at variance %g: %w", f.Name, q, err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if first, ok := f.series[key]; ok {
		return first, nil // another goroutine's
	}
	if f.held += s.size(); f.series == nil || f.held > kept {
		f.series, f.held = map[seriesKey]*Series{}, s.size()
	}
	f.series[key] = s
	return s, nil
}

// kept is how many coefficients an activation keeps: a data set of images has a
// variance for each pixel.
const kept = 1 << 23

// size counts the coefficients of s; a map's entry is some 32 more.
func (s *Series) size() int { return 32 + len(s.A) + len(s.B) + len(s.powersA) + len(s.powersB) }

// expand takes a mesh as fine as the order needs that is reached at last.
func (f *Activation) expand(q float64, fine bool, terms int) (*Series, error) {
	for orders := fewOrders; ; orders *= 4 {
		if orders < terms && orders < maxOrder {
			continue
		}
		s, enough, err := f.expandTo(orders, q, fine, terms)
		if enough || orders == maxOrder || err != nil {
			return s, err
		}
	}
}

// expandTo stops at the given order, and reports whether it was enough.
func (f *Activation) expandTo(orders int, q float64, fine bool, terms int) (s *Series, enough bool, err error) {
	sd := math.Sqrt(q)
	m, err := f.mesh(sd, orders)
	if err != nil {
		return nil, false, err
	}
	y, d := m.values[0], m.values[1]
	s = &Series{Q: q, square: m.dot(y, y), slopeSquare: m.dot(d, d), unresolved: m.unresolved}
	s.powers, s.slopes = f.split(sd, math.Sqrt(s.square))
	py, pd := sumPowers(s.powers, m.x), sumPowers(s.slopes, m.x)
	powerSquare, powerSlopeSquare := m.dot(py, py), m.dot(pd, pd)
	s.largest, s.largestSlope = math.Sqrt(powerSquare), math.Sqrt(powerSlopeSquare)
	restSquare, restSlopeSquare := m.distance(y, py), m.distance(d, pd)

	h, foldedY, foldedD := newHermiteFunctions(m), m.fold(y), m.fold(d)
	pa, pb := newCoefficients(s.powers), newCoefficients(s.slopes)
	var rest, restSlope []float64
	for k := 0; k < orders && !enough; k++ {
		psi := h.next()
		a, b := floats.Dot(foldedY[k%2], psi), floats.Dot(foldedD[k%2], psi)
		s.A, s.B = append(s.A, a), append(s.B, b)
		s.powersA, s.powersB = append(s.powersA, pa.next()), append(s.powersB, pb.next())
		rest, restSlope = append(rest, a-s.powersA[k]), append(restSlope, b-s.powersB[k])
		if k%16 == 15 {
			s.tail = tailOf(rest, restSquare, s.square, fine)
			s.slopeTail = tailOf(restSlope, restSlopeSquare, s.slopeSquare, fine)
			small := 2 * floor
			if fine {
				small = negligible * negligible * 100
			}
			enough = k >= 31 && k+1 >= terms && s.tail <= small*s.square && s.slopeTail <= small*s.slopeSquare
		}
	}
	s.rough = max(0, powerSquare-squares(s.powersA)) + floor*powerSquare
	s.roughSlope = max(0, powerSlopeSquare-squares(s.powersB)) + floor*powerSlopeSquare
	own := s.tail + 2*math.Sqrt(s.tail*s.rough)
	ownSlope := s.slopeTail + 2*math.Sqrt(s.slopeTail*s.roughSlope)
	s.Reached = own <= target*s.square && ownSlope <= target*s.slopeSquare && s.unresolved <= target
	return s, enough, nil
}

// hermiteFunctions gives ψ_k = h_k e^{−x²/4} at x > 0 one by one. They stay
// bounded where h_k overflow.
type hermiteFunctions struct {
	k                int
	x, psi, previous []float64
}

func newHermiteFunctions(m *mesh) *hermiteFunctions {
	x := m.x[len(m.x)/2:]
	h := &hermiteFunctions{x: x, psi: make([]float64, len(x)), previous: make([]float64, len(x))}
	for i, x := range x {
		h.previous[i] = math.Exp(-x * x / 4)
	}
	return h
}

// next returns ψ_k, for the next k; it lasts until the next call but one.
func (h *hermiteFunctions) next() []float64 {
	h.psi, h.previous = h.previous, h.psi
	psi := h.psi
	if h.k > 0 {
		// From ψ_{k−1} = previous and ψ_{k−2}, where ψ_k will be.
		c := 1 / math.Sqrt(float64(h.k))
		last := math.Sqrt(float64(h.k-1)) * c
		x, previous := h.x[:len(psi)], h.previous[:len(psi)]
		for i, before := range psi {
			psi[i] = c*x[i]*previous[i] - last*before
		}
	}
	h.k++
	return psi
}

// fold returns weight·f/e^{−x²/4} at x > 0, twice its even and twice its odd
// part: h_k(−x) = (−1)^k h_k(x).
func (m *mesh) fold(f []float64) [2][]float64 {
	half := len(m.x) / 2
	even, odd := make([]float64, half), make([]float64, half)
	for i := range half {
		r, l := half+i, half-1-i
		w := m.weight[r] * math.Exp(m.x[r]*m.x[r]/4)
		even[i], odd[i] = w*(f[r]+f[l]), w*(f[r]-f[l])
	}
	return [2][]float64{even, odd}
}

// distance returns E[(f−g)²].
func (m *mesh) distance(f, g []float64) float64 {
	s := 0.0
	for i, w := range m.weight {
		s += w * (f[i] - g[i]) * (f[i] - g[i])
	}
	return s
}

func squares(a []float64) float64 {
	s := 0.0
	for _, x := range a {
		s += x * x
	}
	return s
}

// tailOf bounds Σ_{k≥n} r_k² of coefficients r_0…r_{n−1} whose squares sum to
// total. By Parseval it is what is missing from total; below the rounding of
// that subtraction, a fine series goes on by the decay of its last half: if the
// energy of the last two quarters falls by the factor 1.4^−p, as k^−p does, the
// rest is below 4·0.875^p/(p−1) of the last quarter's. Four times that is taken.
// Whole is E[φ²], of which 1e-14² is rounding.
func tailOf(r []float64, total, whole float64, fine bool) float64 {
	missing := max(0, total-squares(r)) + floor*total
	if !fine || missing > 4*floor*total {
		return missing
	}
	n := len(r)
	third, last := squares(r[n/2:3*n/4]), squares(r[3*n/4:])
	noise := 1e-28 * whole
	if last <= noise {
		return min(missing, noise)
	}
	p := math.Log(third/last) / math.Log(1.4)
	if !(p > 1.5) {
		return missing
	}
	return min(missing, 16*math.Pow(0.875, p)/(p-1)*last+noise)
}

// summed returns the cross dual from the series of both sides.
func summed(f, g *Activation, p Pair) (Result, error) {
	fine := len(f.Kinks)+len(g.Kinks) > 0
	s, t, err := both(f, g, p, fine)
	if err != nil {
		return Result{}, err
	}
	rho := p.Rho()
	n := min(len(s.A), len(t.A))
	r := Result{
		K:     mehler(s.A, t.A, s.powersA, t.powersA, rho) + meet(s.powers, t.powers, p),
		Kdot:  mehler(s.B, t.B, s.powersB, t.powersB, rho) + meet(s.slopes, t.slopes, p),
		Order: n - 1,
	}
	// Beyond n: rest·rest + power·rest + rest·power, each by Cauchy-Schwarz.
	left := func(x, y tails) float64 {
		return math.Sqrt(x.rest*y.rest) + math.Sqrt(x.power*y.rest) + math.Sqrt(x.rest*y.power)
	}
	fall := math.Pow(math.Abs(rho), float64(n))
	scale, scaleDot := math.Sqrt(s.square*t.square), math.Sqrt(s.slopeSquare*t.slopeSquare)
	x, xd := s.beyond(n)
	y, yd := t.beyond(n)
	rel := rounding + s.unresolved + t.unresolved
	r.KErr = fall*left(x, y) + rel*max(scale, s.largest*t.largest)
	r.KdotErr = fall*left(xd, yd) + rel*max(scaleDot, s.largestSlope*t.largestSlope)
	r.Reached = r.KErr <= target*scale && r.KdotErr <= target*scaleDot
	return r, r.check(f, g, p)
}

// both returns the series of both sides. The shorter one, of a function that is
// smoother or whose kinks are all there is to it, follows the longer one.
func both(f, g *Activation, p Pair, fine bool) (s, t *Series, err error) {
	if s, err = f.seriesAt(p.q1, fine, 0); err != nil {
		return nil, nil, err
	}
	if f.same(g) && p.q1 == p.q2 {
		return s, s, nil
	}
	if t, err = g.seriesAt(p.q2, fine, 0); err != nil || f.finite != nil || g.finite != nil {
		return s, t, err
	}
	switch {
	case len(s.A) < len(t.A):
		s, err = f.seriesAt(p.q1, fine, len(t.A))
	case len(t.A) < len(s.A):
		t, err = g.seriesAt(p.q2, fine, len(s.A))
	}
	return s, t, err
}

// mehler returns Σ (a_k c_k − p_k r_k) ρ^k.
func mehler(a, c, p, r []float64, rho float64) float64 {
	sum := 0.0
	for k := min(len(a), len(c)) - 1; k >= 0; k-- {
		sum *= rho
		sum += a[k] * c[k]
		if k < len(p) && k < len(r) {
			sum -= p[k] * r[k]
		}
	}
	return sum
}

// tails are the energies of what a series leaves out.
type tails struct{ rest, power float64 }

// beyond returns the tails of both series from order n on.
func (s *Series) beyond(n int) (value, slope tails) {
	value, slope = tails{s.tail, s.rough}, tails{s.slopeTail, s.roughSlope}
	value.add(s.A, s.powersA, n)
	slope.add(s.B, s.powersB, n)
	return value, slope
}

// add adds the energies of coefficients from order n on; powers may be missing.
func (t *tails) add(a, powers []float64, n int) {
	for k := n; k < len(a); k++ {
		p := 0.0
		if k < len(powers) {
			p = powers[k]
		}
		t.rest += (a[k] - p) * (a[k] - p)
		t.power += p * p
	}
}
