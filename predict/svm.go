package predict

import (
	"context"
	"fmt"
	"math"
)

// SVMOptions configures [NewSVM].
type SVMOptions struct {
	// C > 0 bounds the dual variables; 0 means 1.
	C float64
	// Tol is the largest violation of the optimality conditions, in units of the
	// decision function; 0 means 1e-6.
	Tol float64
	// MaxIterations bounds steps; 0 means 10⁷ or 100·N, whichever is more.
	MaxIterations int
}

// An SVM separates two classes by the sign of f(x) = Σ_i Dual_i·K(x, x_i) + Bias.
type SVM struct {
	// Dual [N] are α_i·y_i, zero except for support vectors.
	Dual []float64
	// Bias is b.
	Bias float64
	// Objective is that of the dual, Σα − ½ Σ α_i α_j y_i y_j K_ij.
	Objective float64
	// Iterations counts steps, Support examples with α_i above 0.
	Iterations, Support int
}

// NewSVM trains a support vector machine with hinge loss on a precomputed kernel,
//
//	min ½‖f‖² + C·Σ max(0, 1 − y_i(f(x_i) + b)),
//
// k [N, N], y_i = 1 where positive and −1 elsewhere, by sequential minimal
// optimization of the dual: in each step the two variables whose joint change
// promises most, by second-order information, are solved for exactly.
//
// It returns an error if shapes disagree, k is not symmetric, one class has no
// example, an option is negative, or MaxIterations did not suffice.
//
// Source: Fan, Chen, Lin, J. Mach. Learn. Res. 6 (2005) 1889, selection WSS 3.
func NewSVM(ctx context.Context, k Matrix, positive []bool, opts SVMOptions) (*SVM, error) {
	n := len(positive)
	if err := k.checkSymmetric("the kernel", n); err != nil {
		return nil, err
	}
	if !(opts.C >= 0 && opts.Tol >= 0) || math.IsInf(opts.C, 1) || opts.MaxIterations < 0 {
		return nil, fmt.Errorf("predict: SVM: C %g, Tol %g, MaxIterations %d; want finite numbers, 0 or more", opts.C, opts.Tol, opts.MaxIterations)
	}
	if opts.C == 0 {
		opts.C = 1
	}
	if opts.Tol == 0 {
		opts.Tol = 1e-6
	}
	if opts.MaxIterations == 0 {
		opts.MaxIterations = max(1e7, 100*n)
	}
	s := &smo{k: k, c: opts.C, y: make([]float64, n), alpha: make([]float64, n), gradient: make([]float64, n)}
	count := 0
	for i, p := range positive {
		s.y[i], s.gradient[i] = -1, -1
		if p {
			s.y[i] = 1
			count++
		}
	}
	if count == 0 || count == n {
		return nil, fmt.Errorf("predict: SVM: %d of %d examples are positive; want both classes", count, n)
	}
	for iteration := range opts.MaxIterations {
		if iteration%1000 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		i, j, violation := s.pair()
		if violation < opts.Tol || j < 0 {
			return s.result(iteration), nil
		}
		s.step(i, j)
	}
	_, _, violation := s.pair()
	return nil, fmt.Errorf("predict: SVM: conditions still violated by %g after %d steps; want ≤ %g: allow more MaxIterations, raise Tol or lower C", violation, opts.MaxIterations, opts.Tol)
}

// smo is the state of sequential minimal optimization of ½αᵀQα − Σα with
// Q_ij = y_i y_j K_ij, 0 ≤ α ≤ c, yᵀα = 0.
type smo struct {
	k                  Matrix
	c                  float64
	y, alpha, gradient []float64
}

// mayRise and mayFall say whether y_i·α_i has room above and below.
func (s *smo) mayRise(i int) bool {
	return s.y[i] > 0 && s.alpha[i] < s.c || s.y[i] < 0 && s.alpha[i] > 0
}

func (s *smo) mayFall(i int) bool {
	return s.y[i] > 0 && s.alpha[i] > 0 || s.y[i] < 0 && s.alpha[i] < s.c
}

