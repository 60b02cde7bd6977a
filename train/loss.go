package train

import (
	"fmt"

	gx "github.com/gomlx/gomlx/pkg/core/graph"

	"github.com/gontk/ntk/predict"
)

// A Loss is what training minimizes, a sum over the examples n and the outputs o
// of a batch, divided by a size,
//
//	L = Σ_no ℓ(f_no, y_no)/size.
//
// Its zero value is half the mean of (f − y)² over all entries.
type Loss struct {
	Kind LossKind
	Over Over
}

// A LossKind says which ℓ.
type LossKind int

const (
	// Squared is ℓ = ½(f − y)².
	Squared LossKind = iota
	// CrossEntropy is Σ_o ℓ = −Σ_o y_o·log softmax(f)_o; targets may be soft.
	CrossEntropy
)

// Over says what the size is.
type Over int

const (
	// Entries is n·o, the mean over all entries: neural-tangents' convention.
	Entries Over = iota
	// PerExample is n, the mean over examples of a sum over outputs.
	PerExample
	// Sum is 1.
	Sum
)

var (
	lossNames = []string{"mse", "xent"}
	overNames = []string{"entries", "examples", "sum"}
)

// ParseLoss reads the name of a kind, mse or xent, and that of a size, entries,
// examples or sum.
func ParseLoss(kind, over string) (Loss, error) {
	l := Loss{Kind: -1, Over: -1}
	for i, n := range lossNames {
		if n == kind {
			l.Kind = LossKind(i)
		}
	}
	for i, n := range overNames {
		if n == over {
			l.Over = Over(i)
		}
	}
	switch {
	case l.Kind < 0:
		return l, fmt.Errorf("train: no loss %q; want mse or xent", kind)
	case l.Over < 0:
		return l, fmt.Errorf("train: no size %q of a loss; want entries, examples or sum", over)
	}
	return l, nil
}

// String writes the loss as an equation.
func (l Loss) String() string {
	of := []string{"½ mean (f−y)² over examples and outputs", "½ mean over examples of Σ_o (f−y)²", "½ Σ (f−y)² over examples and outputs"}
	if l.Kind == CrossEntropy {
		of = []string{"−mean y·log softmax(f) over examples and outputs", "−mean over examples of Σ_o y·log softmax(f)", "−Σ y·log softmax(f) over examples and outputs"}
	}
	return of[l.Over]
}

// Size returns what the loss of n examples with o outputs divides by.
func (l Loss) Size(n, o int) float64 {
	switch l.Over {
	case PerExample:
		return float64(n)
	case Sum:
		return 1
	}
	return float64(n) * float64(o)
}

// sizeOfAll returns the size for which the gradient of the loss of all n examples
// is what the gradient of a batch is in the mean: only Sum makes a difference.
func (l Loss) sizeOfAll(n, batch, o int) float64 {
	return l.Size(batch, o) * float64(n) / float64(batch)
}

// Node returns L of outputs and targets [n, o] as a node of their graph.
func (l Loss) Node(f, y *gx.Node) *gx.Node {
	size := l.Size(f.Shape().Dimensions[0], f.Shape().Dimensions[1])
	if l.Kind == CrossEntropy {
		return gx.Neg(gx.DivScalar(gx.ReduceAllSum(gx.Mul(gx.LogSoftmax(f, -1), y)), size))
	}
	return gx.DivScalar(gx.ReduceAllSum(gx.Square(gx.Sub(f, y))), 2*size)
}

// Of returns L as a function of the outputs on examples with targets y, with a
// size of its own.
func (l Loss) Of(y predict.Matrix, size float64) predict.Loss {
	if l.Kind == CrossEntropy {
		return predict.CrossEntropy(y, size)
	}
	return predict.SquaredLoss(y, size)
}
