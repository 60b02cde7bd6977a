package tiles

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

// cuts are arrays and ways to cut them: even, ragged, single, finer than
// needed, blocks larger than the array.
var cuts = []Spec{
	{N1: 1, N2: 1, Block1: 1, Block2: 1},
	{N1: 1, N2: 1},
	{N1: 1, N2: 5, Block1: 3, Block2: 2},
	{N1: 6, N2: 4, Block1: 2, Block2: 2},
	{N1: 7, N2: 5, Block1: 3, Block2: 2},
	{N1: 7, N2: 5, Block1: 1, Block2: 100},
	{N1: 7, N2: 5},
	{N1: 1, N2: 1, Block1: 1, Block2: 1, Symmetric: true},
	{N1: 6, N2: 6, Block1: 2, Block2: 2, Symmetric: true},
	{N1: 7, N2: 7, Block1: 3, Block2: 3, Symmetric: true},
	{N1: 7, N2: 7, Block1: 1, Block2: 1, Symmetric: true},
	{N1: 7, N2: 7, Symmetric: true},
	{N1: 1, N2: 1, Symmetric: true, Packed: true},
	{N1: 7, N2: 7, Block1: 3, Block2: 3, Symmetric: true, Packed: true},
	{N1: 6, N2: 6, Block1: 2, Block2: 2, Symmetric: true, Packed: true},
}

func name(s Spec) string {
	kind := "full"
	if s.Symmetric {
		kind = "symmetric"
	}
	if s.Packed {
		kind = "packed"
	}
	return fmt.Sprintf("%s %dx%d%v by %dx%d %s", kind, s.N1, s.N2, s.Tail, s.Block1, s.Block2, s.DType)
}

// TestTilesCover counts how often tiles, and their mirrors, cover each pair.
func TestTilesCover(t *testing.T) {
	for _, s := range cuts {
		s.DType = Float32
		t.Run(name(s), func(t *testing.T) {
			count := make([]int, s.N1*s.N2)
			all := s.Tiles()
			for at, tile := range all {
				for m := tile.Row; m < tile.Row+tile.Rows; m++ {
					for n := tile.Col; n < tile.Col+tile.Cols; n++ {
						count[m*s.N2+n]++
						if s.Symmetric && tile.Row != tile.Col {
							count[n*s.N2+m]++
						}
					}
				}
				if i, err := s.normal().index(tile); i != at || err != nil {
					t.Errorf("tile %d %v has index %d, %v", at, tile, i, err)
				}
			}
			for k, c := range count {
				if c != 1 {
					t.Errorf("pair (%d, %d) is covered %d times", k/s.N2, k%s.N2, c)
				}
			}
			if got := s.normal().count(); got != len(all) {
				t.Errorf("count %d of %d tiles", got, len(all))
			}
		})
	}
}