// flat replaces a curvature that is not positive, as of equal examples.
const flat = 1e-12

func (s *smo) curvature(i, j int) float64 {
	n := s.k.Cols
	a := s.k.Data[i*n+i] + s.k.Data[j*n+j] - 2*s.k.Data[i*n+j]
	if a <= 0 {
		return flat
	}
	return a
}

// pair returns the variables to change, and by how much optimality is violated.
func (s *smo) pair() (i, j int, violation float64) {
	i, j = -1, -1
	highest, lowest := math.Inf(-1), math.Inf(1)
	for t, g := range s.gradient {
		if v := -s.y[t] * g; v > highest && s.mayRise(t) {
			i, highest = t, v
		}
	}
	if i < 0 {
		return i, j, 0
	}
	best := 0.0
	for t, g := range s.gradient {
		if !s.mayFall(t) {
			continue
		}
		v := -s.y[t] * g
		lowest = min(lowest, v)
		if b := highest - v; b > 0 {
			if gain := b * b / s.curvature(i, t); gain > best {
				j, best = t, gain
			}
		}
	}
	return i, j, highest - lowest
}

// step minimizes over α_i and α_j, keeping y_iα_i + y_jα_j.
func (s *smo) step(i, j int) {
	oldI, oldJ := s.alpha[i], s.alpha[j]
	// d is how far y_iα_i rises and y_jα_j falls.
	d := (-s.y[i]*s.gradient[i] + s.y[j]*s.gradient[j]) / s.curvature(i, j)
	d = min(d, s.room(i, 1), s.room(j, -1))
	s.alpha[i] = s.moved(i, d)
	s.alpha[j] = s.moved(j, -d)
	di, dj := (s.alpha[i]-oldI)*s.y[i], (s.alpha[j]-oldJ)*s.y[j]
	ri, rj := s.k.Row(i), s.k.Row(j)
	for t, y := range s.y {
		s.gradient[t] += y * (di*ri[t] + dj*rj[t])
	}
}

// room is how far y_i·α_i may go in a direction.
func (s *smo) room(i int, direction float64) float64 {
	if s.y[i]*direction > 0 {
		return s.c - s.alpha[i]
	}
	return s.alpha[i]
}

// moved returns α_i after y_i·α_i changed by d, exactly on a bound that it reaches.
func (s *smo) moved(i int, d float64) float64 {
	switch {
	case math.Abs(d) < s.room(i, d) || d == 0:
	case s.y[i]*d > 0:
		return s.c
	default:
		return 0
	}
	return s.alpha[i] + s.y[i]*d
}

func (s *smo) result(iterations int) *SVM {
	out := &SVM{Dual: make([]float64, len(s.y)), Iterations: iterations}
	var free, sum float64
	low, high := math.Inf(-1), math.Inf(1)
	for i, a := range s.alpha {
		out.Dual[i] = a * s.y[i]
		out.Objective += a * (1 - s.gradient[i]) / 2
		if a > 0 {
			out.Support++
		}
		// The bias of a free variable is −y_i·G_i; bounded ones bound it.
		v := -s.y[i] * s.gradient[i]
		if a > 0 && a < s.c {
			free++
			sum += v
			continue
		}
		if s.mayRise(i) {
			low = max(low, v)
		}
		if s.mayFall(i) {
			high = min(high, v)
		}
	}
	if out.Bias = (low + high) / 2; free > 0 {
		out.Bias = sum / free
	}
	return out
}

// Decision returns f at M examples with the kernel cross [M, N].
func (s *SVM) Decision(cross Matrix) ([]float64, error) {
	if err := cross.check("the kernel of test with training examples", cross.Rows, len(s.Dual)); err != nil {
		return nil, err
	}
	out := make([]float64, cross.Rows)
	for i := range out {
		out[i] = dot(cross.Row(i), s.Dual) + s.Bias
	}
	return out, nil
}
