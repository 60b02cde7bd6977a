package graph

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// The known answers are those of Random123 1.14, kat_vectors, philox4x32 10.
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, tc := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{
			[4]uint32{math.MaxUint32, math.MaxUint32, math.MaxUint32, math.MaxUint32},
			[2]uint32{math.MaxUint32, math.MaxUint32},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		var got [4]uint32
		got[0], got[1], got[2], got[3] = philox(tc.counter[0], tc.counter[1], tc.counter[2], tc.counter[3], tc.key[0], tc.key[1])
		if got != tc.want {
			t.Errorf("philox(%x, %x) = %x, want %x", tc.counter, tc.key, got, tc.want)
		}
	}
}

// Moments of 200 000 draws, within 5 standard errors of those of the family.
func TestDrawMoments(t *testing.T) {
	const n = 200_000
	for _, tc := range []struct {
		d        Distribution
		kurtosis float64
	}{
		{Distribution{Family: Normal, Mean: 2, Tau: 3}, 3},
		{Distribution{Family: Uniform, Mean: -1, Tau: 0.5}, 1.8},
	} {
		x, err := Draw(tc.d, 7, "/a/w", shapes.Make(dtypes.Float64, n))
		if err != nil {
			t.Fatal(err)
		}
		var m1, m2, m4 float64
		x.MustConstFlatData(func(flat any) {
			for _, v := range flat.([]float64) {
				z := (v - tc.d.Mean) / tc.d.Tau
				m1 += z / n
				m2 += z * z / n
				m4 += z * z * z * z / n
			}
		})
		if se := 1 / math.Sqrt(n); !(math.Abs(m1) < 5*se) {
			t.Errorf("%s: mean of (w−μ)/τ is %g, want 0 ± %g", tc.d.Family, m1, 5*se)
		}
		if se := math.Sqrt((tc.kurtosis - 1) / n); !(math.Abs(m2-1) < 5*se) {
			t.Errorf("%s: variance of (w−μ)/τ is %g, want 1 ± %g", tc.d.Family, m2, 5*se)
		}
		// Var(z⁴) is 96 for a normal, 9 − 3.24 for a uniform z.
		if se := math.Sqrt(96.0 / n); !(math.Abs(m4-tc.kurtosis) < 5*se) {
			t.Errorf("%s: fourth moment is %g, want %g ± %g", tc.d.Family, m4, tc.kurtosis, 5*se)
		}
	}
}

// A draw depends on seed and name, and not on the shape of what is drawn.
func TestDrawIsCounterBased(t *testing.T) {
	get := func(seed uint64, name string, dims ...int) (v []float64) {
		x, err := Draw(Gaussian(1), seed, name, shapes.Make(dtypes.Float64, dims...))
		if err != nil {
			t.Fatal(err)
		}
		x.MustConstFlatData(func(flat any) { v = append(v, flat.([]float64)...) })
		return v
	}
	a := get(1, "w", 6)
	for i, x := range get(1, "w", 2, 2) {
		if x != a[i] {
			t.Errorf("entry %d is %g in a small tensor, %g in a large one", i, x, a[i])
		}
	}
	if get(2, "w", 6)[0] == a[0] || get(1, "v", 6)[0] == a[0] {
		t.Error("another seed or name gives the same weight")
	}
}
