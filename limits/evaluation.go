package limits

import (
	"sync"

	"github.com/gontk/ntk/dual"
	"github.com/gontk/ntk/graph"
)

// An evaluation computes nodes for one pair of examples.
type evaluation struct {
	left, right *example
	// same says that they are one example, and one draw of masks.
	same bool
	m, t [][]float64 // by node; nil where nothing was computed
	d    [][]float64 // squared distances, where they are known
	// angles of activations, where they are known; see angle.go.
	angles [][]float64
	err    error
	// dualError bounds the error of expectations that are not exact.
	dualError float64
	free      map[int][][]float64 // buffers by size
}

// converged notes how far an expectation may be off that is not exact to 1e-12.
func (e *evaluation) converged(r dual.Result) {
	if !r.Reached {
		e.dualError = max(e.dualError, r.KErr, r.KdotErr, 1e-12)
	}
}

// buffer returns a slice of n numbers, of any values.
func (e *evaluation) buffer(n int) []float64 {
	if list := e.free[n]; len(list) > 0 {
		e.free[n] = list[:len(list)-1]
		return list[len(list)-1]
	}
	return make([]float64, n)
}

func (e *evaluation) release(x []float64) {
	if e.free == nil {
		e.free = map[int][][]float64{}
	}
	e.free[len(x)] = append(e.free[len(x)], x)
}

func (e *evaluation) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// compute evaluates the nodes of a plan, which are in order, and frees what is
// not read any more.
func (e *evaluation) compute(p *plan) {
	for i, n := range p.cross {
		m, t := e.buffer(len(n.list)), e.buffer(len(n.list))
		e.d[n.id], e.angles[n.id] = nil, nil
		n.rule.eval(e, n, m, t)
		if e.err != nil {
			return
		}
		e.m[n.id], e.t[n.id], e.d[n.id] = m, t, e.distances(n)
		for _, done := range p.last[i] {
			e.release(e.m[done.id])
			e.release(e.t[done.id])
			e.m[done.id], e.t[done.id] = nil, nil
		}
	}
}

// An example is one input with what is computed from it alone.
type example struct {
	b       *builder
	numbers *numbers
	own     *evaluation // of own nodes, on demand
	factors []float64
	known   []bool

	variances, means [][]float64
	moments          map[*node][]float64
	lookups          [][]entry

	dualError float64 // see evaluation

	mu    sync.Mutex
	parts map[partKey]*dual.Activation
	// expanded is shared by the examples of a Gram.
	expanded *expansions
}

// A partKey is an entry of a side with slots, and a part of its function.
type partKey struct{ side, position, part int }

// expansions keep functions that have no closed form, one for each variance: a
// dual.Activation forgets Hermite series when there are too many variances.
type expansions struct {
	mu   sync.Mutex
	made map[expansionKey]*dual.Activation
}

type expansionKey struct {
	f        *dual.Activation
	variance float64
}

// at returns an activation equal to f to be used at one variance.
func (x *expansions) at(f *dual.Activation, variance float64) *dual.Activation {
	if f.Family != "" {
		return f
	}
	k := expansionKey{f, variance}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.made[k] == nil {
		x.made[k] = dual.Custom(f.Name, f.Value, f.Slope, f.Kinks...)
	}
	return x.made[k]
}

// newExample evaluates everything about one input that pairs ask for. inputs has
// the numbers of each input of the model. If only is not nil, its numbers are all.
func newExample(b *builder, inputs map[*graph.Value][]float64, only *graph.Value, expanded *expansions) (*example, error) {
	x := &example{
		expanded: expanded,
		b:        b, factors: make([]float64, len(b.factors)), known: make([]bool, len(b.factors)),
		variances: make([][]float64, len(b.variances)), means: make([][]float64, len(b.means)),
		lookups: make([][]entry, len(b.lookups)), moments: map[*node][]float64{}, parts: map[partKey]*dual.Activation{},
	}
	x.numbers = &numbers{d: b.derivation, memo: map[*graph.Value][]float64{}}
	for v, y := range b.constants.memo {
		x.numbers.memo[v] = y
	}
	x.numbers.given = func(v *graph.Value) []float64 {
		if y, ok := inputs[v]; ok {
			return y
		}
		return x.statistic(v)
	}
	x.own = &evaluation{left: x, right: x, same: true, m: make([][]float64, len(b.list)), t: make([][]float64, len(b.list))}
	var err error
	caught := catch(func() {
		if only != nil {
			x.numbers.of(only)
			return
		}
		for i := range b.factors {
			x.factor(i)
		}
		for v := range b.needed {
			x.numbers.of(v)
		}
		for i := range b.variances {
			x.variances[i] = x.diagonal(b.variances[i])
		}
		for i := range b.means {
			x.mean(i)
		}
		for n := range b.moments {
			x.moments[n] = x.compute(n)
		}
		for i := range b.lookups {
			x.rows(i)
		}
		err, x.dualError = x.own.err, x.own.dualError
	})
	if caught != nil {
		return nil, caught
	}
	x.own = nil // its arrays are not needed any more
	return x, err
}

