package limits

import "github.com/gontk/ntk/graph"

// A pair is a position of one value and one of another.
type pair [2]int32

// needs lists the pairs of positions of which a node's numbers are needed.
type needs struct {
	rows, cols int
	list       []pair
	// index is where a pair is in list, plus 1; 0 if it is not there. Where the
	// table would be too large, far is it.
	index []int32
	far   map[pair]int32
}

// largestTable of indices, in entries: 64 MB.
const largestTable = 1 << 24

func newNeeds(rows, cols int) needs {
	n := needs{rows: rows, cols: cols}
	if rows > largestTable/cols {
		n.far = map[pair]int32{}
	}
	return n
}

// add reports whether the pair is new.
func (n *needs) add(p, q int) bool {
	x := pair{int32(p), int32(q)}
	if n.far != nil {
		if n.far[x] != 0 {
			return false
		}
		n.list = append(n.list, x)
		n.far[x] = int32(len(n.list))
		return true
	}
	if n.index == nil {
		n.index = make([]int32, n.rows*n.cols)
	}
	i := &n.index[p*n.cols+q]
	if *i != 0 {
		return false
	}
	n.list = append(n.list, x)
	*i = int32(len(n.list))
	return true
}

// at returns where a pair's numbers are, −1 if they are not needed.
func (n *needs) at(p, q int) int {
	switch {
	case n.far != nil:
		return int(n.far[pair{int32(p), int32(q)}]) - 1
	case n.index == nil:
		return -1
	}
	return int(n.index[p*n.cols+q]) - 1
}

// A node is a pair of values (v of one input, w of the other) with
//
//	M[p, q] = mean over the width of E[v_p w_q],  T[p, q] = mean of Θ(v_p, w_q),
//
// at the pairs of positions that are needed. Own nodes are pairs of one input
// with itself; they have no T.
type node struct {
	v, w cellOf
	own  bool
	needs
	rule rule
	id   int
	// pending is how much of needs.list was passed on to the rule's nodes.
	pending int
	queued  bool
}

// A rule computes a node from others.
type rule interface {
	// grow adds to other nodes what pairs of n need.
	grow(b *builder, n *node, pairs []pair)
	// children are the nodes that eval reads.
	children() []*node
	// eval fills m and t, for n's pairs in order; t is nil for own nodes.
	eval(r *evaluation, n *node, m, t []float64)
	// text describes the rule, for people.
	text(b *builder, n *node) string
}

// one is a value that is 1: a node with it is a mean.
var one = &graph.Value{ID: -1, Def: &graph.Eqn{}}

// A builder makes the nodes that an output needs.
type builder struct {
	*derivation
	nodes map[nodeKey]*node
	list  []*node
	queue []*node

	// variances and means are own nodes whose numbers examples keep: those of
	// (v, v) on the diagonal, and of (v, one).
	variances, means []*node
	// moments are own nodes whose numbers they keep all.
	moments map[*node]bool
	kept    map[*node]int
	// needed are the deterministic values that examples evaluate.
	needed map[*graph.Value]bool
	// passed counts the factors whose values were marked.
	passed  int
	lookups []*lookup
}

type nodeKey struct {
	v, w cellOf
	own  bool
}

func newBuilder(d *derivation) *builder {
	return &builder{derivation: d, nodes: map[nodeKey]*node{}, kept: map[*node]int{}, moments: map[*node]bool{}, needed: map[*graph.Value]bool{}}
}

// node returns the node of two cells.
func (b *builder) node(v, w cellOf, own bool) *node {
	k := nodeKey{v, w, own}
	if n, ok := b.nodes[k]; ok {
		return n
	}
	n := &node{v: v, w: w, own: own, id: len(b.list), needs: newNeeds(b.values[v.v].layout.np, b.values[w.v].layout.np)}
	b.nodes[k] = n
	b.list = append(b.list, n)
	n.rule = b.ruleOf(n)
	return n
}

// need adds a pair to a node.
func (b *builder) need(n *node, p, q int) {
	if n.add(p, q) && !n.queued {
		n.queued = true
		b.queue = append(b.queue, n)
	}
}

// variance returns the index among what examples keep of the variances of v.
func (b *builder) variance(v cellOf, position int) int {
	n := b.node(v, v, true)
	b.need(n, position, position)
	return b.keep(n, &b.variances)
}

// mean returns the index of the means of v.
func (b *builder) mean(v cellOf, position int) int {
	n := b.node(v, cellOf{one, 0}, true)
	b.need(n, position, 0)
	return b.keep(n, &b.means)
}

func (b *builder) keep(n *node, list *[]*node) int {
	i, ok := b.kept[n]
	if !ok {
		i = len(*list)
		*list = append(*list, n)
		b.kept[n] = i
	}
	return i
}

// run passes needs on until nothing is new.
func (b *builder) run() {
	for {
		for len(b.queue) > 0 {
			n := b.queue[len(b.queue)-1]
			b.queue = b.queue[:len(b.queue)-1]
			n.queued = false
			fresh := n.list[n.pending:]
			n.pending = len(n.list)
			n.rule.grow(b, n, fresh)
		}
		if b.passed == len(b.factors) {
			return
		}
		for _, f := range b.factors[b.passed:] {
			b.passed++
			b.numbersOf(f.v)
		}
	}
}

// numbersOf marks a deterministic value, and adds the nodes that statistics
// above it need.
func (b *builder) numbersOf(v *graph.Value) {
	if b.needed[v] || v == one {
		return
	}
	b.needed[v] = true
	x := b.values[v]
	if x.kind == constant || x.zero {
		return
	}
	if !x.born {
		for _, u := range v.Def.In {
			b.numbersOf(u)
		}
		return
	}
	for p := range x.layout.np {
		for _, s := range b.summands(v, x.layout.coordinates(p, 0)) {
			n, p, q := b.momentOf(v, s)
			b.need(n, p, q)
		}
	}
}

// momentOf returns where the expectation of a term of a statistic is.
func (b *builder) momentOf(v *graph.Value, s summand) (n *node, p, q int) {
	l := v.Def.In[0]
	p, c := b.values[l].layout.locate(s.l)
	if s.r == nil {
		return b.node(cellOf{l, c}, cellOf{one, 0}, true), p, 0
	}
	r := v.Def.In[1]
	q, e := b.values[r].layout.locate(s.r)
	return b.node(cellOf{l, c}, cellOf{r, e}, true), p, q
}
