package limits

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gontk/ntk/dual"
	"github.com/gontk/ntk/limits/internal/lanes"
)

// A chain is a recursion without branches on examples of one position: numbers, a sum
// over a weight, then activations with sums over weights behind each.
type chain struct {
	source *birthRule
	// first leads from Σ x·x' to the first argument, last from the last activation
	// to the output; layers has what is between.
	first, last affine
	layers      []chainLayer
	// curved says that activations are error functions, which take K along; the
	// others are piecewise linear and take the squared distance.
	curved bool
}

// A chainLayer is an activation and the affine that leads to its argument.
type chainLayer struct {
	f    *dual.Activation
	side *functionSide
	in   affine
}

// compileChain returns the chain that a plan is, or why it is none.
func compileChain(p *plan) (recipe, error) {
	if len(p.roots) != 1 {
		return nil, fmt.Errorf("outputs of %d kinds", len(p.roots))
	}
	c := &chain{}
	below, out, err := p.affineOf(p.roots[0].node)
	for {
		if err != nil {
			return nil, err
		}
		if r, ok := below.rule.(*birthRule); ok {
			c.source = r
			if c.first = out; len(c.layers) == 0 {
				return nil, errors.New("no activation")
			}
			break
		}
		r := below.rule.(*functionRule) // affineOf returns no others
		layer, argument, lerr := p.chainLayer(below, r)
		if lerr != nil {
			return nil, lerr
		}
		if len(c.layers) == 0 {
			c.last = out
		} else {
			c.layers[0].in = out
		}
		c.layers = slices.Insert(c.layers, 0, layer)
		below, out, err = p.affineOf(argument)
	}
	c.layers[0].in = c.first
	c.curved = c.layers[0].f.Family == "erf"
	for _, l := range c.layers {
		if (l.f.Family == "erf") != c.curved {
			return nil, fmt.Errorf("%s beside %s", l.f.Name, c.layers[0].f.Name)
		}
	}
	return c, c.checkSource()
}

// chainLayer returns an activation of one Gaussian, and the node of its argument.
func (p *plan) chainLayer(n *node, r *functionRule) (l chainLayer, argument *node, err error) {
	s := r.left
	f := s.f[0]
	switch {
	case n.v != n.w, len(s.cuts[0].arguments) != 1, !s.cuts[0].live:
		return l, nil, fmt.Errorf("%s: a function of more than one Gaussian", p.title(n.v.v, 1))
	case f.slots > 0:
		return l, nil, fmt.Errorf("%s: a function of its own for each example", p.title(n.v.v, 1))
	}
	a := f.part(valuePart, nil)
	if a.Family != "abrelu" && a.Family != "erf" {
		return l, nil, fmt.Errorf("%s: no kernel for %s", p.title(n.v.v, 1), a.Name)
	}
	r.arguments(0, 0, func(_, _ int, u *node, _, _ int) { argument = u })
	if argument == nil {
		return l, nil, fmt.Errorf("%s: examples have nothing in common", p.title(n.v.v, 1))
	}
	return chainLayer{f: a, side: s}, argument, nil
}

// checkSource refuses sums that the two sides take over different entries.
func (c *chain) checkSource() error {
	left, right := c.source.left.rows[0], c.source.right.rows[0]
	if c.source.left.a != c.source.right.a || len(left) != len(right) {
		return errors.New("two sums over the input")
	}
	seen := map[int]bool{}
	for i, s := range left {
		t := right[i]
		if s.key != t.key || s.c != t.c || s.position != t.position || seen[s.key] {
			return errors.New("two sums over the input")
		}
		seen[s.key] = true
	}
	return nil
}

// scales are those of layer i, with what follows it.
func (c *chain) scales(i int) lanes.Scales {
	next := c.last
	if i+1 < len(c.layers) {
		next = c.layers[i+1].in
	}
	in := c.layers[i].in
	return lanes.Scales{Carried: next.carried, Theta: next.theta, Mean: next.mean, ThetaBias: in.thetaBias, MeanBias: in.bias}
}

// kernels are the layers as lanes has them.
func (c *chain) kernels() []*lanes.Layer {
	var list []*lanes.Layer
	for i, l := range c.layers {
		if p := l.f.Params; c.curved {
			list = append(list, lanes.ErrorFunction(p[0], p[1], p[2], c.scales(i)))
		} else {
			list = append(list, lanes.Rectifier(p[0], p[1], c.scales(i)))
		}
	}
	return list
}

// bytes implements recipe: features in both dtypes, scales of layers, a tile.
func (c *chain) bytes(n, block int) int64 {
	width := len(c.source.left.rows[0])
	return 2*int64(n)*int64(12*width+16*len(c.layers)) + 4*int64(block)*int64(lanes.Pad(block))
}
