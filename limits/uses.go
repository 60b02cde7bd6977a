package limits

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// checkUses holds what must be true of all uses of a weight together; the
// recursion over pairs does not see it.
func (d *derivation) checkUses() {
	contracted := map[*variable]map[int]bool{}
	free := map[*variable]map[int]bool{}
	looked := map[*variable]bool{}
	first := map[*variable]*graph.Eqn{}
	for _, e := range d.program.Eqns {
		b := d.birthOf(e.Out[0])
		if b == nil {
			continue
		}
		if b.w.Mean != 0 {
			d.refuse(e, "weight %s has mean %g; a weight that is summed over must have mean zero", b.w.name, b.w.Mean)
		}
		switch b.w.Family {
		case "", graph.Normal:
		case graph.Orthogonal, graph.OrthogonalBlocks:
			// Q h is uniform on a sphere, so its entries become Gaussian, and Qᵀ is
			// as good: K and Θ are those of independent entries (Huang, Du, Xu,
			// arXiv 2004.05867).
		case graph.DeltaOrthogonal:
			d.refuse(e, "filter %s is %s: its entries differ from place to place, and Gaussian filters have another limit", b.w.name, b.w.Family)
		default:
			d.warn("%s is %s, not normal: K and Θ are those of the limit, but over the inputs' finite fan-in the first layer is not Gaussian", b.w.name, b.w.Family)
		}
		c, f := d.axesOfUse(b)
		if prior := first[b.w]; prior != nil && looked[b.w] != (b.a == nil) {
			d.refuse(e, "weight %s is contracted here and looked up elsewhere (tied embeddings)", b.w.name)
		}
		for _, x := range [][2]map[int]bool{{c, free[b.w]}, {f, contracted[b.w]}} {
			if d.meet(x[0], x[1]) {
				d.refuse(e, "weight %s is contracted on different axes in different places (W and its transpose): its products with itself do not vanish", b.w.name)
			}
		}
		first[b.w], looked[b.w] = e, b.a == nil
		contracted[b.w], free[b.w] = union(contracted[b.w], c), union(free[b.w], f)
	}
	d.checkVectors(first)
	d.checkSlices()
	d.checkParts()
	d.checkVarying()
}

// checkVarying refuses to cut a width along which numbers vary: their means are
// taken over all of it.
func (d *derivation) checkVarying() {
	along := map[int]*graph.Eqn{}
	for _, e := range d.program.Eqns {
		if x := d.values[e.Out[0]]; x.varies {
			for _, s := range x.layout.cells {
				along[s.id] = e
			}
		}
	}
	for _, e := range d.program.Eqns {
		if d.values[e.Out[0]].kind != field {
			continue
		}
		for _, u := range e.In {
			for i, s := range d.values[u].layout.cells {
				if along[s.id] == nil {
					continue
				}
				if len(d.cuts[s.id]) > 0 || moves(e, s.axis) || i > 0 && along[d.values[u].layout.cells[0].id] != nil {
					d.refuse(along[s.id], "numbers vary along a width that is cut, moved or concatenated elsewhere (%s)", e.Op)
				}
			}
		}
	}
}

// moves reports whether e picks or moves entries along an axis of its operand.
func moves(e *graph.Eqn, axis int) bool {
	switch a := e.Attrs.(type) {
	case graph.SliceAttrs:
		return a.Starts[axis] != 0 || a.Strides[axis] != 1 || a.Limits[axis] != e.In[0].Shape.Dimensions[axis]
	case graph.PadAttrs:
		return a.Axes[axis] != (backends.PadAxis{})
	case graph.ConcatenateAttrs:
		return a.Axis == axis
	case graph.ReverseAttrs:
		return slices.Contains(a.Axes, axis)
	}
	return false
}

// axesOfUse returns the axes of the variable that a birth contracts, and those
// that it leaves, if they hold a width.
func (d *derivation) axesOfUse(b *birth) (contracted, free map[int]bool) {
	contracted, free = map[int]bool{}, map[int]bool{}
	if b.a == nil {
		return contracted, free
	}
	dims := b.w.value.Shape.Dimensions
	mark := func(set map[int]bool, x, y int) {
		for i := len(dims) - 1; i >= 0; i-- {
			if x%dims[i] != y%dims[i] {
				set[i] = true
			}
			x, y = x/dims[i], y/dims[i]
		}
	}
	l := d.values[b.v].layout
	rows := d.rowsOf(b, 0)
	for _, row := range rows.rows {
		for _, t := range row[1:] {
			mark(contracted, row[0].key, t.key)
		}
	}
	// A contracted width shows one entry alone: move along it by hand.
	d.markWidths(b, func(x, y int) { mark(contracted, x, y) })
	for _, s := range l.cells {
		step := 1
		for i := len(l.cells) - 1; l.cells[i] != s; i-- {
			step *= l.cells[i].size
		}
		other := d.rowsOf(b, step)
		if len(rows.rows[0]) > 0 && len(other.rows[0]) > 0 {
			mark(free, rows.rows[0][0].key, other.rows[0][0].key)
		}
	}
	return contracted, free
}

