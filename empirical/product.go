package empirical

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// dotRoles are the axes of w and a in c = DotGeneral(a, w) or (w, a), by role:
// b, which both have and c keeps; j, contracted; and t, which only a has. b and
// j stand in w's order, so that all uses of a weight agree.
type dotRoles struct {
	aB, aJ, aT []int
	wB, wJ     []int
	batch      []int // w's batch axes in the attributes' order, which c follows
	wIsLeft    bool  // c has I before T
}

func rolesOf(u use) dotRoles {
	at := u.consumer.Attrs.(graph.DotGeneralAttrs)
	r := dotRoles{wIsLeft: u.operand == 0, batch: at.RB}
	wb, wj, ab, aj := at.RB, at.RC, at.LB, at.LC
	if r.wIsLeft {
		wb, wj, ab, aj = at.LB, at.LC, at.RB, at.RC
		r.batch = at.LB
	}
	r.wB, r.aB = sortPairs(wb, ab)
	r.wJ, r.aJ = sortPairs(wj, aj)
	r.aT = graph.CrossAxes(u.consumer.In[1-u.operand].Shape.Rank(), aj, ab)
	return r
}

// sortPairs sorts keys and takes values along.
func sortPairs(keys, values []int) (k, v []int) {
	order := span(0, len(keys))
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(keys[i], keys[j]) })
	for _, i := range order {
		k, v = append(k, keys[i]), append(v, values[i])
	}
	return k, v
}

// measure finds the sizes of w's product and makes sure that its uses agree.
func (w *weight) measure() error {
	t := 0
	for i, u := range w.uses {
		d := u.dims()
		if i > 0 && (d.B != w.dims.B || d.I != w.dims.I || d.J != w.dims.J || !sameLayout(u, w.uses[0])) {
			return fmt.Errorf("empirical: weight %s: its uses have sizes %+v and %+v", w.name, w.dims, d)
		}
		t += d.T
		w.dims = d
	}
	w.dims.T = t
	return nil
}

func sameLayout(u, v use) bool {
	if u.consumer.Op == backends.OpTypeGather {
		return true
	}
	if u.consumer.Op == backends.OpTypeConvGeneral {
		a, b := u.consumer.Attrs.(graph.ConvGeneralAttrs), v.consumer.Attrs.(graph.ConvGeneralAttrs)
		return slices.Equal(a.Axes.KernelSpatial, b.Axes.KernelSpatial) && a.ChannelGroups == b.ChannelGroups &&
			a.Axes.KernelInputChannels == b.Axes.KernelInputChannels
	}
	r, s := rolesOf(u), rolesOf(v)
	return slices.Equal(r.wB, s.wB) && slices.Equal(r.wJ, s.wJ)
}

func (u use) dims() dims {
	c, w := u.consumer, u.consumer.In[u.operand].Shape
	if c.Op == backends.OpTypeGather {
		return embeddingDims(c)
	}
	if at, ok := c.Attrs.(graph.ConvGeneralAttrs); ok {
		d := dims{B: at.ChannelGroups, T: c.Out[0].Shape.Dimensions[at.Axes.OutputBatch], I: w.Dimensions[at.Axes.KernelOutputChannels] / at.ChannelGroups}
		for _, s := range at.Axes.OutputSpatial {
			d.T *= c.Out[0].Shape.Dimensions[s]
		}
		d.J = w.Size() / (d.I * d.B)
		return d
	}
	r := rolesOf(u)
	d := dims{B: 1, T: 1, J: 1}
	for _, ax := range r.wB {
		d.B *= w.Dimensions[ax]
	}
	for _, ax := range r.wJ {
		d.J *= w.Dimensions[ax]
	}
	for _, ax := range r.aT {
		d.T *= c.In[1-u.operand].Shape.Dimensions[ax]
	}
	d.I = w.Size() / (d.B * d.J)
	return d
}

// operands returns the two factors of w's product over all of its uses,
// δ [n, O, B, T, I] and a [n, B, T, J], or the indices of a's rows, [n, 1, T, 1].
func (m mapped) operands(w *weight, values []graph.Op) (delta, a graph.Op) {
	var ds, as []graph.Op
	for _, u := range w.uses {
		d := m.deltaOf(u, m.perCotangent(values[u.delta]), m.o, u.dims().T)
		if u.scale != 1 {
			d = m.Mul(d, m.Scalar(m.DType(d), u.scale))
		}
		ds, as = append(ds, d), append(as, m.other(u, values[u.a]))
	}
	return m.Concatenate(3, ds...), m.Concatenate(2, as...)
}

