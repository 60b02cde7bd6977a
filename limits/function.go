package limits

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/gontk/ntk/dual"
)

// A function is an elementwise function of one Gaussian and of weights without
// variance, with numbers of the example in its slots. Cuts of one form share it.
type function struct {
	*expression
	// base are the arguments' means; the Gaussian adds to the first.
	base []float64
	// slots counts them; without, parts are made once.
	slots int

	mu    sync.Mutex
	parts map[int]*dual.Activation
	known *catalog
}

// Parts of a function are its value, and its derivatives by number of the
// argument.
const valuePart = -1

// functionOf returns the function of a cut.
func (d *derivation) functionOf(c *cut) (*function, error) {
	base := make([]float64, len(c.arguments))
	for i, a := range c.arguments {
		if a.v == nil || d.values[a.v].kind != weight {
			continue
		}
		x, _ := d.entryOf(a.v, d.values[a.v].layout.coordinates(a.position, a.cell))
		base[i] = x.c * x.of.Mean
	}
	k := fmt.Sprint(c.expression, base)
	if f, ok := d.functions[k]; ok {
		return f, nil
	}
	f := &function{expression: c.expression, base: base, slots: len(c.slots), parts: map[int]*dual.Activation{}, known: d.known}
	probe := make([]float64, f.slots)
	for i := range probe {
		probe[i] = 1
	}
	if _, ok := f.eval(base, probe, &tape{}); !ok {
		return nil, fmt.Errorf("%s has an op without a rule as a function of a Gaussian", c.expression)
	}
	d.functions[k] = f
	return f, nil
}

// at returns the jet at a value of the Gaussian.
func (f *function) at(x float64, slots []float64, t *tape) jet {
	var args [maxArguments]float64
	copy(args[:], f.base)
	args[0] += x
	y, _ := f.eval(args[:], slots, t)
	return y
}

// part returns f, or a derivative of it, as an activation, for given slots.
func (f *function) part(k int, slots []float64) *dual.Activation {
	if f.slots > 0 {
		return f.make(k, slots)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.parts[k] == nil {
		f.parts[k] = f.make(k, nil)
	}
	return f.parts[k]
}

func (f *function) make(k int, slots []float64) *dual.Activation {
	slots = slices.Clone(slots)
	pick := func(y jet) (value, slope float64) {
		if k == valuePart {
			return y.v, y.d[0]
		}
		return y.d[k], y.h[k]
	}
	value := func(x float64) float64 { v, _ := pick(f.at(x, slots, &tape{})); return v }
	slope := func(x float64) float64 { _, s := pick(f.at(x, slots, &tape{})); return s }
	var kinks []dual.Kink
	for _, s := range f.switches(slots) {
		l, r := f.at(s.at, slots, &tape{forced: s.left}), f.at(s.at, slots, &tape{forced: s.right})
		lv, ls := pick(l)
		rv, rs := pick(r)
		jumps := []float64{rv - lv, rs - ls}
		if k == valuePart {
			jumps = append(jumps, r.h[0]-l.h[0])
		}
		if scale := 1e-15 * (math.Abs(lv) + math.Abs(rv) + math.Abs(ls) + math.Abs(rs)); math.Abs(jumps[0]) <= scale {
			jumps[0] = 0 // rounding is no jump
		}
		if slices.ContainsFunc(jumps, func(j float64) bool { return j != 0 }) {
			kinks = append(kinks, dual.Kink{At: s.at, Jumps: jumps})
		}
	}
	name := f.String()
	if k != valuePart {
		name = fmt.Sprintf("d%d %s", k, name)
	}
	a := dual.Custom(name, value, slope, kinks...)
	if f.slots == 0 && k == valuePart {
		return f.known.recognize(f, a)
	}
	if f.slots == 0 {
		return f.known.plain(a)
	}
	return a
}

// A turn is where a switch of a function goes the other way.
type turn struct {
	at          float64
	left, right []bool
}

// reachOf is how far out switches are looked for, in the Gaussian's own units.
const reachOf = 1e4

// switches returns the turns of all switches, in order. Where a gap is linear
// its root is exact; otherwise roots are bracketed on a grid and bisected.
func (f *function) switches(slots []float64) []turn {
	gaps := func(x float64) []float64 {
		t := &tape{}
		f.at(x, slots, t)
		return t.gaps
	}
	grid := turnGrid()
	rows := make([][]float64, len(grid))
	for i, x := range grid {
		rows[i] = gaps(x)
	}
	var roots []float64
	for s := range rows[0] {
		g0, g1, g2 := gaps(0)[s], gaps(1)[s], gaps(-2)[s]
		if slope := g1 - g0; slope != 0 && math.Abs(g2-(g0-2*slope)) <= 1e-14*(math.Abs(g0)+math.Abs(slope)) {
			roots = append(roots, -g0/slope)
			continue
		}
		for i := range grid[1:] {
			if rows[i][s] == 0 && rows[i+1][s] == 0 || (rows[i][s] >= 0) == (rows[i+1][s] >= 0) {
				continue
			}
			lo, hi := grid[i], grid[i+1]
			for range 80 {
				mid := lo + (hi-lo)/2
				if (gaps(mid)[s] >= 0) == (rows[i][s] >= 0) {
					lo = mid
				} else {
					hi = mid
				}
			}
			roots = append(roots, hi)
		}
	}
	slices.Sort(roots)
	var turns []turn
	for i, x := range roots {
		if i > 0 && x == roots[i-1] {
			continue
		}
		step := 1e-7 * max(1e-3, math.Abs(x))
		left, right := &tape{}, &tape{}
		f.at(x-step, slots, left)
		f.at(x+step, slots, right)
		turns = append(turns, turn{x, left.ways, right.ways})
	}
	return turns
}

// turnGrid is dense around 0 and reaches far.
var turnGrid = sync.OnceValue(func() []float64 {
	var g []float64
	for i := -160; i <= 160; i++ {
		g = append(g, float64(i)/16+1e-9)
	}
	for x := 10.5; x < reachOf; x *= 1.1 {
		g = append(g, x, -x)
	}
	slices.Sort(g)
	return g
})