// statistic evaluates a sum along a width, at every position.
func (x *example) statistic(v *graph.Value) []float64 {
	l := x.b.values[v].layout
	y := make([]float64, l.np)
	if x.b.values[v].zero {
		return y
	}
	for p := range y {
		for _, s := range x.b.summands(v, l.coordinates(p, 0)) {
			n, i, j := x.b.momentOf(v, s)
			y[p] += s.multiple * x.compute(n)[n.at(i, j)]
		}
	}
	return y
}

// compute returns the numbers of an own node.
func (x *example) compute(n *node) []float64 {
	if m := x.own.m[n.id]; m != nil {
		return m
	}
	for _, c := range n.rule.children() {
		if len(c.list) > 0 {
			x.compute(c)
		}
	}
	m := make([]float64, len(n.list))
	n.rule.eval(x.own, n, m, nil)
	x.own.m[n.id] = m
	return m
}

// diagonal returns the numbers of an own node at (p, p), by position.
func (x *example) diagonal(n *node) []float64 {
	m := x.compute(n)
	y := make([]float64, n.rows)
	for p := range y {
		if i := n.at(p, p); i >= 0 {
			y[p] = m[i]
		}
	}
	return y
}

func (x *example) factor(i int) float64 {
	if !x.known[i] {
		f := x.b.factors[i]
		y := x.numbers.of(f.v)[f.position]
		if f.inverse {
			y = 1 / y
		}
		x.factors[i], x.known[i] = y, true
	}
	return x.factors[i]
}

func (x *example) mean(i int) []float64 {
	if x.means[i] == nil {
		n := x.b.means[i]
		m := x.compute(n)
		y := make([]float64, n.rows)
		for p := range y {
			if k := n.at(p, 0); k >= 0 {
				y[p] = m[k]
			}
		}
		x.means[i] = y
	}
	return x.means[i]
}

// rows returns the entries of a table at which the example looks, by position.
func (x *example) rows(i int) []entry {
	if x.lookups[i] == nil {
		k := x.b.lookups[i]
		e := k.v.Def
		l := x.b.values[k.v].layout
		for p := range l.np {
			y, _ := x.b.entryOf(e.In[0], x.numbers.picked(e, l.coordinates(p, k.cell)))
			x.lookups[i] = append(x.lookups[i], y)
		}
	}
	return x.lookups[i]
}

// varianceAt returns the variance of the Gaussian of an entry, 0 without one.
func (x *example) varianceAt(s *functionSide, p int) float64 {
	if !s.cuts[p].live {
		return 0
	}
	i := s.variance[p]
	q := s.cuts[p].arguments[0].position
	if x.own == nil {
		return x.variances[i][q]
	}
	n := x.b.variances[i]
	return x.compute(n)[n.at(q, q)]
}

// part returns the function of an entry, or a derivative of it.
func (x *example) part(s *functionSide, p, k int) *dual.Activation {
	f := s.f[p]
	if f.slots == 0 {
		return x.expanded.at(f.part(k, nil), x.varianceAt(s, p))
	}
	key := partKey{s.id, p, k}
	x.mu.Lock()
	a := x.parts[key]
	x.mu.Unlock()
	if a != nil {
		return a
	}
	slots := make([]float64, f.slots)
	for i, j := range s.cuts[p].slots {
		slots[i] = x.factor(j)
	}
	a = f.part(k, slots)
	x.mu.Lock()
	defer x.mu.Unlock()
	if b := x.parts[key]; b != nil {
		return b
	}
	x.parts[key] = a
	return a
}