func TestSpecRefused(t *testing.T) {
	ok := Spec{N1: 4, N2: 4, DType: Float32, Block1: 2, Block2: 2}
	for what, change := range map[string]func(*Spec){
		"no examples":              func(s *Spec) { s.N1 = 0 },
		"negative examples":        func(s *Spec) { s.N2 = -1 },
		"no dtype":                 func(s *Spec) { s.DType = "" },
		"unknown dtype":            func(s *Spec) { s.DType = "bfloat16" },
		"three tail axes":          func(s *Spec) { s.Tail = []int{1, 1, 1} },
		"empty tail axis":          func(s *Spec) { s.Tail = []int{2, 0} },
		"negative block":           func(s *Spec) { s.Block1 = -1 },
		"symmetric, not square":    func(s *Spec) { s.Symmetric, s.N2 = true, 5 },
		"symmetric, blocks":        func(s *Spec) { s.Symmetric, s.Block2 = true, 1 },
		"symmetric, outputs":       func(s *Spec) { s.Symmetric, s.Tail = true, []int{2, 3} },
		"beyond an int64":          func(s *Spec) { s.N1, s.N2, s.Block1, s.Block2 = math.MaxInt, math.MaxInt, 0, 0 },
		"beyond an int64 in bytes": func(s *Spec) { s.N1, s.N2, s.Block1, s.Block2 = 1<<31-1, 1<<31-1, 0, 0 },
		"packed, not symmetric":    func(s *Spec) { s.Packed = true },
		"part of no tiles":         func(s *Spec) { s.Part.First = 1 },
		"part beyond the end":      func(s *Spec) { s.Part = Part{3, 2} },
		"part with an overflow":    func(s *Spec) { s.Part = Part{math.MaxInt, 2} },
		"part before the start":    func(s *Spec) { s.Part = Part{-1, 2} },
		"packed part":              func(s *Spec) { s.Symmetric, s.Packed, s.Part = true, true, Part{0, 1} },
		"too many tiles":           func(s *Spec) { s.N1, s.N2 = 1<<20, 1<<20 },
	} {
		s := ok
		change(&s)
		err := s.Validate()
		if !errors.Is(err, ErrSpec) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
		if s.Tiles() != nil || s.Bytes() != 0 {
			t.Errorf("%s: tiles or bytes of an invalid spec", what)
		}
		if _, err := NewMemory(s); !errors.Is(err, ErrSpec) {
			t.Errorf("%s: NewMemory: %v", what, err)
		}
	}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
	if got := (Spec{N1: 3, N2: 5, Tail: []int{2, 7}, DType: Float64}).Bytes(); got != 3*5*2*7*8 {
		t.Errorf("Bytes: %d", got)
	}
	if _, err := NewMemory(Spec{N1: 1 << 25, N2: 1 << 25, DType: Float64}); !errors.Is(err, ErrSpec) {
		t.Errorf("an array of 2⁵³ bytes: %v", err)
	}
}

func TestTileRefused(t *testing.T) {
	s := Spec{N1: 5, N2: 5, Tail: []int{2}, DType: Float32, Symmetric: true, Block1: 2, Block2: 2}
	m, err := NewMemory(s)
	if err != nil {
		t.Fatal(err)
	}
	for what, tile := range map[string]Tile{
		"below the diagonal": {2, 0, 2, 2},
		"off the grid":       {0, 1, 2, 2},
		"beyond the end":     {6, 6, 2, 2},
		"negative":           {-2, 0, 2, 2},
		"not ragged":         {4, 4, 2, 2},
		"empty":              {},
	} {
		data := make([]float64, max(tile.Rows*tile.Cols*2, 0))
		if err := m.WriteTile(tile, data); !errors.Is(err, ErrSpec) {
			t.Errorf("%s: %v", what, err)
		}
		if m.Done(tile) {
			t.Errorf("%s: done", what)
		}
	}
	good := Tile{0, 2, 2, 2}
	if err := m.WriteTile(good, make([]float64, 7)); !errors.Is(err, ErrSpec) {
		t.Errorf("7 of 8 entries: %v", err)
	}
	big := make([]float64, 8)
	big[5] = 1e39
	err = m.WriteTile(good, big)
	if !errors.Is(err, ErrRange) || !strings.Contains(err.Error(), "examples (1, 2), entry 1") {
		t.Errorf("1e39 in float32: %v", err)
	}
	if m.Done(good) {
		t.Error("a refused tile is done")
	}
	// The largest finite float64 that rounds to a finite float32, and values
	// that are not finite to begin with.
	big[5], big[6], big[7] = math.MaxFloat32*(1+1e-9), math.Inf(-1), math.NaN()
	if err := m.WriteTile(good, big); err != nil {
		t.Error(err)
	}
	got := m.Data().([]float32)[(1*5+2)*2:]
	if got[1] != math.MaxFloat32 || !math.IsInf(float64(got[2]), -1) || got[3] == got[3] {
		t.Errorf("stored %v", got[:4])
	}
}
