package limits

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// numbers evaluates deterministic values, one number per position; of what varies
// along a width one for each position and cell, row-major.
type numbers struct {
	d    *derivation
	memo map[*graph.Value][]float64
	// given returns the numbers of inputs and of statistics where they are born.
	given func(v *graph.Value) []float64
}

// constantEntries returns the numbers of a value that depends on no input.
func (d *derivation) constantEntries(v *graph.Value) []float64 { return d.constants.of(v) }

func (n *numbers) of(v *graph.Value) []float64 {
	if x, ok := n.memo[v]; ok {
		return x
	}
	x := n.evaluate(v)
	n.memo[v] = x
	return x
}

func (n *numbers) evaluate(v *graph.Value) []float64 {
	d, e := n.d, v.Def
	info := d.values[v]
	if w := d.variables[v]; w != nil && info.kind == constant {
		return slices.Repeat([]float64{w.Mean}, info.layout.np)
	}
	if e.Op == backends.OpTypeParameter || info.born {
		return n.given(v)
	}
	cells := 1
	if info.varies {
		cells = info.layout.nc
	}
	y := make([]float64, info.layout.np*cells)
	for i := range y {
		y[i] = n.entry(v, info.layout.coordinates(i/cells, i%cells))
	}
	return y
}

// mean returns the numbers of a value by position, averaged along a width.
func (n *numbers) mean(v *graph.Value) []float64 {
	x, info := n.of(v), n.d.values[v]
	if !info.varies {
		return x
	}
	y := make([]float64, info.layout.np)
	for i, z := range x {
		y[i/info.layout.nc] += z / float64(info.layout.nc)
	}
	return y
}

// row returns the numbers of one position along a width, one if it does not vary.
func (n *numbers) row(v *graph.Value, p int) []float64 {
	x, info := n.of(v), n.d.values[v]
	if !info.varies {
		return x[p : p+1]
	}
	return x[p*info.layout.nc : (p+1)*info.layout.nc]
}

// at returns an entry of a value.
func (n *numbers) at(v *graph.Value, at []int) float64 {
	l := n.d.values[v].layout
	if at == nil { // the fill of a Pad, a scalar
		at = make([]int, len(l.dims))
	}
	p, c := l.locate(at)
	if n.d.values[v].varies {
		p = p*l.nc + c
	}
	return n.of(v)[p]
}

func (n *numbers) entry(v *graph.Value, at []int) float64 {
	e := v.Def
	switch {
	case e.Op == backends.OpTypeConstant:
		a := e.Attrs.(graph.ConstantAttrs)
		return number(reflect.ValueOf(a.Flat).Index(flat(at, a.Dims)))
	case e.Op == backends.OpTypeIota:
		return float64(at[e.Attrs.(graph.IotaAttrs).Axis])
	case e.Op == backends.OpTypeConvertDType:
		x := n.at(e.In[0], at)
		switch dt := v.Shape.DType; {
		case dt.IsInt():
			return math.Trunc(x)
		case !dt.IsFloat(): // bool
			return truth(x != 0)
		}
		return x
	case isRelabel(e.Op):
		return n.at(source(v, at))
	case isElementwise(e.Op):
		var x [3]float64
		for i, u := range e.In {
			x[i] = n.at(u, broadcast(u, at))
		}
		y, ok := scalar(e.Op, x[:len(e.In)])
		if !ok {
			n.d.refuse(e, "no rule for it on numbers")
		}
		if v.Shape.DType.IsInt() {
			y = math.Trunc(y)
		}
		return y
	case isSum(e):
		sum := 0.0
		for _, s := range n.d.summands(v, at) {
			x := s.multiple * n.at(e.In[0], s.l)
			if s.r != nil {
				x *= n.at(e.In[1], s.r)
			}
			sum += x
		}
		return sum
	case e.Op == backends.OpTypeGather:
		return n.at(e.In[0], n.picked(e, at))
	}
	return n.reduce(v, at)
}

// reduce folds the other reductions.
func (n *numbers) reduce(v *graph.Value, at []int) float64 {
	e := v.Def
	var list []summand
	op := e.Op
	switch a := e.Attrs.(type) {
	case graph.ReduceAttrs:
		list = n.d.reduced(v, a, at)
	case graph.ReduceWindowAttrs:
		list = windowed(v, a, at)
		op = map[backends.ReduceOpType]graph.OpType{
			backends.ReduceOpMax: backends.OpTypeReduceMax, backends.ReduceOpMin: backends.OpTypeReduceMin,
			backends.ReduceOpProduct: backends.OpTypeReduceProduct,
		}[a.Type]
	}
	fold := map[graph.OpType]func(x, y float64) float64{
		backends.OpTypeReduceMax: math.Max, backends.OpTypeReduceMin: math.Min,
		backends.OpTypeReduceProduct:    func(x, y float64) float64 { return x * y },
		backends.OpTypeReduceLogicalAnd: func(x, y float64) float64 { return truth(x != 0 && y != 0) },
		backends.OpTypeReduceLogicalOr:  func(x, y float64) float64 { return truth(x != 0 || y != 0) },
	}[op]
	if fold == nil || len(list) == 0 {
		n.d.refuse(e, "no rule for it on numbers")
	}
	y := n.at(e.In[0], list[0].l)
	for _, s := range list[1:] {
		y = fold(y, n.at(e.In[0], s.l))
	}
	return y
}

// picked returns the coordinates in its operand of an entry of a Gather.
func (n *numbers) picked(e *graph.Eqn, at []int) []int {
	a := e.Attrs.(graph.GatherAttrs)
	dims, indices := e.In[0].Shape.Dimensions, e.In[1]
	var outer []int // coordinates of the indices but for the vector axis
	var window []int
	for i, x := range at {
		if slices.Contains(a.OffsetOutputAxes, i) {
			window = append(window, x)
		} else {
			outer = append(outer, x)
		}
	}
	from := make([]int, len(dims))
	for k, axis := range a.StartIndexMap {
		where := slices.Clone(outer)
		if a.IndexVectorAxis < indices.Shape.Rank() {
			where = slices.Insert(where, a.IndexVectorAxis, k)
		}
		// As in XLA, windows are moved inside.
		from[axis] = min(max(0, int(n.at(indices, where))), dims[axis]-a.SliceSizes[axis])
	}
	for axis := range dims {
		if !slices.Contains(a.CollapsedSliceAxes, axis) {
			from[axis] += window[0]
			window = window[1:]
		}
	}
	return from
}

func number(x reflect.Value) float64 {
	switch {
	case x.CanFloat():
		return x.Float()
	case x.CanInt():
		return float64(x.Int())
	case x.CanUint():
		return float64(x.Uint())
	case x.Kind() == reflect.Bool:
		return truth(x.Bool())
	}
	panic(fmt.Errorf("limits: a constant of %s", x.Kind()))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
