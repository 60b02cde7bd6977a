package predict

import (
	"fmt"
	"math"
)

// A Loss is a differentiable function of the outputs f [N, O] on all training
// examples.
type Loss struct {
	// Value returns L.
	Value func(f Matrix) float64
	// Gradient sets dst [N, O] to ∂L/∂f.
	Gradient func(dst, f Matrix)
}

// SquaredLoss is ‖f − y‖²/(2·size), size 1 for the sum over examples and outputs,
// and 0 meaning N·O, the mean.
func SquaredLoss(y Matrix, size float64) Loss {
	size = orCount(size, y)
	return Loss{
		Value: func(f Matrix) float64 {
			s := 0.0
			for i, v := range f.Data {
				s += (v - y.Data[i]) * (v - y.Data[i])
			}
			return s / (2 * size)
		},
		Gradient: func(dst, f Matrix) {
			for i, v := range f.Data {
				dst.Data[i] = (v - y.Data[i]) / size
			}
		},
	}
}

// CrossEntropy is −Σ_no y_no·log softmax(f_n)_o/size for targets that may be soft,
// size 1 for the sum over examples, and 0 meaning N·O, the mean of neural-tangents.
func CrossEntropy(y Matrix, size float64) Loss {
	size = orCount(size, y)
	return Loss{
		Value: func(f Matrix) float64 {
			s := 0.0
			for n := range f.Rows {
				top, sum := normalizer(f.Row(n))
				for o, v := range f.Row(n) {
					s -= y.Row(n)[o] * (v - top - math.Log(sum))
				}
			}
			return s / size
		},
		Gradient: func(dst, f Matrix) {
			for n := range f.Rows {
				top, sum := normalizer(f.Row(n))
				weight := 0.0
				for _, v := range y.Row(n) {
					weight += v
				}
				for o, v := range f.Row(n) {
					dst.Row(n)[o] = (weight*math.Exp(v-top)/sum - y.Row(n)[o]) / size
				}
			}
		},
	}
}

// normalizer returns the largest of logits and Σ e^{logit − largest}.
func normalizer(logits []float64) (top, sum float64) {
	top = math.Inf(-1)
	for _, v := range logits {
		top = max(top, v)
	}
	for _, v := range logits {
		sum += math.Exp(v - top)
	}
	return top, sum
}

func orCount(size float64, y Matrix) float64 {
	if size == 0 {
		return float64(len(y.Data))
	}
	return size
}

// check fails unless the loss has both functions.
func (l Loss) check() error {
	if l.Value == nil || l.Gradient == nil {
		return fmt.Errorf("predict: a loss needs both Value and Gradient")
	}
	return nil
}
