package limits

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/axes"
)

// A segment is a run of entries of a width that are distributed alike. A width
// has one, unless widths were concatenated into it.
type segment struct{ start, size int }

// segments returns those of a factor.
func (d *derivation) segments(f axes.Factor) []segment {
	starts := append([]int{0}, d.cuts[f.ID]...)
	list := make([]segment, len(starts))
	for i, s := range starts {
		end := f.Size
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		list[i] = segment{s, end - s}
	}
	return list
}

// cutWidths finds the segments of every width: concatenation and padding make
// them, slices inherit them. A factor may get more from an op further down that
// joins it with another, hence the repetition; each adds a cut, so it ends.
func (d *derivation) cutWidths() {
	for changed := true; changed; {
		changed = false
		for _, e := range d.program.Eqns {
			switch a := e.Attrs.(type) {
			case graph.ConcatenateAttrs:
				changed = d.cutConcatenation(e, a.Axis) || changed
			case graph.SliceAttrs:
				for i := range a.Starts {
					u, cuts := d.axes.Of(e.In[0])[i], []int(nil)
					for _, c := range d.axisCuts(u) {
						if x := c - a.Starts[i]; x > 0 && c < a.Limits[i] {
							cuts = append(cuts, (x+a.Strides[i]-1)/a.Strides[i])
						}
					}
					changed = d.cut(e, i, u, cuts) || changed
				}
			case graph.PadAttrs:
				for i, p := range a.Axes {
					u := d.axes.Of(e.In[0])[i]
					if p == (backends.PadAxis{}) || !isWidth(u) {
						continue
					}
					if p.Interior != 0 {
						d.refuse(e, "it puts fixed numbers between the entries of a random width (axis %d)", i)
					}
					cuts := []int{p.Start, p.Start + u.Size()}
					for _, c := range d.axisCuts(u) {
						cuts = append(cuts, p.Start+c)
					}
					changed = d.cut(e, i, u, cuts) || changed
				}
			case graph.ReverseAttrs:
				for _, i := range a.Axes {
					u, cuts := d.axes.Of(e.In[0])[i], []int(nil)
					for _, c := range d.axisCuts(u) {
						cuts = append(cuts, u.Size()-c)
					}
					changed = d.cut(e, i, u, cuts) || changed
				}
			}
		}
	}
}

func (d *derivation) cutConcatenation(e *graph.Eqn, axis int) bool {
	var cuts []int
	start := 0
	width := false
	for _, in := range e.In {
		u := d.axes.Of(in)[axis]
		width = width || isWidth(u)
		if start > 0 {
			cuts = append(cuts, start)
		}
		for _, c := range d.axisCuts(u) {
			cuts = append(cuts, start+c)
		}
		start += u.Size()
	}
	if !width {
		return false
	}
	return d.cut(e, axis, nil, cuts)
}

func isWidth(a axes.Axis) bool {
	return a.Has(axes.Width) || a.Has(axes.Output) || a.Has(axes.Unknown)
}

// axisCuts returns the cuts of an axis of several factors.
func (d *derivation) axisCuts(a axes.Axis) []int {
	if !isWidth(a) {
		return nil
	}
	list := []int{0}
	for _, f := range a {
		var next []int
		for _, x := range list {
			next = append(next, x*f.Size)
			for _, c := range d.cuts[f.ID] {
				next = append(next, x*f.Size+c)
			}
		}
		list = next
	}
	return list[1:]
}

// cut adds cuts to axis i of e's result, unless it is the operand's axis from.
func (d *derivation) cut(e *graph.Eqn, i int, from axes.Axis, cuts []int) (changed bool) {
	axis := d.axes.Of(e.Out[0])[i]
	if !isWidth(axis) || slices.Equal(axis, from) {
		return false
	}
	for _, c := range cuts {
		if c <= 0 || c >= axis.Size() {
			continue
		}
		inner := axis.Size()
		for _, f := range axis {
			inner /= f.Size
			if c%inner != 0 {
				continue
			}
			at := c / inner
			if at%f.Size != at {
				d.refuse(e, "axis %d of its result is cut at %d and split into %s elsewhere: the parts of a concatenated width are mixed", i, c, axis)
			}
			if !slices.Contains(d.cuts[f.ID], at) {
				d.cuts[f.ID] = append(d.cuts[f.ID], at)
				slices.Sort(d.cuts[f.ID])
				changed = true
			}
			break
		}
	}
	return changed
}
