package predict

import "fmt"

// A Reduction says which kernel of a network with O outputs a matrix is.
type Reduction int

const (
	// PerOutput is the kernel of one output, [N, N], the same for all of them and
	// zero between them: an infinite-width limit, or the Mean or the pseudo-NTK.
	PerOutput Reduction = iota
	// Trace is the sum over outputs, [N, N]: O times PerOutput.
	Trace
	// Full is the kernel of all outputs with each other, [N·O, N·O] with index
	// (n, o): see [Flatten].
	Full
)

// perOutput checks a kernel of rows and columns of examples, and turns a trace into
// the kernel of one output.
func (r Reduction) perOutput(name string, theta Matrix, rows, cols, outputs int) (Matrix, error) {
	switch r {
	case PerOutput:
		return theta, theta.check(name, rows, cols)
	case Trace:
		if err := theta.check(name, rows, cols); err != nil {
			return theta, err
		}
		out := NewMatrix(rows, cols)
		for i, v := range theta.Data {
			out.Data[i] = v / float64(outputs)
		}
		return out, nil
	case Full:
		return theta, theta.check(name, rows*outputs, cols*outputs)
	}
	return theta, fmt.Errorf("predict: reduction %d is none of PerOutput, Trace, Full", r)
}
