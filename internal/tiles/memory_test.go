package tiles

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

// raw is an array without any symmetry: a different value at every index,
// none of which float32 holds exactly.
func raw(m, n, o, p int) float64 {
	return math.Sqrt(2 + float64(m) + 50*float64(n) + 2500*float64(o) + 125000*float64(p))
}

// outputs returns the sizes of both output axes, 1 where there is none.
func outputs(s Spec) (int, int) {
	tail := append(append([]int{}, s.Tail...), 1, 1)
	return tail[0], tail[1]
}

// produce returns a tile of raw by plain loops.
func produce(s Spec, t Tile) []float64 {
	var data []float64
	no, np := outputs(s)
	for m := t.Row; m < t.Row+t.Rows; m++ {
		for n := t.Col; n < t.Col+t.Cols; n++ {
			for o := range no {
				for p := range np {
					data = append(data, raw(m, n, o, p))
				}
			}
		}
	}
	return data
}

// full is the oracle: the whole array by plain loops that know no tiles. Of
// a symmetric array the entries with (m, o) ≤ (n, p) count; with a single
// output axis, which is an axis of pairs and not of either example, m ≤ n.
func full(s Spec) []float64 {
	var want []float64
	no, np := outputs(s)
	for m := range s.N1 {
		for n := range s.N2 {
			for o := range no {
				for p := range np {
					switch {
					case s.Packed && m > n: // left out
					case !s.Symmetric, m < n, m == n && (len(s.Tail) < 2 || o <= p):
						want = append(want, raw(m, n, o, p))
					case len(s.Tail) < 2:
						want = append(want, raw(n, m, o, p))
					default:
						want = append(want, raw(n, m, p, o))
					}
				}
			}
		}
	}
	return want
}

// equal compares stored entries with float64 ones, exactly: conversion to
// float32 rounds once, here as there.
func equal(got any, want []float64) error {
	switch got := got.(type) {
	case []float32:
		if len(got) != len(want) {
			return fmt.Errorf("%d entries, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != float32(want[i]) {
				return fmt.Errorf("entry %d is %g, want %g", i, got[i], float32(want[i]))
			}
		}
	case []float64:
		if len(got) != len(want) {
			return fmt.Errorf("%d entries, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				return fmt.Errorf("entry %d is %g, want %g", i, got[i], want[i])
			}
		}
	default:
		return fmt.Errorf("data of type %T", got)
	}
	return nil
}

// variants calls f on every cut with every tail and dtype.
func variants(t *testing.T, f func(t *testing.T, s Spec)) {
	for _, s := range cuts {
		for _, tail := range [][]int{nil, {3}, {3, 3}, {2, 4}} {
			if s.Symmetric && len(tail) == 2 && tail[0] != tail[1] {
				continue // no such array: Θ[m,n,p,o] = Θ[n,m,o,p] has one output axis on either side
			}
			for _, d := range []DType{Float32, Float64} {
				s.Tail, s.DType = tail, d
				t.Run(name(s), func(t *testing.T) { f(t, s) })
			}
		}
	}
}

// writeShuffled writes all tiles of w in an order drawn from a seed.
func writeShuffled(t *testing.T, w Writer, seed uint64) {
	t.Helper()
	s := w.Spec()
	all := s.Tiles()
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, tile := range all {
		if w.Done(tile) {
			t.Errorf("tile %v is done before it is written", tile)
		}
		if err := w.WriteTile(tile, produce(s, tile)); err != nil {
			t.Fatal(err)
		}
		if !w.Done(tile) {
			t.Errorf("tile %v is not done after it is written", tile)
		}
	}
}

func TestMemory(t *testing.T) {
	variants(t, func(t *testing.T, s Spec) {
		m, err := NewMemory(s)
		if err != nil {
			t.Fatal(err)
		}
		writeShuffled(t, m, 1)
		if err := equal(m.Data(), full(s)); err != nil {
			t.Error(err)
		}
		// Written again, with other entries: ignored.
		tile := s.Tiles()[0]
		if err := m.WriteTile(tile, make([]float64, tile.Rows*tile.Cols*m.spec.tail())); err != nil {
			t.Error(err)
		}
		if err := equal(m.Data(), full(s)); err != nil {
			t.Errorf("after a second write: %v", err)
		}
		if got, want := m.Bytes(), int64(len(full(s))*s.DType.Size()); got != want {
			t.Errorf("Bytes: %d, want %d", got, want)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if err := m.WriteTile(tile, produce(s, tile)); !errors.Is(err, ErrClosed) {
			t.Errorf("write after Close: %v", err)
		}
	})
}

// writeConcurrently has several goroutines write every tile, so that each is
// written by all of them.
func writeConcurrently(t *testing.T, w Writer) {
	t.Helper()
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			s := w.Spec()
			all := s.Tiles()
			rand.New(rand.NewPCG(uint64(g%2), 7)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for _, tile := range all {
				if err := w.WriteTile(tile, produce(s, tile)); err != nil {
					t.Error(err)
				}
				if !w.Done(tile) {
					t.Errorf("tile %v is not done after it is written", tile)
				}
			}
		})
	}
	group.Wait()
}

func TestMemoryConcurrent(t *testing.T) {
	s := Spec{N1: 23, N2: 23, Tail: []int{3, 3}, DType: Float32, Symmetric: true, Block1: 3, Block2: 3}
	m, err := NewMemory(s)
	if err != nil {
		t.Fatal(err)
	}
	writeConcurrently(t, m)
	if err := equal(m.Data(), full(s)); err != nil {
		t.Error(err)
	}
}

func TestCompute(t *testing.T) {
	s := Spec{N1: 7, N2: 5, Tail: []int{2}, DType: Float64, Block1: 3, Block2: 2} // 3 × 3 tiles
	m, err := NewMemory(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("signal")
	var heard []int
	made := 0
	make := func(_ context.Context, tile Tile) ([]float64, error) {
		if made++; made == 4 {
			cancel(reason) // while a tile is in the making: it is kept
		}
		return produce(s, tile), nil
	}
	progress := func(done, total int) {
		if total != 9 {
			t.Errorf("total %d, want 9", total)
		}
		heard = append(heard, done)
	}
	if err := Compute(ctx, m, make, progress); !errors.Is(err, reason) {
		t.Errorf("cancelled: %v", err)
	}
	if made != 4 || len(heard) != 4 || heard[3] != 4 {
		t.Errorf("made %d tiles, heard %v, want 4", made, heard)
	}
	broken := errors.New("broken")
	fail := func(context.Context, Tile) ([]float64, error) { return nil, broken }
	if err := Compute(t.Context(), m, fail, nil); !errors.Is(err, broken) {
		t.Errorf("failing: %v", err)
	}
	short := func(context.Context, Tile) ([]float64, error) { return nil, nil }
	if err := Compute(t.Context(), m, short, nil); !errors.Is(err, ErrSpec) {
		t.Errorf("no data: %v", err)
	}
	if err := Compute(t.Context(), m, make, progress); err != nil {
		t.Error(err)
	}
	if made != 9 || len(heard) != 9 || heard[8] != 9 {
		t.Errorf("made %d tiles, heard %v, want each of 9 once", made, heard)
	}
	if err := equal(m.Data(), full(s)); err != nil {
		t.Error(err)
	}
	if err := Compute(ctx, m, fail, nil); err != nil {
		t.Errorf("nothing to do, and cancelled: %v", err)
	}
}
