package limits

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// An expression is an elementwise function of Gaussians and weights (its
// arguments), and of numbers.
type expression struct {
	// op with operands, unless one of the others is set.
	op   graph.OpType
	in   []*expression
	stop bool // an Identity that no gradient passes

	argument int // −1: none
	slot     int // −1: none; a number of the example
	number   float64
	isNumber bool
}

// String identifies the function.
func (x *expression) String() string {
	switch {
	case x.isNumber:
		return fmt.Sprint(x.number)
	case x.argument >= 0:
		return "x" + fmt.Sprint(x.argument)
	case x.slot >= 0:
		return "s" + fmt.Sprint(x.slot)
	}
	parts := make([]string, len(x.in))
	for i, y := range x.in {
		parts[i] = y.String()
	}
	name := strings.ToLower(x.op.String())
	if x.stop {
		name = "stop"
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}

// eval returns the jet of x at arguments and slots; ok is false if an op has no rule.
func (x *expression) eval(arguments []float64, slots []float64, t *tape) (y jet, ok bool) {
	switch {
	case x.isNumber:
		return jet{v: x.number}, true
	case x.argument >= 0:
		y.v = arguments[x.argument]
		y.d[x.argument] = 1
		return y, true
	case x.slot >= 0:
		return jet{v: slots[x.slot]}, true
	}
	var in [3]jet
	for i, u := range x.in {
		if in[i], ok = u.eval(arguments, slots, t); !ok {
			return jet{}, false
		}
	}
	if x.op == backends.OpTypeIdentity {
		if x.stop {
			return jet{v: in[0].v}, true
		}
		return in[0], true
	}
	return apply(x.op, in[:len(x.in)], t)
}

// renumber replaces argument i by order[i].
func (x *expression) renumber(order []int) *expression {
	if x.argument >= 0 {
		y := *x
		y.argument = order[x.argument]
		return &y
	}
	y := *x
	y.in = make([]*expression, len(x.in))
	for i, u := range x.in {
		y.in[i] = u.renumber(order)
	}
	return &y
}

// An argument is one entry of a Gaussian value, or of a weight.
type argument struct {
	cellOf
	position int
}

// A cut is an entry of a field as a function of arguments at the same place
// along the width: those of variance zero come last.
type cut struct {
	*expression
	arguments []argument
	// live says that the first argument has a variance.
	live bool
	// slots are factors of the derivation.
	slots []int
}

// depth says how far down a cut goes past Gaussians: where x and x/√2 are both
// arguments, they are replaced by the x that both are multiples of.
type depth int

const (
	topmost      depth = iota // the first Gaussian on the way
	unscaled                  // not one that is another times a constant
	unmultiplied              // nor times a number of the example
	deepest
)

// cutAt returns an entry of v as a function of at most one Gaussian with a
// variance. It returns an error that says why that is not possible.
func (d *derivation) cutAt(v cellOf, position int) (*cut, error) {
	k := argument{v, position}
	if c, ok := d.cutMemo[k]; ok {
		return c.cut, c.err
	}
	c := cutResult{}
	for depth := topmost; depth < deepest; depth++ {
		if c.cut, c.err = d.cutTo(v, position, depth); c.err == nil {
			break
		}
	}
	d.cutMemo[k] = c
	return c.cut, c.err
}

type cutResult struct {
	cut *cut
	err error
}

func (d *derivation) cutTo(v cellOf, position int, depth depth) (*cut, error) {
	c := &cutter{d: d, depth: depth, cut: &cut{}}
	at := d.values[v.v].layout.coordinates(position, v.cell)
	x, err := c.visit(v.v, at)
	if err != nil {
		return nil, err
	}
	live := -1
	for i, a := range c.cut.arguments {
		if !d.relate(a.cellOf, a.cellOf).product || d.values[a.v].kind == weight && d.isFixed(a) {
			continue
		}
		if live >= 0 {
			return nil, fmt.Errorf("it is a function of several Gaussians at once")
		}
		live = i
	}
	if len(c.cut.arguments) > maxArguments || len(c.cut.arguments) == maxArguments && live < 0 {
		return nil, fmt.Errorf("it is a function of %d weights", len(c.cut.arguments))
	}
	// The live argument is number 0; without one, number 0 stays free.
	order := make([]int, len(c.cut.arguments))
	var arguments []argument
	if live >= 0 {
		arguments = append(arguments, c.cut.arguments[live])
	} else {
		arguments = append(arguments, argument{})
	}
	for i, a := range c.cut.arguments {
		if i != live {
			order[i] = len(arguments)
			arguments = append(arguments, a)
		}
	}
	c.cut.expression, c.cut.arguments, c.cut.live = x.renumber(order), arguments, live >= 0
	return c.cut, nil
}

// isFixed reports whether a weight starts at its mean.
func (d *derivation) isFixed(a argument) bool {
	x, ok := d.entryOf(a.v, d.values[a.v].layout.coordinates(a.position, a.cell))
	return !ok || x.of.Tau == 0
}

type cutter struct {
	d     *derivation
	depth depth
	cut   *cut
}

func (c *cutter) visit(v *graph.Value, at []int) (*expression, error) {
	d, e := c.d, v.Def
	x := d.values[v]
	if at == nil {
		at = make([]int, v.Shape.Rank())
	}
	position, cell := x.layout.locate(at)
	switch {
	case x.zero:
		return constantExpression(0), nil
	case x.varies:
		return nil, fmt.Errorf("a nonlinearity acts on numbers that vary along a width")
	case x.kind == constant:
		return constantExpression(d.constants.at(v, at)), nil
	case x.kind.deterministic():
		return c.slot(v, at), nil
	case x.kind == weight:
		if _, ok := d.entryOf(v, at); !ok {
			return constantExpression(0), nil
		}
		return c.argument(argument{cellOf{v, cell}, position}), nil
	case d.birthOf(v) != nil, d.isGaussian(v) && !c.passes(v):
		return c.argument(argument{cellOf{v, cell}, position}), nil
	case d.dropouts[v] != nil:
		return nil, fmt.Errorf("a nonlinearity acts on dropped-out units")
	case isRelabel(e.Op):
		u, from := source(v, at)
		y, err := c.visit(u, from)
		if err == nil && stops(v) {
			y = &expression{op: backends.OpTypeIdentity, in: []*expression{y}, stop: true, argument: -1, slot: -1}
		}
		return y, err
	case isElementwise(e.Op):
		y := &expression{op: e.Op, argument: -1, slot: -1}
		for _, u := range e.In {
			z, err := c.visit(u, broadcast(u, at))
			if err != nil {
				return nil, err
			}
			y.in = append(y.in, z)
		}
		return y.fold(), nil
	}
	return nil, fmt.Errorf("a nonlinearity acts on a sum over positions (%s) of what is not Gaussian", e.Op)
}

// passes reports whether the cut goes down past a Gaussian.
func (c *cutter) passes(v *graph.Value) bool {
	d, e := c.d, v.Def
	if c.depth == topmost || isSum(e) {
		return false
	}
	limit := constant
	if c.depth == unmultiplied {
		limit = statistic
	}
	number := func(i int) bool { return d.values[e.In[i]].kind <= limit }
	switch e.Op {
	case backends.OpTypeNeg:
		return true
	case backends.OpTypeMul:
		return number(0) || number(1)
	case backends.OpTypeDiv:
		return number(1)
	case backends.OpTypeAdd, backends.OpTypeSub:
		return d.values[e.In[0]].zero || d.values[e.In[1]].zero
	}
	return isRelabel(e.Op)
}

func constantExpression(x float64) *expression {
	return &expression{number: x, isNumber: true, argument: -1, slot: -1}
}

// fold evaluates an expression of numbers.
func (x *expression) fold() *expression {
	for _, u := range x.in {
		if !u.isNumber {
			return x
		}
	}
	if y, ok := x.eval(nil, nil, &tape{}); ok {
		return constantExpression(y.v)
	}
	return x
}

func (c *cutter) argument(a argument) *expression {
	for i, b := range c.cut.arguments {
		if a == b {
			return &expression{argument: i, slot: -1}
		}
	}
	c.cut.arguments = append(c.cut.arguments, a)
	return &expression{argument: len(c.cut.arguments) - 1, slot: -1}
}

func (c *cutter) slot(v *graph.Value, at []int) *expression {
	f, _ := c.d.factorOf(v, at, false, 1)
	for i, g := range c.cut.slots {
		if f == g {
			return &expression{argument: -1, slot: i}
		}
	}
	c.cut.slots = append(c.cut.slots, f)
	return &expression{argument: -1, slot: len(c.cut.slots) - 1}
}
