package predict

import (
	"context"
	"fmt"
)

// OneVsOne tells classes apart by an [SVM] for each pair of them, and votes.
type OneVsOne struct {
	// Classes counts classes, N training examples.
	Classes, N int
	// Pairs are the machines for classes (0, 1), (0, 2), …, (1, 2), …; the first of
	// a pair is positive. A pair without examples of both classes has none, nil.
	Pairs []*SVM
	// Dual are their dual variables, each of length N with zeros for examples of
	// other classes.
	Dual [][]float64
}

// NewOneVsOne trains a machine for each pair of classes on the kernel k [N, N] and
// labels in 0..classes-1. Errors are those of [NewSVM], and an error for a label
// outside its range or fewer than two classes with examples.
func NewOneVsOne(ctx context.Context, k Matrix, labels []int, classes int, opts SVMOptions) (*OneVsOne, error) {
	if err := checkLabels(labels, classes); err != nil {
		return nil, err
	}
	if err := k.check("the kernel", len(labels), len(labels)); err != nil {
		return nil, err
	}
	members := make([][]int, classes)
	for i, c := range labels {
		members[c] = append(members[c], i)
	}
	out := &OneVsOne{Classes: classes, N: len(labels)}
	trained := 0
	for a := range classes {
		for b := a + 1; b < classes; b++ {
			if len(members[a]) == 0 || len(members[b]) == 0 {
				out.Pairs, out.Dual = append(out.Pairs, nil), append(out.Dual, nil)
				continue
			}
			idx := append(append([]int{}, members[a]...), members[b]...)
			positive := make([]bool, len(idx))
			for i := range members[a] {
				positive[i] = true
			}
			s, err := NewSVM(ctx, k.Submatrix(idx, idx), positive, opts)
			if err != nil {
				return nil, fmt.Errorf("classes %d and %d: %w", a, b, err)
			}
			dual := make([]float64, len(labels))
			for i, v := range s.Dual {
				dual[idx[i]] = v
			}
			out.Pairs, out.Dual = append(out.Pairs, s), append(out.Dual, dual)
			trained++
		}
	}
	if trained == 0 {
		return nil, fmt.Errorf("predict: SVM: examples of fewer than two of %d classes", classes)
	}
	return out, nil
}

// Decisions returns every machine's decision [M, pairs] at M examples with the
// kernel cross [M, N], 0 for a pair without a machine.
func (o *OneVsOne) Decisions(cross Matrix) (Matrix, error) {
	if err := cross.check("the kernel of test with training examples", cross.Rows, o.N); err != nil {
		return Matrix{}, err
	}
	out := NewMatrix(cross.Rows, len(o.Pairs))
	for p, s := range o.Pairs {
		if s == nil {
			continue
		}
		for i := range cross.Rows {
			out.Row(i)[p] = dot(cross.Row(i), o.Dual[p]) + s.Bias
		}
	}
	return out, nil
}

// Predict returns the class with most votes for each of M examples with the kernel
// cross [M, N], the first of equals.
func (o *OneVsOne) Predict(cross Matrix) ([]int, error) {
	d, err := o.Decisions(cross)
	if err != nil {
		return nil, err
	}
	votes := NewMatrix(cross.Rows, o.Classes)
	for i := range cross.Rows {
		p := 0
		for a := range o.Classes {
			for b := a + 1; b < o.Classes; b++ {
				switch {
				case o.Pairs[p] == nil:
				case d.Row(i)[p] > 0:
					votes.Row(i)[a]++
				default:
					votes.Row(i)[b]++
				}
				p++
			}
		}
	}
	return Classify(votes), nil
}
