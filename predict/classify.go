package predict

import "fmt"

// OneHot returns targets [N, classes] for class labels: 1 − 1/classes at the
// example's class and −1/classes elsewhere if centred, else 1 and 0. It returns an
// error for a label outside 0..classes-1.
//
// Source of the centred form: Lee et al. (NeurIPS 2019), Arora et al. (2019).
func OneHot(labels []int, classes int, centred bool) (Matrix, error) {
	if err := checkLabels(labels, classes); err != nil {
		return Matrix{}, err
	}
	out := NewMatrix(len(labels), classes)
	for i, c := range labels {
		out.Row(i)[c] = 1
	}
	if centred {
		for i := range out.Data {
			out.Data[i] -= 1 / float64(classes)
		}
	}
	return out, nil
}

func checkLabels(labels []int, classes int) error {
	if classes < 1 {
		return fmt.Errorf("predict: %d classes; want at least 1", classes)
	}
	for i, c := range labels {
		if c < 0 || c >= classes {
			return fmt.Errorf("predict: label %d is %d; want 0 to %d", i, c, classes-1)
		}
	}
	return nil
}

// Classify returns the class of the largest score in each row, the first of equals.
func Classify(scores Matrix) []int {
	out := make([]int, scores.Rows)
	for i := range out {
		for c, v := range scores.Row(i) {
			if v > scores.Row(i)[out[i]] {
				out[i] = c
			}
		}
	}
	return out
}

// Accuracy returns the share of predictions that equal the labels. It returns an
// error if there are none, or their numbers differ.
func Accuracy(predicted, labels []int) (float64, error) {
	if len(predicted) != len(labels) || len(labels) == 0 {
		return 0, fmt.Errorf("predict: %d predictions for %d labels; want as many, at least one", len(predicted), len(labels))
	}
	right := 0
	for i, c := range predicted {
		if c == labels[i] {
			right++
		}
	}
	return float64(right) / float64(len(labels)), nil
}
