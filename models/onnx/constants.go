package onnx

import (
	"math"
	"slices"
)

// constantOp is a constant in an attribute, of several types.
func constantOp(c *call) []*value {
	if len(c.node.attrs) != 1 {
		c.fail("it has %d attributes, want one", len(c.node.attrs))
	}
	for name := range c.node.attrs {
		switch name {
		case "value":
			t := c.attribute(name, kindTensor).t
			if _, err := hostSize(t.dims); err != nil {
				panic(err)
			}
			return []*value{{lit: t.literal()}}
		case "value_float":
			return []*value{{lit: &literal{real, nil, []float64{c.float(name, 0)}}}}
		case "value_int":
			return []*value{{lit: &literal{whole, nil, []float64{float64(c.attribute(name, kindInt).i)}}}}
		case "value_ints":
			return []*value{{lit: wholes(c.integers(name)...)}}
		case "value_floats":
			raw := c.attribute(name, kindFloats).floats
			t := &tensor{elem: 1, dims: []int{len(raw) / 4}, size: len(raw) / 4, raw: raw, hasRaw: true}
			return []*value{{lit: t.literal()}}
		default:
			c.fail("attribute %s is not supported", name)
		}
	}
	return nil
}

// constantOfShape repeats one number, by default 0 of float.
func constantOfShape(c *call) []*value {
	l := &literal{real, nil, []float64{0}}
	if a := c.attribute("value", kindTensor); a != nil {
		if a.t.size != 1 {
			c.fail("attribute value has dims %v; want one number", a.t.dims)
		}
		l = a.t.literal().reshape(nil)
	}
	dims := c.list(0)
	if len(dims) > maxRank || slices.ContainsFunc(dims, func(d int) bool { return d < 0 }) {
		c.fail("shape %v", dims)
	}
	return c.must(l.broadcast(slices.Clone(dims)))
}

func rangeOp(c *call) []*value {
	start, limit, step := c.number(0), c.number(1), c.number(2)
	n := math.Ceil((limit - start) / step)
	if !(n <= maxHost) { // NaN, too
		c.fail("a range of %g entries; want %d at most", n, maxHost)
	}
	l := &literal{c.known(0).kind, []int{max(int(n), 0)}, make([]float64, max(int(n), 0))}
	for i := range l.v {
		l.v[i] = start + float64(i)*step
	}
	return []*value{{lit: l}}
}

// shapeOp is known however data are: shapes are static.
func shapeOp(c *call) []*value {
	dims := c.in[0].dims()
	n := len(dims)
	at := func(i int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, 0), n)
	}
	start, end := at(c.integer("start", 0)), at(c.integer("end", n))
	return []*value{{lit: wholes(dims[start:max(start, end)]...)}}
}

func sizeOp(c *call) []*value {
	n, _ := sizeOf(c.in[0].dims())
	return []*value{{lit: &literal{whole, nil, []float64{float64(n)}}}}
}
