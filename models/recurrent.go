package models

import (
	"fmt"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// maxSteps bounds the length of sequences that recurrent layers unroll.
const maxSteps = 4096

// A Recurrence configures [RNN] and [GRU]. The gain of the recurrent weights is
// WStd, that of the biases BStd of the layer's Weights.
type Recurrence struct {
	// Width is the number of features of the state.
	Width int `json:"width" spec:"required"`
	// UStd is the gain of the weights that act on the input.
	UStd float64 `json:"u_std" spec:"required"`
	// Output is "all", for the states of all steps, or "last"; empty means all.
	Output string `json:"output,omitempty"`
}

// RNN unrolls a recurrent layer whose weights all steps share:
//
//	h_t = φ(s_w·h_{t−1} W + s_u·x_t U + s_b·b),  h_0 = 0.
//
// Shapes: x [n, steps, c], U [c, width], W [width, width], b [width]; result
// [n, steps, width], or [n, width] for the last state alone. The variables are
// U, W and b of ctx's scope.
func RNN(ctx *mlctx.Context, x *gx.Node, r Recurrence, w Weights, activation func(*gx.Node) *gx.Node) *gx.Node {
	in := r.input(ctx, x, "U", "b", w)
	return r.unroll(x, func(t int, h *gx.Node) *gx.Node {
		z := at(in, t)
		if h != nil {
			z = gx.Add(z, r.recur(ctx, h, "W", w))
		}
		return activation(z)
	})
}

// GRU unrolls gated recurrent units, with z the update and r the reset gate:
//
//	z = σ(x Uz + h Wz + bz),  r = σ(x Ur + h Wr + br),
//	h̃ = tanh(x Uh + (r ⊙ h) Wh + bh),  h' = z ⊙ h + (1 − z) ⊙ h̃,
//
// each product scaled as in [RNN]. Shapes are RNN's, for each of z, r and h.
//
// Source: Cho et al., arXiv 1406.1078, eq. (5)–(8), with W and U exchanged.
func GRU(ctx *mlctx.Context, x *gx.Node, r Recurrence, w Weights) *gx.Node {
	in := map[string]*gx.Node{}
	for _, gate := range gates {
		in[gate] = r.input(ctx, x, "U"+gate, "b"+gate, w)
	}
	return r.unroll(x, func(t int, h *gx.Node) *gx.Node {
		pre := func(gate string, h *gx.Node) *gx.Node {
			if h == nil {
				return at(in[gate], t)
			}
			return gx.Add(at(in[gate], t), r.recur(ctx, h, "W"+gate, w))
		}
		update := gx.Sigmoid(pre("z", h))
		if h == nil {
			return gx.Mul(gx.OneMinus(update), gx.Tanh(pre("h", nil)))
		}
		reset := gx.Sigmoid(pre("r", h))
		candidate := gx.Tanh(pre("h", gx.Mul(reset, h)))
		return gx.Add(gx.Mul(update, h), gx.Mul(gx.OneMinus(update), candidate))
	})
}

var gates = []string{"z", "r", "h"}

// input is s_u·x U + s_b·b for all steps at once.
func (r Recurrence) input(ctx *mlctx.Context, x *gx.Node, name, bias string, w Weights) *gx.Node {
	c := x.Shape().Dim(-1)
	s, d := w.matrix(r.UStd, c, r.Width)
	z := scale(contractLast(x, weight(ctx, x, name, d, c, r.Width)), s)
	return addBiasNamed(ctx, z, bias, c, w, r.Width)
}

// recur is s_w·h W.
func (r Recurrence) recur(ctx *mlctx.Context, h *gx.Node, name string, w Weights) *gx.Node {
	s, d := w.matrix(w.WStd, r.Width, r.Width)
	return scale(contractLast(h, weight(ctx.Checked(false), h, name, d, r.Width, r.Width)), s)
}

// at returns step t of x [n, steps, c].
func at(x *gx.Node, t int) *gx.Node {
	return gx.Squeeze(gx.SliceAxis(x, 1, gx.AxisElem(t)), 1)
}

// unroll applies step to every step, the first time with a nil state.
func (r Recurrence) unroll(x *gx.Node, step func(t int, h *gx.Node) *gx.Node) *gx.Node {
	var h *gx.Node
	var states []*gx.Node
	for t := range x.Shape().Dim(1) {
		h = step(t, h)
		states = append(states, h)
	}
	if r.Output == "last" {
		return h
	}
	return gx.Stack(states, 1)
}

// shapeOf validates r on inputs of shape in.
func (r Recurrence) shapeOf(g gains, in []int) ([]int, error) {
	if len(in) != 2 || in[0] < 2 || in[0] > maxSteps { // one step would leave W unused
		return nil, fmt.Errorf("its input %v is no sequence [steps, features] of 2 to %d steps", in, maxSteps)
	}
	if err := positive("width", r.Width); err != nil {
		return nil, err
	}
	if err := checkGain("u_std", r.UStd); err != nil {
		return nil, err
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	switch r.Output {
	case "", "all":
		return []int{in[0], r.Width}, nil
	case "last":
		return []int{r.Width}, nil
	}
	return nil, fmt.Errorf("unknown output %q%s; known are all, last", r.Output, didYouMean(r.Output, []string{"all", "last"}))
}

// weightsOf returns the arrays of one gate.
func (r Recurrence) weightsOf(gate string, g gains, in []int) []array {
	a := []array{
		{name: "U" + gate, dims: []int{in[len(in)-1], r.Width}, gain: r.UStd},
		{name: "W" + gate, dims: []int{r.Width, r.Width}, gain: g.WStd},
	}
	if g.BStd != nil {
		a = append(a, array{name: "b" + gate, dims: []int{r.Width}, gain: *g.BStd})
	}
	return a
}

type rnn struct {
	Recurrence
	gains
	Activation string `json:"activation,omitempty"`
	names
}

// Op implements Layer.
func (*rnn) Op() string { return "rnn" }

func (l *rnn) activation() (Layer, error) {
	if l.Activation == "" {
		return activation("tanh")
	}
	return activation(l.Activation)
}

func (l *rnn) shape(_ *check, in []int) ([]int, error) {
	if _, err := l.activation(); err != nil {
		return nil, err
	}
	return l.shapeOf(l.gains, in)
}

func (l *rnn) arrays(in []int) []array { return l.weightsOf("", l.gains, in) }

func (l *rnn) build(b *builder, x *gx.Node) *gx.Node {
	ctx, w := b.weights(l, l.gains)
	act, err := l.activation()
	if err != nil { // shape checked it
		panic(err)
	}
	return RNN(ctx, x, l.Recurrence, w, func(z *gx.Node) *gx.Node { return act.build(b, z) })
}

type gru struct {
	Recurrence
	gains
	names
}

// Op implements Layer.
func (*gru) Op() string { return "gru" }

func (l *gru) shape(_ *check, in []int) ([]int, error) { return l.shapeOf(l.gains, in) }

func (l *gru) arrays(in []int) []array {
	var all []array
	for _, gate := range gates {
		all = append(all, l.weightsOf(gate, l.gains, in)...)
	}
	return all
}

func (l *gru) build(b *builder, x *gx.Node) *gx.Node {
	ctx, w := b.weights(l, l.gains)
	return GRU(ctx, x, l.Recurrence, w)
}
