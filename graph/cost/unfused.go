package cost

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// PeakUnfused returns the most bytes alive at once when p is executed in order
// and every value is stored, parameters and outputs included: an upper estimate
// where [Peak] is the likely one. Parameters, constants and outputs, once made,
// are alive to the end; any other value until its last use, and a value that
// nothing reads while its op runs. No op works in place.
//
// It does not know what a kernel takes as scratch, such as the patches of a
// convolution.
func PeakUnfused(p *graph.Program) int64 {
	end := len(p.Eqns)
	last := map[*graph.Value]int{}
	var live int64
	for i, e := range p.Eqns {
		for _, v := range e.In {
			last[v] = i
		}
		if resident(e) {
			live += int64(e.Out[0].Shape.Memory())
		}
	}
	for _, o := range p.Outputs {
		last[o] = end
	}
	peak := live
	dies := make([]int64, end+1)
	for i, e := range p.Eqns {
		if resident(e) {
			continue
		}
		for _, v := range e.Out {
			size := int64(v.Shape.Memory())
			live += size
			dies[max(last[v], i)] += size
		}
		peak = max(peak, live)
		live -= dies[i]
	}
	return peak
}

// resident reports whether e's value is in memory before the program runs.
func resident(e *graph.Eqn) bool {
	return e.Op == backends.OpTypeParameter || e.Op == backends.OpTypeConstant
}
