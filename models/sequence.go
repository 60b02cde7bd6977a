package models

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// maxVocabulary is up to where float32 counts without gaps.
const maxVocabulary = 1 << 24

// Embedding replaces every number of x, which counts from 0 and is rounded down,
// by a row of a table:
//
//	z[…, :] = s·E[x[…], :].
//
// Shapes: x [n, …], E [vocabulary, width], z [n, …, width]. A number out of
// range is taken as the nearest in it. The variable is E of ctx's scope; its
// fan-in is 1, that of a one-hot vector with a single 1.
func Embedding(ctx *mlctx.Context, x *gx.Node, vocabulary, width int, w Weights) *gx.Node {
	s, d := w.matrix(w.WStd, 1, width)
	table := weight(ctx, x, "E", independent(d), vocabulary, width)
	rows := gx.ConvertDType(gx.Floor(gx.ClipScalar(gx.StopGradient(x), 0, float64(vocabulary-1))), dtypes.Int32)
	return scale(gx.Gather(table, gx.InsertAxes(rows, -1)), s)
}

type embedding struct {
	Vocabulary int     `json:"vocabulary" spec:"required"`
	Width      int     `json:"width" spec:"required"`
	WStd       float64 `json:"w_std" spec:"required"`
	names
}

// Op implements Layer.
func (*embedding) Op() string { return "embedding" }

func (l *embedding) shape(c *check, in []int) ([]int, error) {
	if c.weighted {
		return nil, fmt.Errorf("it reads numbers of words, but its input depends on weights; put it first")
	}
	if l.Vocabulary < 1 || l.Vocabulary > maxVocabulary {
		return nil, fmt.Errorf("vocabulary is %d; it must be from 1 to %d", l.Vocabulary, maxVocabulary)
	}
	if err := positive("width", l.Width); err != nil {
		return nil, err
	}
	return append(slices.Clone(in), l.Width), checkGain("w_std", l.WStd)
}

func (l *embedding) arrays([]int) []array {
	return []array{{name: "E", dims: []int{l.Vocabulary, l.Width}, gain: l.WStd}}
}

func (l *embedding) build(b *builder, x *gx.Node) *gx.Node {
	ctx, w := b.weights(l, gains{l.WStd, nil})
	return Embedding(ctx, x, l.Vocabulary, l.Width, w)
}

// positionEmbedding adds s·P to every example, P [positions…, c] being trained,
// or the waves of Vaswani et al. (arXiv 1706.03762, section 3.5):
//
//	P[t, 2i] = sin(t/10000^(2i/c)), P[t, 2i+1] = cos of the same.
type positionEmbedding struct {
	Std  float64 `json:"std"`
	Kind string  `json:"kind,omitempty"`
	names
}

// Op implements Layer.
func (*positionEmbedding) Op() string { return "position_embedding" }

func (l *positionEmbedding) shape(_ *check, in []int) ([]int, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("its input %v has no positions", in)
	}
	switch l.Kind {
	case "", "trained":
	case "waves":
		if len(in) != 2 || product(in) > maxMatrix {
			return nil, fmt.Errorf("kind waves is for sequences [positions, channels] of up to %d entries, not %v", maxMatrix, in)
		}
	default:
		return nil, fmt.Errorf("unknown kind %q%s; known are trained, waves", l.Kind, didYouMean(l.Kind, []string{"trained", "waves"}))
	}
	return in, checkGain("std", l.Std)
}

func (l *positionEmbedding) arrays(in []int) []array {
	if l.Kind == "waves" {
		return nil
	}
	return []array{{name: "P", dims: in, gain: l.Std}}
}

func (l *positionEmbedding) build(b *builder, x *gx.Node) *gx.Node {
	dims := x.Shape().Dimensions[1:]
	if l.Kind == "waves" {
		p := waves(dims[0], dims[1])
		for i := range p {
			p[i] *= l.Std
		}
		return gx.Add(x, constant(x, p, 1, dims[0], dims[1]))
	}
	ctx, w := b.weights(l, gains{l.Std, nil})
	return gx.Add(x, positions(ctx, x, w))
}

// positions is s·P, of fan-in 1: the position as a one-hot vector.
func positions(ctx *mlctx.Context, x *gx.Node, w Weights) *gx.Node {
	dims := x.Shape().Dimensions[1:]
	s, d := w.matrix(w.WStd, 1, dims[len(dims)-1])
	return scale(gx.ExpandLeftToRank(weight(ctx, x, "P", independent(d), dims...), x.Rank()), s)
}

func waves(positions, channels int) []float64 {
	p := make([]float64, 0, positions*channels)
	for t := range positions {
		for i := range channels {
			at := float64(t) / math.Pow(10000, float64(i-i%2)/float64(channels))
			if i%2 == 0 {
				p = append(p, math.Sin(at))
			} else {
				p = append(p, math.Cos(at))
			}
		}
	}
	return p
}

// classToken puts s·w, w [c] being trained, in front of every sequence.
type classToken struct {
	Std float64 `json:"std"`
	names
}

// Op implements Layer.
func (*classToken) Op() string { return "class_token" }

func (l *classToken) shape(_ *check, in []int) ([]int, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("its input %v is no sequence [positions, channels]; put tokens in front", in)
	}
	return []int{in[0] + 1, in[1]}, checkGain("std", l.Std)
}

func (l *classToken) arrays(in []int) []array {
	return []array{{name: "W", dims: in[len(in)-1:], gain: l.Std}}
}

func (l *classToken) build(b *builder, x *gx.Node) *gx.Node {
	ctx, w := b.weights(l, gains{l.Std, nil})
	n, c := x.Shape().Dim(0), x.Shape().Dim(-1)
	s, d := w.matrix(l.Std, 1, c)
	token := gx.BroadcastToDims(gx.Reshape(weight(ctx, x, "W", independent(d), c), 1, 1, c), n, 1, c)
	return gx.Concatenate([]*gx.Node{scale(token, s), x}, 1)
}

// tokens makes one axis of all positions, in C order.
type tokens struct{ noArrays }

// Op implements Layer.
func (*tokens) Op() string { return "tokens" }

func (*tokens) shape(_ *check, in []int) ([]int, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("its input %v has no positions", in)
	}
	return []int{product(in[:len(in)-1]), in[len(in)-1]}, nil
}

func (*tokens) build(_ *builder, x *gx.Node) *gx.Node {
	return gx.Reshape(x, x.Shape().Dim(0), product(spatialDims(x)), x.Shape().Dim(-1))
}
