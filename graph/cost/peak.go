package cost

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// Peak returns an estimate of the bytes alive at once when p is compiled and
// executed: parameters and outputs all the time, as XLA allocates outputs
// before it begins, and every other value until its last use. What a compiler
// never stores, such as a reshape or the elementwise operand of one elementwise
// op, takes no memory of its own, and keeps alive what it reads.
func Peak(p *graph.Program) int64 {
	stored := storedValues(p)
	resident := map[*graph.Value]bool{}
	var always int64
	keep := func(v *graph.Value) {
		if !resident[v] {
			resident[v] = true
			always += int64(v.Shape.Memory())
		}
	}
	for _, v := range p.Params {
		keep(v)
	}
	for _, o := range p.Outputs {
		for isView(o.Def) && stored[o.Def.In[0]] { // the output is that memory
			o = o.Def.In[0]
		}
		keep(o)
	}
	last := map[*graph.Value]int{}
	// Reading a value that is not stored reads what it was made from.
	var touch func(v *graph.Value, at int)
	touch = func(v *graph.Value, at int) {
		if stored[v] {
			last[v] = max(last[v], at)
			return
		}
		for _, in := range v.Def.In {
			touch(in, at)
		}
	}
	for i, e := range p.Eqns {
		if stored[e.Out[0]] {
			for _, in := range e.In {
				touch(in, i)
			}
		}
	}
	dies := map[int]int64{}
	live, peak := always, always
	for i, e := range p.Eqns {
		for _, v := range e.Out {
			if stored[v] && !resident[v] {
				live += int64(v.Shape.Memory())
				dies[max(last[v], i)] += int64(v.Shape.Memory())
			}
		}
		peak = max(peak, live)
		live -= dies[i]
	}
	return peak
}

// isView reports whether e's result is its operand's memory in another shape.
func isView(e *graph.Eqn) bool {
	return e.Op == backends.OpTypeReshape || e.Op == backends.OpTypeIdentity
}

// storedValues tells which values need memory of their own.
func storedValues(p *graph.Program) map[*graph.Value]bool {
	users := p.Users()
	isOutput := map[*graph.Value]bool{}
	for _, o := range p.Outputs {
		isOutput[o] = true
	}
	stored := map[*graph.Value]bool{}
	for _, e := range p.Eqns {
		for _, v := range e.Out {
			stored[v] = isOutput[v] || !fuses(e) || len(users[v]) != 1 || !fusesInto(users[v][0])
			switch {
			case isView(e):
				stored[v] = false
			case e.Op == backends.OpTypeBroadcastInDim: // repeated where it is read, if every reader can
				stored[v] = isOutput[v]
				for _, u := range users[v] {
					stored[v] = stored[v] || !fusesInto(u)
				}
			}
		}
	}
	return stored
}

// fuses reports whether e's result can be computed where it is read.
func fuses(e *graph.Eqn) bool {
	return graph.IsUnary(e.Op) || graph.IsBinary(e.Op) || moves[e.Op] && e.Op != backends.OpTypeGather ||
		e.Op == backends.OpTypeConvertDType || e.Op == backends.OpTypeClamp || e.Op == backends.OpTypeConstant
}

// fusesInto reports whether e can compute its operands as it goes.
func fusesInto(e *graph.Eqn) bool {
	if _, ok := e.Attrs.(graph.ReduceAttrs); ok {
		return true
	}
	return fuses(e)
}
