package limits

import (
	"sort"

	"github.com/gontk/ntk/graph"
)

// A plan is the recursion on pairs, laid out: what examples keep, and the nodes
// of a pair of examples in an order in which each reads only earlier ones.
type plan struct {
	*builder
	output *graph.Value
	// roots are the nodes of the outputs alike, with how many each stands for.
	roots    []root
	cross    []*node
	compiled compiledForm
	// last[i] lists the nodes that are read for the last time by cross[i].
	last [][]*node
}

type root struct {
	node   *node
	weight float64 // sums to 1
}

func newPlan(d *derivation, o *graph.Value) *plan {
	b := newBuilder(d)
	p := &plan{builder: b, output: o}
	x := d.values[o]
	if x.layout.np != 1 {
		d.refuse(o.Def, "the output has %d positions; pool or flatten them, so that each example has one", x.layout.np)
	}
	for _, s := range d.outputCells(o) {
		c := cellOf{o, s.cell}
		n := b.node(c, c, false)
		b.need(n, 0, 0)
		p.roots = append(p.roots, root{n, s.weight})
	}
	b.run()
	p.order()
	for _, n := range p.cross {
		if r, ok := n.rule.(*linearRule); ok && n.v == n.w {
			r.distinct = b.distinctTargets(r.m)
		}
	}
	return p
}

// A share is a cell of the output and its part of all.
type share struct {
	cell   int
	weight float64
}

// outputCells lists one cell for each segment of the outputs.
func (d *derivation) outputCells(o *graph.Value) []share {
	list := []summand{{l: make([]int, o.Shape.Rank()), multiple: 1}}
	for i, axis := range d.axes.Of(o) {
		if isWidth(axis) {
			list = expandSummands(list, d.indices(false, axis), func(s *summand, x index) { s.l[i] = x.at })
		}
	}
	total := 0.0
	for _, s := range list {
		total += s.multiple
	}
	shares := make([]share, len(list))
	for i, s := range list {
		_, cell := d.values[o].layout.locate(s.l)
		shares[i] = share{cell, s.multiple / total}
	}
	return shares
}

// order sorts the nodes of pairs so that children come first.
func (p *plan) order() {
	seen := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		if seen[n] || len(n.list) == 0 {
			return
		}
		seen[n] = true
		for _, c := range sortedNodes(n.rule.children()) {
			visit(c)
		}
		p.cross = append(p.cross, n)
	}
	keep := map[*node]bool{}
	for _, r := range p.roots {
		visit(r.node)
		keep[r.node] = true
	}
	reader := map[*node]int{}
	for i, n := range p.cross {
		for _, c := range n.rule.children() {
			if seen[c] {
				reader[c] = i
			}
		}
	}
	p.last = make([][]*node, len(p.cross))
	for n, i := range reader {
		if !keep[n] {
			p.last[i] = append(p.last[i], n)
		}
	}
}

// sortedNodes puts nodes in order of making, for plans to be the same each time.
func sortedNodes(list []*node) []*node {
	out := append([]*node(nil), list...)
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}
