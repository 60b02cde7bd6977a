package data

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

func TestFirstOfOrder(t *testing.T) {
	const n = 1000
	all := firstOfOrder(n, n, 7)
	for i, v := range slices.Sorted(slices.Values(all)) {
		if i != v {
			t.Fatalf("not a permutation: %d in place %d when sorted", v, i)
		}
	}
	if !slices.Equal(firstOfOrder(n, 10, 7), all[:10]) {
		t.Error("the first 10 of an order depend on how many are asked for")
	}
	if slices.Equal(all, firstOfOrder(n, n, 8)) {
		t.Error("seeds 7 and 8 name the same order")
	}
	if slices.IsSorted(all) || !slices.IsSorted(firstOfOrder(n, n, 0)) {
		t.Error("seed 7 does not shuffle, or seed 0 does")
	}
	// From PCG-DXSM, Lemire's method and the shuffle written in Python: a
	// seed must mean the same examples in every version of the program.
	if got, want := firstOfOrder(10, 10, 1), []int{5, 1, 7, 3, 8, 2, 9, 4, 0, 6}; !slices.Equal(got, want) {
		t.Errorf("order of seed 1 = %v, want %v", got, want)
	}
	// Each of 5 values comes first 1/5 of 20000 times; the count's standard
	// deviation is 57, the bound five of it.
	counts := make([]int, 5)
	for seed := range uint64(20000) {
		counts[firstOfOrder(5, 1, seed+1)[0]]++
	}
	for v, c := range counts {
		if math.Abs(float64(c)-4000) > 285 {
			t.Errorf("%d comes first %d times of 20000, expected 4000", v, c)
		}
	}
}

func TestOpenChooses(t *testing.T) {
	all := open(t, "digits", Options{Standardize: "none"})
	some := open(t, "digits", Options{Standardize: "none", Examples: 20, Seed: 3})
	want := all.Subset(firstOfOrder(1797, 20, 3))
	if !slices.Equal(some.X, want.X) || !slices.Equal(some.Y, want.Y) || some.Classes != 10 {
		t.Error("20 examples of seed 3 are not those of the order of seed 3")
	}
	if some.Note != "20 of 1797 examples in the order of seed 3; not standardized" {
		t.Errorf("note %q", some.Note)
	}
}

func TestOpenCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, "digits", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestProduct(t *testing.T) {
	for _, tc := range []struct {
		shape []int
		want  int
		ok    bool
	}{
		{nil, 1, true},
		{[]int{2, 3}, 6, true},
		{[]int{math.MaxInt, math.MaxInt, 0}, 0, true},
		{[]int{math.MaxInt, 2}, 0, false},
		{[]int{0, -1}, 0, false},
		{[]int{-1, -1}, 0, false},
	} {
		if got, ok := product(tc.shape); got != tc.want || ok != tc.ok {
			t.Errorf("product(%v) = %d, %t, want %d, %t", tc.shape, got, ok, tc.want, tc.ok)
		}
	}
}