// markWidths calls mark with two entries of the weight for each width that a
// birth contracts.
func (d *derivation) markWidths(b *birth, mark func(x, y int)) {
	e := b.v.Def
	wv := e.In[0]
	var summed []int // axes of the weight
	switch a := e.Attrs.(type) {
	case graph.DotGeneralAttrs:
		summed = a.LC
		if b.a == e.In[0] && d.values[e.In[1]].kind == weight {
			wv, summed = e.In[1], a.RC
		}
	case graph.ConvGeneralAttrs:
		wv, summed = e.In[1], []int{a.Axes.KernelInputChannels}
	}
	l := d.values[wv].layout
	zero := make([]int, len(l.dims))
	x, ok := d.entryOf(wv, zero)
	for _, s := range l.cells {
		if !slices.Contains(summed, s.axis) {
			continue
		}
		at := slices.Clone(zero)
		at[s.axis] = s.stride
		if y, also := d.entryOf(wv, at); ok && also {
			mark(x.key, y.key)
		}
	}
}

func union(a, b map[int]bool) map[int]bool {
	if a == nil {
		a = map[int]bool{}
	}
	for k := range b {
		a[k] = true
	}
	return a
}

// checkVectors refuses weights that are contracted and also used entry by entry,
// and weights that multiply one another.
func (d *derivation) checkVectors(contracted map[*variable]*graph.Eqn) {
	for _, e := range d.program.Eqns {
		if d.values[e.Out[0]].kind != field || isRelabel(e.Op) || d.birthOf(e.Out[0]) != nil {
			continue
		}
		var weights []*variable
		for _, u := range e.In {
			if d.values[u].kind != weight {
				continue
			}
			x, ok := d.anyEntry(u)
			if !ok {
				continue
			}
			if contracted[x.of] != nil {
				d.refuse(e, "weight %s is contracted elsewhere and used entry by entry here", x.of.name)
			}
			weights = append(weights, x.of)
		}
		if len(weights) > 1 && e.Op != backends.OpTypeAdd && e.Op != backends.OpTypeSub && e.Op != backends.OpTypeWhere {
			d.refuse(e, "weights %s and %s meet (a norm of weights, or a product)", weights[0].name, weights[1].name)
		}
		if isSum(e) && len(weights) > 0 {
			d.refuse(e, "entries of weight %s are summed (a norm of weights, or a tied bias)", weights[0].name)
		}
	}
}

// checkSlices refuses slices of one width that overlap without being the same:
// entries alike would be at different places.
func (d *derivation) checkSlices() {
	type cut struct{ start, limit, stride int }
	seen := map[*graph.Value]map[int][]cut{}
	for _, e := range d.program.Eqns {
		a, ok := e.Attrs.(graph.SliceAttrs)
		if !ok || d.values[e.Out[0]].kind.deterministic() {
			continue
		}
		u := e.In[0]
		if seen[u] == nil {
			seen[u] = map[int][]cut{}
		}
		for i, axis := range d.axes.Of(u) {
			if !isWidth(axis) {
				continue
			}
			c := cut{a.Starts[i], a.Limits[i], a.Strides[i]}
			for _, o := range seen[u][i] {
				if o != c && o.start < c.limit && c.start < o.limit {
					d.refuse(e, "slices [%d, %d) and [%d, %d) of one width overlap", o.start, o.limit, c.start, c.limit)
				}
			}
			seen[u][i] = append(seen[u][i], c)
		}
	}
}

// checkReadout holds gradient independence: the output is linear in weights of
// zero mean on which nothing above them depends.
//
// Source: Yang, Tensor Programs II, arXiv 2006.14548, the simple check.
func (d *derivation) checkReadout(o *graph.Value) {
	e := o.Def
	switch x := d.values[o]; {
	case x.kind == statistic:
		d.refuse(e, "the output is a mean along a width, not a readout by a trainable weight of zero mean (a mean or fixed readout)")
	case x.kind != field:
		d.refuse(e, "the output depends on no trainable weight of a random layer")
	case !d.isGaussian(o):
		d.refuse(e, "the output is not linear in a readout weight of zero mean (a nonlinearity, a softmax or a fixed number comes behind it)")
	}
	for a := range d.support(cellOf{o, 0}) {
		b := d.birthOf(a.v)
		if b == nil || b.a == nil {
			continue
		}
		if up := d.program.DependsOn(b.w.value); up[b.a] {
			d.refuse(a.v.Def, "the readout weight %s is used above the readout too: gradients depend on the weights that they meet (gradient independence fails)", b.w.name)
		}
	}
}
