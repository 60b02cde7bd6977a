package lower_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// Small integers are exact in every dtype, and so are short sums of their
// products: all dtypes must give what float64 loops give.
func TestOtherDTypes(t *testing.T) {
	r := seeded(40)
	type oracle func(call) []tensor
	var calls []call
	var oracles []oracle
	add := func(c call, ok bool, o oracle) {
		if !ok {
			return
		}
		for _, x := range c.in {
			for i := range x.floats() {
				x.floats()[i] = float64(between(r, 0, 2)) // also of unsigned dtypes
			}
		}
		calls, oracles = append(calls, c), append(oracles, o)
	}
	for len(calls) < 30 {
		c, ok := randomConv(r)
		add(c, ok && len(c.in[1].floats()) < 64, convByLoops) // a bfloat16 counts to 256
		c, ok = randomWindows(r, backends.ReduceOpMax, false)
		a, _ := c.attrs.(graph.ReduceWindowAttrs)
		// A window of nothing but padding is −∞, which integers lack.
		for i := range a.Paddings {
			ok = ok && a.Paddings[i] == [2]int{} && a.BaseDilations[i] == 1
		}
		add(c, ok, windowByLoops)
		c, ok = randomSelect(r, func(*rand.Rand) float64 { return 0 }, true)
		add(c, ok && len(c.in[1].floats()) < 128, selectByLoops)
	}
	for _, dt := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16, dtypes.Int32, dtypes.Uint8, dtypes.Int64} {
		t.Run(dt.String(), func(t *testing.T) {
			for i, c := range calls {
				d := call{op: c.op, attrs: c.attrs}
				for _, x := range c.in {
					d.in = append(d.in, convert(t, x, dt))
				}
				got := run(t, goBackend(t), lower.SimpleGo(), d)[0]
				for j := range got {
					got[j].flat = float64s(got[j].flat)
				}
				compare(t, d, got, oracles[i](c), 0)
			}
		})
	}
}

// convert converts a float64 tensor.
func convert(t *testing.T, x tensor, dt dtypes.DType) tensor {
	t.Helper()
	if dt == dtypes.BFloat16 {
		var flat []bfloat16.BFloat16
		for _, v := range x.floats() {
			flat = append(flat, bfloat16.FromFloat64(v))
		}
		return tensor{x.dims, flat}
	}
	flat, err := graph.FlatOf(dt, x.floats()...)
	if err != nil {
		t.Fatal(err)
	}
	return tensor{x.dims, flat}
}

// float64s converts a slice of any numeric dtype.
func float64s(flat any) []float64 {
	v := reflect.ValueOf(flat)
	out := make([]float64, v.Len())
	for i := range out {
		if b, ok := v.Index(i).Interface().(bfloat16.BFloat16); ok {
			out[i] = float64(b.Float32())
			continue
		}
		out[i] = v.Index(i).Convert(reflect.TypeFor[float64]()).Float()
	}
	return out
}
