package limits

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gontk/ntk/limits/internal/planes"
)

// A convolution is a recursion without branches on positions in one or two
// dimensions, each layer a sum over a weight that moves along with the positions and
// a piecewise linear function, with a readout of equal positions or of all. It is
// read off the terms of the sums, whatever ops they came from.
type convolution struct {
	planes.Chain
	source *birthRows // the first sum, over numbers
}

// compileConvolution returns the convolution that a plan is, or why it is none.
func compileConvolution(p *plan) (recipe, error) {
	if len(p.roots) != 1 {
		return nil, fmt.Errorf("outputs of %d kinds", len(p.roots))
	}
	c := &convolution{}
	z, err := p.argumentOf(p.roots[0].node.v)
	if err != nil {
		return nil, err
	}
	phi, err := c.readout(p, z)
	for err == nil {
		l := planes.Layer{}
		if z, l.Low, l.High, err = p.rectifierOf(phi); err != nil {
			break
		}
		l.BiasVariance, l.BiasRate = z.BiasVariance, z.BiasRate
		var done bool
		if phi, done, err = c.layer(p, z, &l); err != nil {
			break
		}
		c.Layers = append(c.Layers, l)
		if done {
			slices.Reverse(c.Layers)
			_, err = planes.New[float32](c.Chain)
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// A gaussianCell is a cell z[p] = c·B[p] + biases, B the sum over a weight.
type gaussianCell struct {
	of   *birthRows
	cell cellOf
	// square is c²; of planes.Sum only the biases are known.
	square float64
	planes.Sum
}

// A cellTerm is c·v[position].
type cellTerm struct {
	cellOf
	position int
	c        float64
}

// spread writes an entry as a sum of births, weights and functions.
func (p *plan) spread(v cellOf, position int, c float64, list []cellTerm) ([]cellTerm, error) {
	m := p.linearOf(v.v, v.cell)
	switch form := p.formOf(v); {
	case form == asNumbers:
		return nil, fmt.Errorf("%s: numbers are added", p.title(v.v, 1))
	case p.dropouts[v.v] != nil:
		return nil, fmt.Errorf("%s: dropout", p.title(v.v, 1))
	case form != asLinear || m == nil:
		return append(list, cellTerm{v, position, c}), nil
	case m.stopped:
		return nil, fmt.Errorf("%s: a gradient is stopped", p.title(v.v, 1))
	}
	for _, t := range m.rows[position] {
		if t.factor >= 0 {
			return nil, fmt.Errorf("%s: factors of each example", p.title(v.v, 1))
		}
		var err error
		if list, err = p.spread(m.targets[t.target], t.position, c*t.c, list); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// argumentOf returns what a cell is as a Gaussian, the same at all positions.
func (p *plan) argumentOf(v cellOf) (*gaussianCell, error) {
	var z *gaussianCell
	var first []entry
	for position := range p.values[v.v].layout.np {
		terms, err := p.spread(v, position, 1, nil)
		if err != nil {
			return nil, err
		}
		var biases []entry
		births := 0
		for _, t := range terms {
			if p.values[t.v].kind == weight {
				x := p.entriesOf(t.cellOf)[t.position]
				if x.of == nil {
					continue
				}
				if x.of.Mean != 0 || slices.ContainsFunc(biases, func(y entry) bool { return x.of == y.of }) {
					return nil, fmt.Errorf("%s: biases of mean other than 0, or one twice", p.title(v.v, 1))
				}
				x.c *= t.c
				biases = append(biases, x)
				continue
			}
			b := p.birthOf(t.v)
			switch births++; {
			case b == nil:
				return nil, fmt.Errorf("%s: functions are added", p.title(v.v, 1))
			case b.a == nil:
				return nil, fmt.Errorf("%s: rows are picked by index", p.title(v.v, 1))
			case births > 1, z != nil && z.cell != t.cellOf:
				return nil, fmt.Errorf("%s: branches", p.title(v.v, 1))
			case t.position != position, z != nil && z.square != t.c*t.c:
				return nil, fmt.Errorf("%s: positions are moved or scaled between layers", p.title(v.v, 1))
			}
			if z == nil {
				z = &gaussianCell{of: p.rowsOf(b, t.cell), cell: t.cellOf, square: t.c * t.c}
			}
		}
		if births == 0 {
			return nil, fmt.Errorf("%s: positions without a sum over a weight", p.title(v.v, 1))
		}
		if position == 0 {
			first = biases
		} else if !slices.Equal(first, biases) {
			return nil, fmt.Errorf("%s: biases that depend on the position", p.title(v.v, 1))
		}
	}
	for _, x := range first {
		z.BiasVariance += x.c * x.c * x.of.Tau * x.of.Tau
		if !x.stopped {
			z.BiasRate += x.c * x.c * x.of.Eta
		}
	}
	return z, nil
}

// rectifierOf returns the argument and the slopes of a cell φ(z) of one z.
func (p *plan) rectifierOf(v cellOf) (z *gaussianCell, low, high float64, err error) {
	n := p.nodes[nodeKey{v, v, false}]
	if n == nil {
		return nil, 0, 0, fmt.Errorf("%s: no node of its own", p.title(v.v, 1))
	}
	r, ok := n.rule.(*functionRule)
	if !ok {
		return nil, 0, 0, fmt.Errorf("%s: %s", p.title(v.v, 1), n.rule.text(p.builder, n))
	}
	s := r.left
	of := s.cuts[0].arguments[0].cellOf
	for position, c := range s.cuts {
		switch {
		case len(c.arguments) != 1 || !c.live:
			return nil, 0, 0, fmt.Errorf("%s: a function of more than one Gaussian", p.title(v.v, 1))
		case s.f[position] != s.f[0] || s.f[0].slots > 0:
			return nil, 0, 0, fmt.Errorf("%s: a function of its own for each position or example", p.title(v.v, 1))
		case c.arguments[0].cellOf != of, c.arguments[0].position != position:
			return nil, 0, 0, fmt.Errorf("%s: positions are moved between layers", p.title(v.v, 1))
		}
	}
	a := s.f[0].part(valuePart, nil)
	if a.Family != "abrelu" {
		return nil, 0, 0, fmt.Errorf("%s: no kernel for %s", p.title(v.v, 1), a.Name)
	}
	z, err = p.argumentOf(of)
	return z, a.Params[0], a.Params[1], err
}

// factors of M and T of one term of a sum of weight w, with the square of what
// multiplies the term, times how many are alike.
func (z *gaussianCell) factors(square float64) (variance, rate float64) {
	w := z.of.w
	if variance = w.Tau * w.Tau * square * z.square; z.of.stopped {
		return variance, 0
	}
	return variance, w.Eta * square * z.square
}

// readout finds what the last sum z adds up, of which cell.
func (c *convolution) readout(p *plan, z *gaussianCell) (phi cellOf, err error) {
	b := z.of
	if len(b.rows) != 1 || p.isPlain(b.a) {
		return phi, errors.New("no layer below the readout")
	}
	seen, keys := map[int]bool{}, map[int]bool{}
	square := 0.0
	for i, t := range b.rows[0] {
		terms, err := p.spread(p.cellIn(b.a, t.cell), t.position, t.c, nil)
		if err != nil {
			return phi, err
		}
		keys[t.key] = true
		for j, u := range terms {
			if i+j == 0 {
				phi, square = u.cellOf, u.c*u.c*t.multiple
			}
			if u.cellOf != phi || seen[u.position] || !alike(u.c*u.c*t.multiple, square) || u.c < 0 != (terms[0].c < 0) {
				return phi, fmt.Errorf("%s: a readout that is no flattening and no mean of all positions", p.title(b.v, 1))
			}
			seen[u.position] = true
		}
	}
	positions := 0
	if len(seen) > 0 {
		positions = p.values[phi.v].layout.np
	}
	// Each position with a weight of its own, or all with one.
	c.Readout.All = len(keys) == 1 && positions > 1
	if len(seen) != positions || !c.Readout.All && len(keys) != positions {
		return phi, fmt.Errorf("%s: a readout that is no flattening and no mean of all positions", p.title(b.v, 1))
	}
	c.Readout.Sum = z.Sum
	c.Readout.Variance, c.Readout.Rate = z.factors(square)
	return phi, nil
}

// alike reports whether squares of coefficients are the same but for rounding.
func alike(a, b float64) bool { return math.Abs(a-b) <= 1e-13*b }

// layer sets the axes and factors of the sum z, over cells phi of the layer below;
// done says that it is over numbers.
func (c *convolution) layer(p *plan, z *gaussianCell, l *planes.Layer) (phi cellOf, done bool, err error) {
	b := z.of
	done = p.isPlain(b.a)
	var taps []tap
	square := 0.0
	for out, row := range b.rows {
		for _, t := range row {
			u := cellTerm{p.cellIn(b.a, t.cell), t.position, t.c}
			if !done {
				terms, err := p.spread(u.cellOf, u.position, u.c, nil)
				if err != nil {
					return phi, false, err
				}
				switch len(terms) {
				case 0:
					continue // zeros that were padded
				case 1:
					u = terms[0]
				default:
					return phi, false, fmt.Errorf("%s: positions or functions are added before the sum", p.title(b.v, 1))
				}
			}
			if len(taps) == 0 {
				phi, square = u.cellOf, u.c*u.c*t.multiple
			}
			if u.cellOf != phi || !alike(u.c*u.c*t.multiple, square) {
				return phi, false, fmt.Errorf("%s: terms of different cells or factors", p.title(b.v, 1))
			}
			taps = append(taps, tap{out, u.position, t.key})
		}
	}
	if len(taps) == 0 {
		return phi, false, fmt.Errorf("%s: no terms", p.title(b.v, 1))
	}
	channels, err := filter(taps, p.values[b.v].layout, p.values[phi.v].layout, done, l)
	if err != nil {
		return phi, false, fmt.Errorf("%s: %w", p.title(b.v, 1), err)
	}
	if done {
		c.Channels, c.source = channels, b
	}
	l.Variance, l.Rate = z.factors(square)
	return phi, done, nil
}
