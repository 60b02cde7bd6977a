package lower_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

func TestConvGeneral(t *testing.T) {
	// About one draw in a thousand, with both dilations and a cropped input, makes
	// XLA (PJRT 0.81) end the process in its own simplifier. This seed has none.
	r := seeded(1)
	var calls []call
	for len(calls) < 45 {
		if c, ok := randomConv(r); ok {
			calls = append(calls, c)
		}
	}
	// Sums of at most a few hundred products of order one, in another order.
	agree(t, calls, convByLoops, 1e-12)
	t.Run("XLA, lowered", func(t *testing.T) {
		for i, got := range run(t, xlaBackend(t), lower.XLAFloat64(), calls...) {
			compare(t, calls[i], got, convByLoops(calls[i]), 1e-12)
		}
	})
}

// randomConv returns a convolution with everything drawn, or false if its
// kernel does not fit into its input.
func randomConv(r *rand.Rand) (call, bool) {
	n := between(r, 1, 3)
	a := graph.ConvGeneralAttrs{ChannelGroups: 1, BatchGroups: 1}
	in, kernel, out := r.Perm(n+2), r.Perm(n+2), r.Perm(n+2)
	a.Axes = backends.ConvolveAxesConfig{
		InputBatch: in[0], InputChannels: in[1], InputSpatial: in[2:],
		KernelInputChannels: kernel[0], KernelOutputChannels: kernel[1], KernelSpatial: kernel[2:],
		OutputBatch: out[0], OutputChannels: out[1], OutputSpatial: out[2:],
	}
	switch r.IntN(3) {
	case 0:
		a.ChannelGroups = between(r, 2, 3)
	case 1:
		a.BatchGroups = between(r, 2, 3)
	}
	channels := between(r, 1, 3)
	x, w := make([]int, n+2), make([]int, n+2)
	x[in[0]] = between(r, 1, 2) * a.BatchGroups
	x[in[1]] = channels * a.ChannelGroups
	w[kernel[0]] = channels
	w[kernel[1]] = between(r, 1, 2) * a.ChannelGroups * a.BatchGroups
	for i := range n {
		size, k := between(r, 1, 7), between(r, 1, 4)
		if r.IntN(4) == 0 { // the gradient of a filter
			k = between(r, 4, 6)
		}
		x[in[2+i]], w[kernel[2+i]] = size, k
		stride, id, kd := between(r, 1, 3), between(r, 1, 3), between(r, 1, 2)
		p := [2]int{between(r, -1, 3), between(r, -1, 3)}
		a.Strides = append(a.Strides, stride)
		a.InputDilations = append(a.InputDilations, id)
		a.KernelDilations = append(a.KernelDilations, kd)
		a.Paddings = append(a.Paddings, p)
		if (size-1)*id+1+p[0]+p[1] < (k-1)*kd+1 {
			return call{}, false
		}
	}
	return call{backends.OpTypeConvGeneral, a, []tensor{normal(r, x...), normal(r, w...)}}, true
}

// convByLoops is the definition of a convolution, for every output a sum over
// the kernel, in the layout that the attributes name.
func convByLoops(c call) []tensor {
	a := c.attrs.(graph.ConvGeneralAttrs)
	x, w := c.in[0], c.in[1]
	n := len(a.Strides)
	features := w.dims[a.Axes.KernelOutputChannels]
	batch := x.dims[a.Axes.InputBatch] / a.BatchGroups
	dims := make([]int, n+2)
	dims[a.Axes.OutputBatch], dims[a.Axes.OutputChannels] = batch, features
	for i := range n {
		size := (x.dims[a.Axes.InputSpatial[i]]-1)*a.InputDilations[i] + 1 + a.Paddings[i][0] + a.Paddings[i][1]
		k := (w.dims[a.Axes.KernelSpatial[i]]-1)*a.KernelDilations[i] + 1
		dims[a.Axes.OutputSpatial[i]] = (size-k)/a.Strides[i] + 1
	}
	y := tensor{dims, []float64(nil)}
	var flat []float64
	each(dims, func(_ int, o []int) {
		f := o[a.Axes.OutputChannels]
		var sum float64
		each(w.dims, func(at int, k []int) {
			if k[a.Axes.KernelOutputChannels] != f {
				return
			}
			idx := make([]int, n+2)
			idx[a.Axes.InputBatch] = o[a.Axes.OutputBatch] + f/(features/a.BatchGroups)*batch
			idx[a.Axes.InputChannels] = k[a.Axes.KernelInputChannels] +
				f/(features/a.ChannelGroups)*w.dims[a.Axes.KernelInputChannels]
			for i := range n {
				p := o[a.Axes.OutputSpatial[i]]*a.Strides[i] + k[a.Axes.KernelSpatial[i]]*a.KernelDilations[i] - a.Paddings[i][0]
				if p%a.InputDilations[i] != 0 {
					return
				}
				idx[a.Axes.InputSpatial[i]] = p / a.InputDilations[i]
			}
			if from, ok := offset(x.dims, idx); ok {
				sum += x.floats()[from] * w.floats()[at]
			}
		})
		flat = append(flat, sum)
	})
	y.flat = flat
	return []tensor{y}
}

// Phases of dilated inputs, in every layout, with padding, cropping, groups and
// kernels shorter than the dilation, beside the definition.
func TestPhases(t *testing.T) {
	r := seeded(2)
	var calls []call
	for len(calls) < 60 {
		c, _ := randomConv(r)
		if c.attrs == nil {
			continue
		}
		a := c.attrs.(graph.ConvGeneralAttrs)
		dilated := false
		for i, s := range a.InputDilations {
			a.Strides[i], a.KernelDilations[i] = 1, 1
			dilated = dilated || s > 1
		}
		if dilated {
			calls = append(calls, c)
		}
	}
	// Sums of at most a few hundred products of order one, in another order.
	t.Run("XLA", func(t *testing.T) {
		for i, got := range run(t, xlaBackend(t), lower.XLA(), calls...) {
			compare(t, calls[i], got, convByLoops(calls[i]), 1e-12)
		}
	})
	for name, need := range sets() {
		t.Run(name, func(t *testing.T) {
			for i, got := range run(t, goBackend(t), need, calls...) {
				compare(t, calls[i], got, convByLoops(calls[i]), 1e-12)
			}
		})
	}
}
