package axes

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// part returns an axis of the given size made of entries of fs, of their role
// and with an identity of its own. constant says that what is Free stays so.
func (a *Analysis) part(e *graph.Eqn, fs factors, size, axis int, constant bool) factors {
	r, ok := common(fs)
	switch {
	case has(fs, Batch):
		a.mix(e, Mixed, "it moves or picks entries along axis %d %s, which holds the batch", axis, text(fs))
		r = Lost
	case !ok || r == Lost:
		a.conflict(e, "it moves or picks entries along axis %d %s, of several roles", axis, text(fs))
		r = Lost
	case r == Free && !constant:
		r = Position
	}
	return a.new(r, size, e.Out[0], axis)
}

func slice(a *Analysis, e *graph.Eqn) {
	at := e.Attrs.(graph.SliceAttrs)
	axes := slices.Clone(a.of[e.In[0]])
	for i, d := range e.In[0].Shape.Dimensions {
		if at.Starts[i] != 0 || at.Limits[i] != d || at.Strides[i] != 1 {
			axes[i] = a.part(e, axes[i], e.Out[0].Shape.Dimensions[i], i, true)
		}
	}
	a.set(e, axes)
}

func dynamicSlice(a *Analysis, e *graph.Eqn) {
	axes := slices.Clone(a.of[e.In[0]])
	for i, d := range e.In[0].Shape.Dimensions {
		// A slice of the whole axis starts at 0: start indices are clamped.
		if n := e.Out[0].Shape.Dimensions[i]; n != d {
			axes[i] = a.part(e, axes[i], n, i, true)
		}
	}
	a.set(e, axes)
}

func dynamicUpdateSlice(a *Analysis, e *graph.Eqn) {
	axes := slices.Clone(a.of[e.In[0]])
	update := a.of[e.In[1]]
	for i, d := range e.In[0].Shape.Dimensions {
		if e.In[1].Shape.Dimensions[i] == d {
			axes[i] = a.join(e, axes[i], update[i])
			continue
		}
		axes[i] = a.overwrite(e, axes[i], update[i], d, i)
	}
	a.set(e, axes)
}

// overwrite returns the axis fs of which some entries come from an update.
func (a *Analysis) overwrite(e *graph.Eqn, fs, update factors, size, axis int) factors {
	switch {
	case has(fs, Batch) || has(update, Batch):
		return a.part(e, append(slices.Clone(fs), update...), size, axis, false)
	case only(fs, Free):
		return a.new(Position, size, e.Out[0], axis)
	}
	return fs
}

func pad(a *Analysis, e *graph.Eqn) {
	axes := slices.Clone(a.of[e.In[0]])
	for i, p := range e.Attrs.(graph.PadAttrs).Axes {
		if p != (backends.PadAxis{}) {
			axes[i] = a.part(e, axes[i], e.Out[0].Shape.Dimensions[i], i, false)
		}
	}
	a.set(e, axes)
}

func reverse(a *Analysis, e *graph.Eqn) {
	axes := slices.Clone(a.of[e.In[0]])
	for _, i := range e.Attrs.(graph.ReverseAttrs).Axes {
		if has(axes[i], Batch) {
			axes[i] = a.part(e, axes[i], e.Out[0].Shape.Dimensions[i], i, true)
			continue
		}
		// Reversing an axis reverses each of its factors.
		var reversed factors
		for _, f := range expand(axes[i]) {
			if f.role == Free || f.role == Random {
				reversed = append(reversed, f)
			} else {
				reversed = append(reversed, a.new(f.role, f.size, e.Out[0], i)...)
			}
		}
		axes[i] = reversed
	}
	a.set(e, axes)
}

