package empirical

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// A model of several outputs [batch, …] is one function with several heads: its
// O outputs are those of the heads, one head after the other. Θ between heads a
// and b is what Full has in the rows of a and the columns of b.

// A Head is one of the outputs that a model returns.
type Head struct {
	// Name is the alias that the model gave the node ([gx.Node.WithAlias]),
	// without the slash in front, or else the head's place, from "0".
	Name string `json:"name"`
	// From is the first of the head's outputs among O, Outputs how many it has.
	From    int `json:"from"`
	Outputs int `json:"outputs"`

	dims []int // of an example's output
}

// Heads returns the model's outputs; one for a model that returns one.
func (f *Network) Heads() []Head { return slices.Clone(f.heads) }

// record records model at batch 2 and looks at its outputs. It returns the
// model with its heads in one output.
func (f *Network) record(ctx *mlctx.Context, model graph.Model) (one graph.Model, err error) {
	var aliases []string
	named := func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
		ys := model(ctx, x)
		aliases = nil
		for _, y := range ys {
			alias := ""
			if y != nil { // Record says so
				alias = strings.Trim(y.GetAlias(), gx.AliasScopeSeparator)
			}
			aliases = append(aliases, alias)
		}
		return ys
	}
	if f.forward, err = graph.Record(ctx, named, batched(f.inputs, 2)...); err != nil {
		return nil, err
	}
	from := 0
	for i, out := range f.forward.Program.Outputs {
		which := "output"
		if len(aliases) > 1 {
			which = fmt.Sprintf("output %d", i)
		}
		if out.Shape.DType != f.dtype {
			return nil, fmt.Errorf("empirical: the model's %s is %s, its input %s", which, out.Shape.DType, f.dtype)
		} else if out.Shape.Rank() < 2 {
			return nil, fmt.Errorf("empirical: the model's %s has shape %v for a batch of 2; want [batch, outputs] (rank 2 or more): keep an axis of size 1 for a scalar output", which, out.Shape.Dimensions)
		}
		h := Head{Name: aliases[i], From: from, dims: out.Shape.Dimensions[1:]}
		if h.Name == "" || slices.ContainsFunc(f.heads, func(other Head) bool { return other.Name == h.Name }) {
			h.Name = strconv.Itoa(i) // a node returned twice has one alias
		}
		h.Outputs = product(h.dims)
		from += h.Outputs
		f.heads = append(f.heads, h)
	}
	if len(f.heads) == 1 {
		return model, nil
	}
	one = joined(model)
	f.forward, err = graph.Record(ctx, one, batched(f.inputs, 2)...)
	return one, err
}

// joined returns a model with the outputs of all heads in one, [batch, O].
func joined(model graph.Model) graph.Model {
	return func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
		n := x[0].Shape().Dimensions[0]
		ys := slices.Clone(model(ctx, x))
		for i, y := range ys {
			mustKeepBatch(y, n)
			ys[i] = gx.Reshape(y, n, -1)
		}
		return []*gx.Node{gx.Concatenate(ys, 1)}
	}
}

// head finds a head by its name or its place.
func (f *Network) head(name string) (Head, error) {
	for _, h := range f.heads {
		if h.Name == name {
			return h, nil
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(f.heads) {
		return f.heads[i], nil
	}
	var names []string
	for _, h := range f.heads {
		names = append(names, h.Name)
	}
	return Head{}, fmt.Errorf("empirical: no head %q; the model has %d: %s", name, len(f.heads), strings.Join(names, ", "))
}

// chosen returns which outputs count by opts, and where those of the heads are
// among them; no heads if opts names single outputs.
func (f *Network) chosen(opts Options) (of []int, heads []Head, err error) {
	if len(opts.Heads) > 0 && len(opts.Of) > 0 {
		return nil, nil, fmt.Errorf("empirical: heads %q and outputs %v are asked for; give one of them", opts.Heads, opts.Of)
	}
	if len(opts.Of) > 0 {
		return opts.Of, nil, nil
	}
	if len(opts.Heads) == 0 {
		return span(0, f.Outputs()), f.Heads(), nil
	}
	for _, name := range opts.Heads {
		h, err := f.head(name)
		if err != nil {
			return nil, nil, err
		}
		if slices.ContainsFunc(heads, func(other Head) bool { return other.Name == h.Name }) {
			return nil, nil, fmt.Errorf("empirical: head %q is asked for twice", h.Name)
		}
		outputs := span(h.From, h.From+h.Outputs)
		h.From = len(of)
		of, heads = append(of, outputs...), append(heads, h)
	}
	return of, heads, nil
}

// listed says how many outputs each of several heads has.
func listed(heads []Head) string {
	if len(heads) < 2 {
		return ""
	}
	var list []string
	for _, h := range heads {
		list = append(list, fmt.Sprintf("%s %d", h.Name, h.Outputs))
	}
	return " (" + strings.Join(list, ", ") + ")"
}

// Block returns Θ between two heads, by name or place among [Gram.Heads],
//
//	Θ[n, m, o, p],  o of head a, p of head b,
//
// [N1, N2, Oa, Ob] of Full, and [N1, N2, Oa] of Diagonal, which has a = b only;
// of Options.Pairs [N1, Oa, Ob] and [N1, Oa].
//
// It returns an error for heads that Θ does not have, for a reduction that sums
// over them, and if the values are not in memory.
func (g *Gram) Block(a, b string) ([]float64, error) {
	at := func(name string) (Head, error) {
		f := Network{heads: g.Heads}
		return f.head(name)
	}
	ha, err := at(a)
	if err != nil {
		return nil, err
	}
	hb, err := at(b)
	if err != nil {
		return nil, err
	}
	tail := g.Outputs.tail(g.O)
	switch {
	case g.Values == nil:
		return nil, fmt.Errorf("empirical: Θ of heads %s and %s is not in memory", a, b)
	case len(tail) == 0:
		return nil, fmt.Errorf("empirical: %s sums over outputs, so heads %s and %s have no block of their own; take full, or one head at a time", g.Outputs, a, b)
	case len(tail) == 1 && ha.From != hb.From:
		return nil, fmt.Errorf("empirical: diagonal has no block between heads %s and %s; take full", a, b)
	}
	var block []float64
	per := product(tail)
	for at := 0; at < len(g.Values); at += per {
		if len(tail) == 1 {
			block = append(block, g.Values[at+ha.From:][:ha.Outputs]...)
			continue
		}
		for o := range ha.Outputs {
			block = append(block, g.Values[at+(ha.From+o)*g.O+hb.From:][:hb.Outputs]...)
		}
	}
	return block, nil
}
