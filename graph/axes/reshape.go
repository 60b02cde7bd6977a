package axes

import "github.com/gontk/ntk/graph"

func reshape(a *Analysis, e *graph.Eqn) {
	a.set(e, a.deal(e, a.of[e.In[0]], e.Attrs.(graph.ReshapeAttrs).Dims))
}

// deal deals the factors of axes out to dims, row-major, and splits those that
// straddle. dims has as many entries as axes.
//
// Where an index cannot be split so, between two places at which the old and
// the new axes both end, positions stay positions (data are numbers, only the
// flat index matters) and anything else is lost.
func (a *Analysis) deal(e *graph.Eqn, axes []factors, dims []int) []factors {
	var from factors
	for _, fs := range axes {
		from = append(from, expand(fs)...)
	}
	out := make([]factors, len(dims))
	to := 0
	for to < len(dims) {
		if dims[to] == 1 {
			to++
			continue
		}
		// The shortest stretches of equal size.
		m, n := 1, 1
		size, want := from[0].size, dims[to]
		for size != want {
			if size < want {
				size *= from[m].size
				m++
			} else {
				want *= dims[to+n]
				n++
			}
		}
		a.dealStretch(e, from[:m], dims[to:to+n], out[to:to+n], to)
		from, to = from[m:], to+n
	}
	return out
}

// dealStretch writes the axes of a stretch of deal, axis being its first, to out.
func (a *Analysis) dealStretch(e *graph.Eqn, from factors, dims []int, out []factors, axis int) {
	// Placeholders of the wanted sizes are split along with from.
	var places, ends factors
	for _, n := range dims {
		p := a.new(Free, n, e.Out[0], 0)
		places = append(places, p...)
	}
	from, ends, ok := a.refine(from, places)
	if ok {
		at := 0
		for i, n := range dims {
			start := at
			for size := 1; size < n; at++ {
				size *= ends[at].size
			}
			out[i] = from[start:at:at]
		}
		return
	}
	role, _ := common(from)
	switch {
	case has(from, Batch):
		a.mix(e, Unfollowed, "%s becomes axes of sizes %v, which cuts across the batch", text(from), dims)
		role = Lost
	case role == Unknown || role == Width || role == Lost:
		a.conflict(e, "%s becomes axes of sizes %v, which cuts across its factors", text(from), dims)
		role = Lost
	}
	for i, n := range dims {
		out[i] = a.new(role, n, e.Out[0], axis+i)
	}
}
