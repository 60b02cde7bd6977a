package empirical

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

// patches returns the windows that a convolution reads, [n, T, K, C], of its
// input [n, …] in the convolution's layout, by one Gather: many slices cost
// seconds to compile. T counts the images of an example and their pixels.
func (m mapped) patches(at graph.ConvGeneralAttrs, kernel []int, x graph.Op) graph.Op {
	ax := at.Axes
	perm := []int{0, 1 + ax.InputBatch}
	for _, s := range ax.InputSpatial {
		perm = append(perm, 1+s)
	}
	perm = append(perm, 1+ax.InputChannels)
	x = m.Transpose(x, perm...)
	dims := m.Dims(x)
	nd := len(ax.InputSpatial)
	C := dims[len(dims)-1]
	spatial := dims[2 : 2+nd]
	images := dims[0] * dims[1]
	x = m.Reshape(x, append(append([]int{images}, spatial...), C)...)

	pad := make([]backends.PadAxis, nd+2)
	for i := range nd {
		pad[i+1] = backends.PadAxis{Start: at.Paddings[i][0], End: at.Paddings[i][1], Interior: at.InputDilations[i] - 1}
	}
	x = m.Pad(x, m.Scalar(m.DType(x), 0), pad...)
	padded := m.Dims(x)[1 : 1+nd]

	taps := make([]int, nd)
	out := make([]int, nd)
	contiguous := true
	for i := range nd {
		taps[i] = kernel[ax.KernelSpatial[i]]
		reach := (taps[i]-1)*at.KernelDilations[i] + 1
		out[i] = (padded[i]-reach)/at.Strides[i] + 1
		contiguous = contiguous && (taps[i] == 1 || at.KernelDilations[i] == 1)
	}
	T, K := product(out), product(taps)
	if T == 1 && K == product(padded) { // the filter covers the image
		return m.Reshape(x, m.n, dims[1], K, C)
	}
	// Whole windows where their pixels adjoin, single pixels otherwise.
	window, starts := taps, offsets(out, at.Strides, nil, nil)
	if !contiguous {
		window = ones(nd)
		starts = offsets(out, at.Strides, taps, at.KernelDilations)
	}
	rows := len(starts) / nd
	idx := m.Constant(dtypes.Int32, []int{rows, nd}, starts...)
	size := append(append([]int{images}, window...), C)
	y := m.Do(backends.OpTypeGather, graph.GatherAttrs{
		IndexVectorAxis:  1,
		OffsetOutputAxes: span(1, nd+3), // image, window, C behind the rows
		StartIndexMap:    span(1, nd+1),
		SliceSizes:       size,
		IndicesAreSorted: contiguous,
	}, x, idx) // [rows, image, window…, C]
	y = m.Reshape(y, rows, images, product(window), C)
	y = m.Transpose(y, 1, 0, 2, 3)
	return m.Reshape(y, m.n, dims[1]*T, K, C)
}

// offsets lists the positions out·strides, or with taps each of them plus
// taps·dilations, row-major: one row of len(out) numbers each.
func offsets(out, strides, taps, dilations []int) []float64 {
	var rows []float64
	each(out, func(o []int) {
		if taps == nil {
			for i := range o {
				rows = append(rows, float64(o[i]*strides[i]))
			}
			return
		}
		each(taps, func(k []int) {
			for i := range o {
				rows = append(rows, float64(o[i]*strides[i]+k[i]*dilations[i]))
			}
		})
	})
	return rows
}

// each calls visit with every multi-index below dims, the last fastest.
func each(dims []int, visit func([]int)) {
	idx := make([]int, len(dims))
	for {
		visit(idx)
		i := len(dims) - 1
		for ; i >= 0; i-- {
			if idx[i]++; idx[i] < dims[i] {
				break
			}
			idx[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

func ones(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = 1
	}
	return s
}
