package graph

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"runtime"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// drawn returns the entries of a draw in float64, which holds float32 exactly.
func drawn(t *testing.T, d Distribution, seed uint64, name string, shape shapes.Shape) (v []float64) {
	t.Helper()
	x, err := Draw(d, seed, name, shape)
	if err != nil {
		t.Fatal(err)
	}
	x.MustConstFlatData(func(flat any) {
		switch flat := flat.(type) {
		case []float64:
			v = append(v, flat...)
		case []float32:
			for _, e := range flat {
				v = append(v, float64(e))
			}
		}
	})
	return v
}

// The oracle is testdata/draw.py: plain Python, another Philox, the C library.
func TestDrawAsPython(t *testing.T) {
	var cases []struct {
		Distribution
		Seed   uint64
		Name   string
		At     []int
		Values []float64
	}
	text, err := os.ReadFile("testdata/draw.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		n := c.At[len(c.At)-1] + 1
		f64 := drawn(t, c.Distribution, c.Seed, c.Name, shapes.Make(dtypes.Float64, n))
		f32 := drawn(t, c.Distribution, c.Seed, c.Name, shapes.Make(dtypes.Float32, n))
		for k, i := range c.At {
			// log, sin and cos differ by an ulp or two between libraries; 2πv
			// is the same number in both.
			if e := math.Abs(f64[i] - c.Values[k]); !(e <= 1e-14) {
				t.Errorf("%s: entry %d is %v, want %v", c.Name, i, f64[i], c.Values[k])
			}
			if f32[i] != float64(float32(f64[i])) {
				t.Errorf("%s: entry %d is %v in float32, want %v rounded", c.Name, i, f32[i], f64[i])
			}
		}
	}
}

// A seed names a network for ever: the bits, not only the distribution, are part
// of what Draw promises. The sums were taken from the plain loop over counters
// that Draw began as, entry after entry in one goroutine.
func TestDrawKeepsItsBits(t *testing.T) {
	if runtime.GOARCH != "amd64" || fuses(1+0x1p-30, 1+0x1p-30, -(1+0x1p-29)) {
		t.Skip("math.Log and math.Sincos may differ in the last bit here")
	}
	for _, tc := range []struct {
		d    Distribution
		seed uint64
		name string
		n    int
		want string
	}{
		{Gaussian(1), 0, "/dense_0/weights", 1, "64518a391d89eb7798d56a5764a5537c"},
		{Gaussian(1), 0, "/dense_0/weights", 1001, "4d36eb29d5e108f6ce49f846ddeb2dfb"},
		{Gaussian(1), 7, "/dense_0/weights", 1001, "12fd080cc3157ea961cd63293bfdefcf"},
		{Distribution{Normal, 3, 0.1, 1}, 1 << 63, "/conv/weights", 300_001, "2e6e6b6957c0d25ad0e7218f07c205da"},
		{Distribution{Uniform, -1, 2, 1}, 11, "/conv/weights", 300_001, "096e5b99d6753f94c4101cac98878a62"},
		{Constant(0.5), 5, "/gain", 70_001, "eb9aa8a5ef07d1533f2d0cd1c87e769a"},
	} {
		h := sha256.New()
		for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32} {
			for _, x := range drawn(t, tc.d, tc.seed, tc.name, shapes.Make(dtype, tc.n)) {
				h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)[:16]); got != tc.want {
			t.Errorf("%d of %+v, seed %d: bits have sum %s, want %s", tc.n, tc.d, tc.seed, got, tc.want)
		}
	}
}

// fuses reports whether the compiler turns x·y + z into one rounding, where
// x·y + z is 0 in two.
//
//go:noinline
func fuses(x, y, z float64) bool { return x*y+z != 0 }
