package vmap

import "github.com/gontk/ntk/graph"

func reduce(c call) graph.Op {
	a := c.attrs.(graph.ReduceAttrs)
	if len(a.Axes) == 0 { // of a scalar; to a backend it would mean all axes
		return c.in[0].X
	}
	return c.do(graph.ReduceAttrs{Axes: shifted(a.Axes)}, c.in[0].X)
}

func argMinMax(c call) graph.Op {
	a := c.attrs.(graph.ArgMinMaxAttrs)
	a.Axis++
	return c.do(a, c.in[0].X)
}

// reduceWindow has a window of one example.
func reduceWindow(c call) graph.Op {
	a := c.attrs.(graph.ReduceWindowAttrs)
	a.Window, a.Strides = prepend(1, a.Window), prepend(1, a.Strides)
	a.BaseDilations, a.WindowDilations = prepend(1, a.BaseDilations), prepend(1, a.WindowDilations)
	a.Paddings = prepend([2]int{}, a.Paddings)
	return c.do(a, c.in[0].X)
}

// selectAndScatter repeats what is fixed: backends want equal ranks and no broadcast.
func selectAndScatter(c call) graph.Op {
	a := c.attrs.(graph.SelectAndScatterAttrs)
	a.Window, a.Strides = prepend(1, a.Window), prepend(1, a.Strides)
	a.Paddings = prepend([2]int{}, a.Paddings)
	return c.do(a, c.m.front(c.in[0]), c.m.front(c.in[1]))
}
