package data

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// Two images of 1×2 pixels and 2 channels.
func tinyImages() *Set {
	return &Set{
		Name: "tiny", Shape: []int{2, 1, 2, 2}, Layout: "nhwc",
		X: []float64{1, 7, 3, 7, 1, 7, 3, 7},
	}
}

func TestStandardize(t *testing.T) {
	for _, tc := range []struct {
		name, how string
		set       *Set
		want      []float64 // by hand
		note      string
	}{
		{
			"images by default", "", tinyImages(),
			[]float64{-1, 0, 1, 0, -1, 0, 1, 0},
			"each channel standardized over these examples (1 constant channel set to 0)",
		},
		{
			"vectors by default", "", &Set{Shape: []int{2, 1}, X: []float64{5, 6}},
			[]float64{5, 6},
			"not standardized",
		},
		{
			"features", "feature", &Set{Shape: []int{2, 3}, X: []float64{0, 5, 1, 4, 5, 1}},
			[]float64{-1, 0, 0, 1, 0, 0},
			"each feature standardized over these examples (2 constant features set to 0)",
		},
		{
			"tiny and huge features", "feature", &Set{Shape: []int{2, 2}, X: []float64{0, -1e300, 4e-300, 1e300}},
			[]float64{-1, -1, 1, 1},
			"each feature standardized over these examples",
		},
		{
			"norm √2", "unit", &Set{Shape: []int{3, 2}, X: []float64{0, 0, 3, 4, 1e-300, 1e-300}},
			[]float64{0, 0, 0.6 * math.Sqrt2, 0.8 * math.Sqrt2, 1, 1},
			"each example scaled to norm √2 (1 of zeros only left as is)",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.set.standardize(t.Context(), tc.how); err != nil {
				t.Fatal(err)
			}
			for i, v := range tc.set.X {
				// A handful of roundings.
				if !(math.Abs(v-tc.want[i]) < 1e-15*8) {
					t.Errorf("X[%d] = %v, want %v", i, v, tc.want[i])
				}
			}
			if tc.set.Note != tc.note {
				t.Errorf("note %q, want %q", tc.set.Note, tc.note)
			}
		})
	}
}

// 0.1 is no multiple of a power of two: its mean over 3 may round, and the
// feature is constant all the same.
func TestConstantDespiteRounding(t *testing.T) {
	s := &Set{Shape: []int{3, 1}, X: []float64{0.1, 0.1, 0.1}}
	if err := s.standardize(t.Context(), "feature"); err != nil || !slices.Equal(s.X, []float64{0, 0, 0}) {
		t.Errorf("%v, error %v", s.X, err)
	}
}

func TestStandardizeRefuses(t *testing.T) {
	s := &Set{Name: "wide", Shape: []int{2, 1}, X: []float64{-math.MaxFloat64, math.MaxFloat64}}
	s.X = append(s.X, s.X[0], s.X[0])
	s.Shape[0] = 4
	if err := s.standardize(t.Context(), "feature"); err == nil || !strings.Contains(err.Error(), "wide spans more than a float64") {
		t.Errorf("error %v", err)
	}
	if err := s.standardize(t.Context(), "pixel"); err == nil || !strings.Contains(err.Error(), "not images") {
		t.Errorf("error %v", err)
	}
}

func TestPixelInBothLayouts(t *testing.T) {
	a, _ := tinyImages().WithLayout("nchw")
	if err := a.standardize(t.Context(), "pixel"); err != nil {
		t.Fatal(err)
	}
	b := tinyImages()
	if err := b.standardize(t.Context(), "pixel"); err != nil {
		t.Fatal(err)
	}
	b, err := b.WithLayout("nchw")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.X, b.X) {
		t.Errorf("%v in nchw, %v in nhwc", a.X, b.X)
	}
}

func TestWithLayout(t *testing.T) {
	s := &Set{Shape: []int{1, 2, 2, 3}, Layout: "nhwc", X: []float64{0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32}}
	got, err := s.WithLayout("nchw")
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{0, 10, 20, 30, 1, 11, 21, 31, 2, 12, 22, 32}
	if !slices.Equal(got.X, want) || !slices.Equal(got.Shape, []int{1, 3, 2, 2}) || got.Layout != "nchw" {
		t.Errorf("%v of shape %v, %s", got.X, got.Shape, got.Layout)
	}
	if got.Note != "axes transposed from nhwc to nchw" {
		t.Errorf("note %q", got.Note)
	}
	back, err := got.WithLayout("nhwc")
	if err != nil || !slices.Equal(back.X, s.X) || !slices.Equal(back.Shape, s.Shape) {
		t.Errorf("there and back: %v of shape %v, %v", back.X, back.Shape, err)
	}
	if same, err := s.WithLayout("nhwc"); same != s || err != nil {
		t.Error("WithLayout of the same layout is not the set itself")
	}
	for _, layout := range []string{"", "nwhc"} {
		if _, err := s.WithLayout(layout); err == nil {
			t.Errorf("layout %q accepted", layout)
		}
	}
	if _, err := (&Set{Name: "v", Shape: []int{1, 2}, X: []float64{1, 2}}).WithLayout("nchw"); err == nil || !strings.Contains(err.Error(), "not images") {
		t.Errorf("vectors: error %v", err)
	}
}