func concatenate(a *Analysis, e *graph.Eqn) {
	if len(e.In) == 1 {
		a.set(e, a.of[e.In[0]])
		return
	}
	k := e.Attrs.(graph.ConcatenateAttrs).Axis
	axes := make([]factors, e.Out[0].Shape.Rank())
	var along factors
	for _, in := range e.In {
		for i, fs := range a.of[in] {
			if i == k {
				along = append(along, expand(fs)...)
			} else {
				axes[i] = a.join(e, axes[i], fs)
			}
		}
	}
	axes[k] = a.part(e, a.settle(along), e.Out[0].Shape.Dimensions[k], k, false)
	a.set(e, axes)
}

// settle gives Unknown factors the role of the others, where those have one in common.
func (a *Analysis) settle(fs factors) factors {
	var known factors
	for _, f := range fs {
		if f.role != Unknown {
			known = append(known, f)
		}
	}
	if r, ok := common(known); ok && (r == Width || r == Position) {
		for _, f := range fs {
			if f.role == Unknown {
				f.role = r
			}
		}
	}
	return fs
}

func gather(a *Analysis, e *graph.Eqn) {
	at := e.Attrs.(graph.GatherAttrs)
	x, indices := a.of[e.In[0]], a.of[e.In[1]]
	axes := make([]factors, e.Out[0].Shape.Rank())
	var offsets, batches []int // axes of the result
	for i := range axes {
		if slices.Contains(at.OffsetOutputAxes, i) {
			offsets = append(offsets, i)
		} else {
			batches = append(batches, i)
		}
	}
	for i, fs := range indices {
		if i != at.IndexVectorAxis {
			axes[batches[0]] = fs
			batches = batches[1:]
		} else if has(fs, Batch) {
			a.mix(e, Mixed, "the batch is the axis of its index vectors")
		}
	}
	for k, d := range e.In[0].Shape.Dimensions {
		collapsed := slices.Contains(at.CollapsedSliceAxes, k)
		if at.SliceSizes[k] == d && !collapsed { // whole: it starts at 0
			// Rows that data pick are those of a one-hot product with the table.
			a.bear(x[k], e.In[1])
			axes[offsets[0]] = x[k]
		} else {
			a.pick(e, x[k], k)
		}
		if collapsed {
			continue
		}
		if at.SliceSizes[k] != d {
			axes[offsets[0]] = a.part(e, x[k], at.SliceSizes[k], offsets[0], true)
		}
		offsets = offsets[1:]
	}
	a.set(e, axes)
}

// pick marks an axis that is indexed by numbers: a weight's counts positions.
func (a *Analysis) pick(e *graph.Eqn, fs factors, axis int) {
	if has(fs, Batch) {
		a.mix(e, Mixed, "it picks entries along axis %d %s, which holds the batch", axis, text(fs))
	}
	for _, f := range expand(fs) {
		if f.role == Unknown {
			f.role = Position
		}
	}
}

func scatter(a *Analysis, e *graph.Eqn) {
	at := e.Attrs.(graph.ScatterAttrs)
	axes := slices.Clone(a.of[e.In[0]])
	updates, updateDims := a.of[e.In[2]], e.In[2].Shape.Dimensions
	var window []int // axes of the updates
	for i, fs := range updates {
		if slices.Contains(at.UpdateWindowAxes, i) {
			window = append(window, i)
		} else if has(fs, Batch) {
			a.mix(e, Mixed, "it gathers updates of different examples in one result")
		}
	}
	for i, fs := range a.of[e.In[1]] {
		if has(fs, Batch) {
			a.mix(e, Mixed, "axis %d of its indices holds the batch", i)
		}
	}
	for k, d := range e.In[0].Shape.Dimensions {
		if slices.Contains(at.InsertedWindowAxes, k) {
			axes[k] = a.overwrite(e, axes[k], nil, d, k)
			continue
		}
		w := window[0]
		window = window[1:]
		if updateDims[w] == d {
			axes[k] = a.join(e, axes[k], updates[w])
		} else {
			axes[k] = a.overwrite(e, axes[k], updates[w], d, k)
		}
	}
	a.set(e, axes)
}