// deltaOf arranges d [n, o, …], a cotangent of u's consumer or something of its
// shape but for t positions, as [n, o, B, t, I].
func (m mapped) deltaOf(u use, d graph.Op, o, t int) graph.Op {
	s := u.dims()
	switch u.consumer.Op {
	case backends.OpTypeGather:
		return m.Reshape(d, m.n, o, 1, t, s.I)
	case backends.OpTypeConvGeneral: // → [n, o, 1, pixels…, channels]
		ax := u.consumer.Attrs.(graph.ConvGeneralAttrs).Axes
		perm := []int{0, 1, 2 + ax.OutputBatch}
		for _, p := range ax.OutputSpatial {
			perm = append(perm, 2+p)
		}
		d = m.Transpose(d, append(perm, 2+ax.OutputChannels)...)
		if s.B > 1 {
			d = m.Transpose(m.Reshape(d, m.n, o, t, s.B, s.I), 0, 1, 3, 2, 4)
		}
		return m.Reshape(d, m.n, o, s.B, t, s.I)
	}
	// c has its batch axes, then the left operand's own, then the right one's.
	r := rolesOf(u)
	nb, nt := len(r.aB), len(r.aT)
	ni := len(m.Dims(d)) - 2 - nb - nt
	tAt, iAt := 2+nb, 2+nb+nt
	if r.wIsLeft {
		iAt, tAt = 2+nb, 2+nb+ni
	}
	perm := []int{0, 1}
	for _, ax := range r.wB {
		perm = append(perm, 2+slices.Index(r.batch, ax))
	}
	perm = append(append(perm, span(tAt, tAt+nt)...), span(iAt, iAt+ni)...)
	return m.Reshape(m.Transpose(d, perm...), m.n, o, s.B, t, s.I)
}

// other returns a [n, B, T, J], the other operand of u's consumer: of a
// convolution, for each group, B of them, the patches that T output pixels see.
func (m mapped) other(u use, a graph.Op) graph.Op {
	x, s := m.perExample(a), u.dims()
	switch u.consumer.Op {
	case backends.OpTypeGather:
		return m.embeddingIndices(u, x)
	case backends.OpTypeConvGeneral:
		at := u.consumer.Attrs.(graph.ConvGeneralAttrs)
		if at.BatchGroups > 1 {
			panic(graph.NoRule("patches", backends.OpTypeConvGeneral, "batch groups"))
		}
		x = m.patches(at, u.consumer.In[1].Shape.Dimensions, x) // [n, T, K, B·C]
		if s.B > 1 {
			K := m.Dims(x)[2]
			x = m.Transpose(m.Reshape(x, m.n, s.T, K, s.B, s.J/K), 0, 3, 1, 2, 4)
		}
		return m.Reshape(x, m.n, s.B, s.T, s.J)
	}
	r := rolesOf(u)
	perm := []int{0} // [n, …] → [n, B…, T…, J…]
	for _, axes := range [][]int{r.aB, r.aT, r.aJ} {
		for _, ax := range axes {
			perm = append(perm, ax+1)
		}
	}
	return m.Reshape(m.Transpose(x, perm...), m.n, s.B, s.T, s.J)
}

// outer returns J = Σ_T δ ⊗ a, [n, O, B, I, J], from the factors of a product.
func (m mapped) outer(d, x graph.Op, s dims) graph.Op {
	if s.T == 1 { // nothing is summed
		return m.Mul(m.Reshape(d, m.n, m.Dims(d)[1], s.B, s.I, 1), m.Reshape(x, m.n, 1, s.B, 1, s.J))
	}
	if s.B == 1 {
		d = m.Reshape(d, m.n, m.Dims(d)[1], s.T, s.I)
		x = m.Reshape(x, m.n, s.T, s.J)
		return m.DotGeneral(d, []int{2}, []int{0}, x, []int{1}, []int{0})
	}
	y := m.DotGeneral(d, []int{3}, []int{0, 2}, x, []int{2}, []int{0, 1}) // [n, B, O, I, J]
	return m.Transpose(y, 0, 2, 1, 3, 4)
}
