package models

import (
	"errors"
	"fmt"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// A Spec is an architecture as data. Its JSON is
//
//	{"layers": [{"op": "dense", "width": 512, "w_std": 1.4, "b_std": null},
//	            {"op": "relu"}, …],
//	 "parameterization": "ntk", "input_shape": [12]}
//
// in the format of the oracles under testdata; docs/models.md documents each
// op. Images are NHWC, sequences NHC, vectors NC. A parameterization of your
// own is an object in place of the name:
//
//	{"name": "mine", "all": {"weight": {"s": {"gain": 1, "in": -0.5}}, "bias": {…}}}
//
// with "input", "hidden" and "output" in place of "all" if they differ.
type Spec struct {
	// Name is free text; it may be empty.
	Name   string
	Layers []Layer
	// Parameterization; the zero value means [NTK].
	Parameterization Param
	// Initializer is the family that weights and biases are drawn from, of the
	// same mean and variance, one of [Initializers]: empty means [graph.Normal].
	// [Weights] says which arrays the orthogonal ones are for.
	Initializer graph.Family
	// InputShape is the shape of one input, without the batch axis.
	InputShape []int
}

// A Layer is an entry of a [Spec]. Layers come from [ParseSpec] and the zoo.
type Layer interface {
	// Op names the layer's kind.
	Op() string

	// shape returns the shape of one output for inputs of shape in, and
	// validates the layer's fields.
	shape(c *check, in []int) ([]int, error)
	// arrays returns the layer's weights.
	arrays(in []int) []array
	// label returns the layer's names, nil if it never has weights.
	label() *names
	// build builds the layer. Its fields and its input have been validated.
	build(b *builder, x *gx.Node) *gx.Node
}

// An array is a weight of a layer, drawn with a gain.
type array struct {
	name string
	dims []int
	gain float64
	// frozen says that it is not trained.
	frozen bool
}

// names are the fields that name the weights of a layer.
type names struct {
	// Name is the layer's; by default p0, p1, … in order.
	Name string `json:"name,omitempty"`
	// Params gives, per weight, the name of its array: "W": "p0_W".
	Params map[string]string `json:"params,omitempty"`
	// Share names an earlier layer whose weights this one uses.
	Share string `json:"share,omitempty"`
}

func (n *names) label() *names { return n }

// noArrays is embedded by layers without weights.
type noArrays struct{}

func (noArrays) arrays([]int) []array { return nil }
func (noArrays) label() *names        { return nil }

// A ParamInfo says which variable of the model holds which array of the Spec.
type ParamInfo struct {
	// Name is that of the array, such as p0_W.
	Name string
	// Scope and VarName are the variable's in a context whose scope is the root.
	Scope, VarName string
	Shape          []int
	// Frozen says that it is not trained: a running statistic.
	Frozen bool
}

// An InputInfo is an input of the model.
type InputInfo struct {
	Name string
	// Shape is without the batch axis.
	Shape []int
}

// Params returns the model's weights in the order of the layers that own them.
// It returns the errors of [Spec.Model].
func (s *Spec) Params() ([]ParamInfo, error) {
	c, err := s.check()
	if err != nil {
		return nil, err
	}
	return c.params, nil
}

// Inputs returns the model's inputs: x, and what ops such as aggregate read
// besides. It returns the errors of [Spec.Model].
func (s *Spec) Inputs() ([]InputInfo, error) {
	c, err := s.check()
	if err != nil {
		return nil, err
	}
	return c.inputs, nil
}

// OutputShape returns the shape of one output, without the batch axis. It
// returns the errors of [Spec.Model].
func (s *Spec) OutputShape() ([]int, error) {
	c, err := s.check()
	if err != nil {
		return nil, err
	}
	return c.output, nil
}

// Model returns the network as a GoMLX model function. Its variables are in a
// scope per layer; dtype is that of the input.
//
// It validates the whole Spec first and returns one error that names the layer:
// fields out of range, shapes that do not fit, names used twice, ops that
// cannot be built ([ErrNotBuilt]).
func (s *Spec) Model() (graph.Model, error) {
	c, err := s.check()
	if err != nil {
		return nil, err
	}
	return s.model(c, nil), nil
}

// model is Model after the check; seen, if not nil, is given the output of every
// layer that has weights.
func (s *Spec) model(c *check, seen func(l Layer, y *gx.Node)) graph.Model {
	layers, param, family := s.Layers, s.Parameterization, s.Initializer
	return func(ctx *mlctx.Context, inputs []*gx.Node) []*gx.Node {
		if len(inputs) != len(c.inputs) {
			panic(fmt.Errorf("models: %s has %d inputs, got %d", s.title(), len(c.inputs), len(inputs)))
		}
		byName := map[string]*gx.Node{}
		for i, in := range c.inputs {
			if err := sameShape(in, inputs[i]); err != nil {
				panic(fmt.Errorf("models: %s: %w", s.title(), err))
			}
			byName[in.Name] = inputs[i]
		}
		b := &builder{ctx.Checked(false), param, family, c.placed, byName, seen}
		return []*gx.Node{b.sequence(layers, inputs[0])}
	}
}

func (s *Spec) title() string {
	if s.Name != "" {
		return s.Name
	}
	return "spec"
}

func sameShape(in InputInfo, x *gx.Node) error {
	d := x.Shape().Dimensions
	if len(d) != len(in.Shape)+1 {
		return fmt.Errorf("input %s has shape %v, want [batch] and %v", in.Name, d, in.Shape)
	}
	for i, n := range in.Shape {
		if d[i+1] != n {
			return fmt.Errorf("input %s has shape %v, want [batch] and %v", in.Name, d, in.Shape)
		}
	}
	return nil
}

// ErrNotBuilt says that an op is part of the format, but no network of finite
// width computes it here.
var ErrNotBuilt = errors.New("cannot be built")

// A builder builds a validated Spec into a graph.
type builder struct {
	ctx    *mlctx.Context
	param  Param
	family graph.Family
	placed map[Layer]place
	inputs map[string]*gx.Node
	seen   func(l Layer, y *gx.Node)
}

// scope returns the context of l's variables; without variables, b's.
func (b *builder) scope(l Layer) *mlctx.Context {
	if p, ok := b.placed[l]; ok {
		return b.ctx.In(p.scope)
	}
	return b.ctx
}

// weights returns the context and the configuration of l's variables.
func (b *builder) weights(l Layer, g gains) (*mlctx.Context, Weights) {
	return b.scope(l), Weights{WStd: g.WStd, BStd: g.BStd, Param: b.param, At: b.placed[l].at, Family: b.family}
}

func (b *builder) sequence(ls []Layer, x *gx.Node) *gx.Node {
	for _, l := range ls {
		x = l.build(b, x)
		if _, ok := b.placed[l]; ok && b.seen != nil {
			b.seen(l, x)
		}
	}
	return x
}

func (b *builder) branches(bs []layerList, x *gx.Node) []*gx.Node {
	outs := make([]*gx.Node, len(bs))
	for i, l := range bs {
		outs[i] = b.sequence(l, x)
	}
	return outs
}
