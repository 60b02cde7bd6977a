package predict_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/predict"
)

// A literal is training of a linear model f = f0 + Jθ on the sum loss over size,
// step by step, θ starting at 0.
type literal struct {
	j, jTest, f0, g0, y predict.Matrix // features [D, P], outputs [D, C]
	size, ridge         float64
}

func (l literal) outputs(j, start, theta predict.Matrix) predict.Matrix {
	out := predict.NewMatrix(j.Rows, theta.Cols)
	for i := range j.Rows {
		for c := range theta.Cols {
			s := start.Row(i)[c]
			for p := range j.Cols {
				s += j.Row(i)[p] / math.Sqrt(float64(j.Cols)) * theta.Row(p)[c]
			}
			out.Row(i)[c] = s
		}
	}
	return out
}

func (l literal) gradient(theta predict.Matrix) predict.Matrix {
	f, g := l.outputs(l.j, l.f0, theta), predict.NewMatrix(theta.Rows, theta.Cols)
	for p := range theta.Rows {
		for c := range theta.Cols {
			s := l.ridge * theta.Row(p)[c]
			for i := range l.j.Rows {
				s += l.j.Row(i)[p] / math.Sqrt(float64(l.j.Cols)) * (f.Row(i)[c] - l.y.Row(i)[c])
			}
			g.Row(p)[c] = s / l.size
		}
	}
	return g
}

// run trains by the named method.
func (l literal) run(method string, rate, mu float64, steps int) (train, test predict.Matrix) {
	theta := predict.NewMatrix(l.j.Cols, l.y.Cols)
	velocity := predict.NewMatrix(theta.Rows, theta.Cols)
	for range steps {
		at := predict.NewMatrix(theta.Rows, theta.Cols)
		copy(at.Data, theta.Data)
		if method == "Nesterov" {
			for i := range at.Data {
				at.Data[i] += mu * velocity.Data[i]
			}
		}
		g := l.gradient(at)
		for i := range theta.Data {
			// In units of θ; heavy ball's v has the factor −1/η.
			velocity.Data[i] = mu*velocity.Data[i] - rate*g.Data[i]
			theta.Data[i] += velocity.Data[i]
		}
	}
	return l.outputs(l.j, l.f0, theta), l.outputs(l.jTest, l.g0, theta)
}

// TestSteps trains a linear model, whose kernel never moves, in its weights by
// plain loops: discrete dynamics must agree to rounding, 1e-12·max|f|. 9 weights for
// 12 examples leave 3 modes without a way to learn. Along these w grows to
// rate·steps/(1−μ), 1e5 times f, and Θ(x, X)·w cancels: rounding is 1e-11 of f.
func TestSteps(t *testing.T) {
	const n, m, o = 12, 5, 2
	for _, tc := range []struct {
		name    string
		weights int
		ridge   float64
		tol     float64 // of test outputs
	}{{"full rank", 20, 0, 1e-12}, {"singular", 9, 0, 1e-10}, {"ridge", 9, 0.3, 1e-12}} {
		l := literal{
			j: waves(n, tc.weights, 0), jTest: waves(m, tc.weights, 2), f0: waves(n, o, 1), g0: waves(m, o, 3), y: waves(n, o, 4),
			size:  n * o, // the mean
			ridge: tc.ridge,
		}
		d, err := predict.NewDynamics(t.Context(), blas(t), gram(l.j, l.j), l.f0, l.y, predict.DynamicsOptions{Ridge: tc.ridge})
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"descent", "heavy ball", "Nesterov"} {
			for _, mu := range []float64{0, 0.5, 0.9, 0.99} {
				if method == "descent" && mu > 0 {
					continue
				}
				top := map[string]float64{"descent": d.MaxRate(), "heavy ball": d.MaxRateHeavyBall(mu), "Nesterov": d.MaxRateNesterov(mu)}[method]
				for _, steps := range []int{0, 1, 2, 7, 100, 999, 1000} {
					for _, share := range []float64{0.03, 0.5, 0.99} {
						rate := share * top
						var f predict.Filter
						switch method {
						case "descent":
							f, err = d.Descent(rate, steps)
						case "heavy ball":
							f, err = d.HeavyBall(rate, mu, steps)
						default:
							f, err = d.Nesterov(rate, mu, steps)
						}
						if err != nil {
							t.Fatal(err)
						}
						name := fmt.Sprintf("%s, %s, μ %g, %d steps at %g of the largest rate", tc.name, method, mu, steps, share)
						wantTrain, wantTest := l.run(method, rate, mu, steps)
						train, err := d.Train(f)
						if err != nil {
							t.Fatal(err)
						}
						test, err := d.Test(t.Context(), gram(l.jTest, l.j), l.g0, f)
						if err != nil {
							t.Fatal(err)
						}
						kerneltest.Close(t, name+": train", train[0].Data, wantTrain.Data, 1e-12)
						kerneltest.Close(t, name+": test", test[0].Data, wantTest.Data, tc.tol)
						loss, err := d.Loss(f)
						if err != nil {
							t.Fatal(err)
						}
						want := 0.0
						for i, v := range wantTrain.Data {
							want += (v - l.y.Data[i]) * (v - l.y.Data[i]) / (2 * n * o)
						}
						// A root-mean-square error is off by no more than f is.
						if got, want := math.Sqrt(2*loss), math.Sqrt(2*want); !(math.Abs(got-want) <= 1e-12) {
							t.Errorf("%s: root-mean-square error %g, want %g", name, got, want)
						}
					}
				}
			}
		}
	}
}

// TestChebyshev compares heavy ball with its closed form, evaluated by cosines and
// hyperbolic cosines, on one mode.
func TestChebyshev(t *testing.T) {
	one := predict.Matrix{Rows: 1, Cols: 1, Data: []float64{1}}
	d, err := predict.NewDynamics(t.Context(), blas(t), one, predict.Matrix{}, one, predict.DynamicsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	second := func(k int, c float64) float64 { // U_k(c)
		if a := math.Acos(c); c*c < 1 {
			return math.Sin(float64(k+1)*a) / math.Sin(a)
		}
		a, sign := math.Acosh(math.Abs(c)), 1.0
		if c < 0 && k%2 != 0 {
			sign = -1
		}
		return sign * math.Sinh(float64(k+1)*a) / math.Sinh(a)
	}
	for _, mu := range []float64{0.1, 0.5, 0.95} {
		for _, z := range []float64{1e-3, 0.3, 1.7, 2 * (1 + mu) * 0.999} {
			for _, k := range []int{1, 2, 5, 60, 61} {
				f, err := d.HeavyBall(z, mu, k)
				if err != nil {
					t.Fatal(err)
				}
				c := (1 + mu - z) / (2 * math.Sqrt(mu))
				want := math.Pow(mu, float64(k)/2) * (second(k, c) - math.Sqrt(mu)*second(k-1, c))
				// acos near c = ±1 costs digits.
				if !(math.Abs(f.Left[0]-want) <= 1e-11) {
					t.Errorf("μ %g, z %g, %d steps: %g left, want %g", mu, z, k, f.Left[0], want)
				}
			}
		}
	}
}
