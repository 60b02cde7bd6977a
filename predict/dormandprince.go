package predict

import (
	"context"
	"fmt"
	"math"
)

// The Runge-Kutta pair of Dormand and Prince, order 5 with an error estimate of
// order 4. The system does not depend on time, so nodes are not needed.
//
// Source: Dormand, Prince, J. Comput. Appl. Math. 6 (1980) 19, table 2.
var (
	dpStage = [7][]float64{
		{},
		{1. / 5},
		{3. / 40, 9. / 40},
		{44. / 45, -56. / 15, 32. / 9},
		{19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
		{9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
		{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
	}
	dpError = [7]float64{71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40}
)

// An ode is y' = f(y) with an adaptive step.
type ode struct {
	// derivative sets dst to f(y).
	derivative func(dst, y []float64) error
	// size returns the error of a step in units of what is allowed, from the
	// estimate and the values before and after.
	size func(estimate, before, after []float64) float64

	k       [7][]float64
	y, next []float64
	e       []float64
}

func newODE(n int, derivative func(dst, y []float64) error, size func(e, before, after []float64) float64) *ode {
	o := &ode{derivative: derivative, size: size, y: make([]float64, n), next: make([]float64, n), e: make([]float64, n)}
	for i := range o.k {
		o.k[i] = make([]float64, n)
	}
	return o
}

// advance moves y and time to end by steps of at most the suggestion *h, which it
// updates; after each step it calls accept. On cancel y is at *time.
func (o *ode) advance(ctx context.Context, y []float64, time, h *float64, end float64, steps int, accept func()) error {
	if *time >= end {
		return nil
	}
	if err := o.derivative(o.k[0], y); err != nil {
		return err
	}
	if !(*h > 0) {
		// A step over which a constant slope would change y by a hundredth.
		*h = end - *time
		if slope := maxAbs(o.k[0]); slope > 0 {
			*h = min(*h, 0.01*max(maxAbs(y), 1e-3)/slope)
		}
	}
	for range steps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		step, last := *h, false
		if *time+step*(1+1e-9) >= end {
			step, last = end-*time, true
		}
		if *time+step == *time && !last {
			return fmt.Errorf("predict: step %g vanishes beside time %g; the loss is not smooth there, or the tolerance too small", step, *time)
		}
		if err := o.try(y, step); err != nil {
			return err
		}
		err := o.size(o.e, y, o.next)
		factor := 5.0
		if err > 0 {
			factor = min(5, max(0.2, 0.9*math.Pow(err, -0.2)))
		}
		if !(err <= 1) { // negated, so NaN fails
			if err != err {
				factor = 0.2
			}
			*h = step * min(factor, 0.9)
			continue
		}
		copy(y, o.next)
		o.k[0], o.k[6] = o.k[6], o.k[0]
		*time += step
		if !last || factor < 1 {
			*h = step * factor
		}
		accept()
		if last {
			*time = end
			return nil
		}
	}
	return fmt.Errorf("predict: %d steps reached time %g of %g; allow more MaxSteps or raise Tol: the method is explicit, with steps of about 3/λ_1", steps, *time, end)
}

// try sets next to y after one step, k[6] to the slope there, and e to the estimate
// of the error.
func (o *ode) try(y []float64, step float64) error {
	for s := 1; s < 7; s++ {
		to := o.y
		if s == 6 {
			to = o.next
		}
		for i, v := range y {
			sum := 0.0
			for j, a := range dpStage[s] {
				sum += a * o.k[j][i]
			}
			to[i] = v + step*sum
		}
		if err := o.derivative(o.k[s], to); err != nil {
			return err
		}
	}
	for i := range o.e {
		sum := 0.0
		for j, c := range dpError {
			sum += c * o.k[j][i]
		}
		o.e[i] = step * sum
	}
	return nil
}
