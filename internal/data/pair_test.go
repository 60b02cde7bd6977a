package data

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// table writes a CSV file whose last column is the label.
func csvFile(t *testing.T, name string, rows ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("a,b,label\n"+strings.Join(rows, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpenPair is worked out by hand: column a is 1, 3 for training, with mean 2 and
// deviation 1; column b is constant there.
func TestOpenPair(t *testing.T) {
	train := csvFile(t, "train.csv", "1,7,yes", "3,7,no", "9,8,yes")
	test := csvFile(t, "test.csv", "4,1,no", "0,2,no")
	o := Options{Examples: 2, Standardize: "feature"}
	for _, tc := range []struct {
		name, test string
		tests      int
		x, y       []float64
	}{
		// Classes are numbered in their order in train: no 0, yes 1.
		{"what is left", "", 0, []float64{-1, 0, 1, 0, 7, 0}, []float64{1, 0, 1}},
		{"another file", test, 0, []float64{-1, 0, 1, 0, 2, 0, -2, 0}, []float64{1, 0, 0, 0}},
		{"the first of another file", test, 1, []float64{-1, 0, 1, 0, 2, 0}, []float64{1, 0, 0}},
	} {
		s, n, err := OpenPair(t.Context(), train, tc.test, tc.tests, o)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if n != 2 || !slices.Equal(s.X, tc.x) || !slices.Equal(s.Y, tc.y) || s.Len() != len(tc.y) {
			t.Errorf("%s: %d to train on of %v with labels %v; want 2 of %v with %v", tc.name, n, s.X, s.Y, tc.x, tc.y)
		}
		if !strings.Contains(s.Note, "over the training examples (1 constant feature") || !strings.Contains(s.Note, "2 to train on") {
			t.Errorf("%s: note %q", tc.name, s.Note)
		}
	}
	// A random order is that of Open.
	o.Seed, o.Standardize = 3, "none"
	s, n, err := OpenPair(t.Context(), "digits", "", 30, Options{Examples: 50, Seed: 3, Standardize: "none"})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Open(t.Context(), "digits", Options{Examples: 80, Seed: 3, Standardize: "none"})
	if err != nil {
		t.Fatal(err)
	}
	if n != 50 || !slices.Equal(s.X, whole.X) || !slices.Equal(s.Y, whole.Y) {
		t.Error("the first 50 and the next 30 of a random order are not the first 80")
	}
}

func TestOpenPairRefuses(t *testing.T) {
	train := csvFile(t, "train.csv", "1,7,yes", "3,7,no")
	other := csvFile(t, "other.csv", "1,7,perhaps", "3,7,no")
	numbers := csvFile(t, "numbers.csv", "1,7,0.5", "3,7,1.5")
	for name, tc := range map[string]struct {
		train, test string
		tests       int
		o           Options
		says        string
	}{
		"nothing left": {train, "", 0, Options{}, "none are left to test on"},
		"too many":     {train, "", 2, Options{Examples: 1}, "3 examples asked for, 2 there"},
		"shapes":       {train, "digits", 0, Options{}, "8×8×1"},
		"class":        {train, other, 0, Options{}, `"perhaps"`},
		"labels":       {train, numbers, 0, Options{}, "both alike"},
		"missing":      {train, "nowhere.csv", 0, Options{}, "nowhere.csv"},
		"limit":        {train, train, 0, Options{MaxBytes: 40}, "4 examples of 2 values"},
	} {
		if _, _, err := OpenPair(context.Background(), tc.train, tc.test, tc.tests, tc.o); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v; want %q", name, err, tc.says)
		}
	}
}
