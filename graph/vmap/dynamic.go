package vmap

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

// dynamicSlice stays one if the starts are fixed. Where each example has its
// own, it is a Gather of one slice per example.
func dynamicSlice(c call) graph.Op {
	a := c.attrs.(graph.DynamicSliceAttrs)
	x, starts := c.in[0], c.in[1:]
	if !anyMapped(starts) {
		in := prepend(x.X, c.fromZero(starts))
		return c.do(graph.DynamicSliceAttrs{Dims: prepend(c.m.n, a.Dims)}, in...)
	}
	o := c.perExample()
	components := make([]graph.Op, len(starts))
	for i, s := range starts {
		s := clampedStart(o, s, c.dims(x)[i]-a.Dims[i])
		components[i] = o.Reshape(s, 1)
	}
	y := o.Do(backends.OpTypeGather, graph.GatherAttrs{
		OffsetOutputAxes: ascending(0, len(a.Dims)),
		StartIndexMap:    ascending(0, len(a.Dims)),
		SliceSizes:       a.Dims,
	}, x, o.Concatenate(0, components...))
	return c.m.front(y.(*Value))
}

// dynamicUpdateSlice stays one if the starts are fixed. Where each example has
// its own, a DynamicSlice out of the padded update puts the update into place,
// and another one a mask that selects it: entries are moved, never computed with.
func dynamicUpdateSlice(c call) graph.Op {
	x, update, starts := c.in[0], c.in[1], c.in[2:]
	if !anyMapped(starts) {
		in := prepend(c.m.front(x), prepend(c.m.front(update), c.fromZero(starts)))
		return c.do(nil, in...)
	}
	o := c.perExample()
	dims, size := c.dims(x), c.dims(update)
	around := make([]backends.PadAxis, len(dims))
	window := make([]graph.Op, len(dims))
	for i := range dims {
		// With room entries before it, the update starts at room in what is
		// padded: a window from room - start on has it at start.
		room := dims[i] - size[i]
		around[i] = backends.PadAxis{Start: room, End: room}
		window[i] = o.Do(backends.OpTypeSub, nil, o.Scalar(dtypes.Int64, float64(room)), clampedStart(o, starts[i], room))
	}
	placed := func(v, fill graph.Op) graph.Op {
		return o.Do(backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: dims},
			prepend(o.Pad(v, fill, around...), window)...)
	}
	mask := placed(ones(o, size), zero(o, dtypes.Int32))
	moved := placed(update, zero(o, o.DType(update)))
	y := o.Do(backends.OpTypeWhere, nil, isOne(o, mask), moved, x)
	return c.m.front(y.(*Value))
}

func anyMapped(vs []*Value) bool {
	for _, v := range vs {
		if v.Mapped {
			return true
		}
	}
	return false
}

// fromZero returns fixed starts behind one for the axis of the examples.
func (c call) fromZero(starts []*Value) []graph.Op {
	dt := dtypes.Int32
	xs := make([]graph.Op, len(starts))
	for i, s := range starts {
		xs[i] = s.X
		dt = c.o.DType(s.X) // the same for all: backends want it
	}
	return prepend(c.o.Scalar(dt, 0), xs)
}

// clampedStart returns start within [0, room] as an Int64, as DynamicSlice takes it.
func clampedStart(o graph.Ops, start graph.Op, room int) graph.Op {
	if o.DType(start).Size() < 4 { // may be too small for room
		start = toDType(o, start, dtypes.Int32)
	}
	dt := o.DType(start)
	start = o.Do(backends.OpTypeMax, nil, start, o.Scalar(dt, 0))
	start = o.Do(backends.OpTypeMin, nil, start, o.Scalar(dt, float64(room)))
	return toDType(o, start, dtypes.Int64)
}

func toDType(o graph.Ops, v graph.Op, dt dtypes.DType) graph.Op {
	if o.DType(v) == dt {
		return v
	}
	return o.Do(backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dt}, v)
}
