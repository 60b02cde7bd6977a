package data

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func ExampleOpen() {
	s, err := Open(context.Background(), "digits", Options{Examples: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Describe())
	// Output: digits: 100 examples of 8×8×1 (nhwc), 10 classes; the first 100 of 1797 examples; each channel standardized over these examples
}

// The facts were computed from digits.csv.gz by a dozen lines of plain
// Python; the class counts are also in scikit-learn's documentation.
func TestDigits(t *testing.T) {
	s := open(t, "digits", Options{Standardize: "none"})
	if !slices.Equal(s.Shape, []int{1797, 8, 8, 1}) || s.Layout != "nhwc" || s.Classes != 10 || len(s.ClassNames) != 10 {
		t.Fatalf("shape %v, layout %q, %d classes %v", s.Shape, s.Layout, s.Classes, s.ClassNames)
	}
	counts := make([]int, 10)
	for _, y := range s.Y {
		counts[int(y)]++
	}
	if want := []int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}; !slices.Equal(counts, want) {
		t.Errorf("class counts %v, want %v", counts, want)
	}
	sum := func(v []float64) (total float64) {
		for _, x := range v {
			total += x
		}
		return total
	}
	squares := 0.0
	for _, x := range s.X {
		squares += x * x
	}
	// Sums of integers: exact.
	for _, tc := range []struct {
		name      string
		got, want float64
	}{
		{"sum of the first image", sum(s.X[:64]), 294},
		{"sum of the last image", sum(s.X[64*1796:]), 392},
		{"sum of all", sum(s.X), 561718},
		{"sum of squares", squares, 6907012},
	} {
		if tc.got != tc.want {
			t.Errorf("%s = %v, want %v", tc.name, tc.got, tc.want)
		}
	}
	if s.License != "CC BY 4.0" || !strings.Contains(s.Source, "10.24432/C50P49") {
		t.Errorf("source %q, licence %q", s.Source, s.License)
	}
}

func TestDigitsStandardized(t *testing.T) {
	s := open(t, "digits", Options{})
	// From Python, over all 1797×64 pixels: mean and standard deviation.
	const mean, std = 4.884164579855314, 6.0167875486751905
	// Python summed integers exactly; the mean here sums 115008 rounded terms.
	if got, want := s.X[2], (5-mean)/std; !(math.Abs(got-want) < 1e-11) {
		t.Errorf("third pixel = %v, want %v", got, want)
	}
	// Columns 0, 32 and 39 are zero in all images.
	s = open(t, "digits", Options{Standardize: "feature"})
	if !strings.Contains(s.Note, "3 constant features set to 0") || s.X[64*7+39] != 0 {
		t.Errorf("note %q, value of a constant feature %v", s.Note, s.X[64*7+39])
	}
}

func TestDigitsWithoutLabels(t *testing.T) {
	s := open(t, "digits", Options{Labels: "none"})
	if s.Y != nil || s.Classes != 0 || s.Features() != 64 {
		t.Errorf("%d labels, %d classes, %d features", len(s.Y), s.Classes, s.Features())
	}
}
