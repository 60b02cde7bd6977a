package tiles

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"
)

// entry is what the test puts at Θ[m, n, o, p]: symmetric under (m, o) ↔ (n, p).
func entry(m, n, o, p int) float64 {
	return float64(1000*min(m, n)+100*max(m, n)) + float64(m*p+n*o)/8
}

// tileOf are the entries of a tile of [7, 7, 2, 2].
func tileOf(t Tile) []float64 {
	var data []float64
	for i := range t.Rows {
		for j := range t.Cols {
			for o := range 2 {
				for p := range 2 {
					data = append(data, entry(t.Row+i, t.Col+j, o, p))
				}
			}
		}
	}
	return data
}

// TestWire sends tiles as bytes, and through parts, and compares them with the
// function that they were made of.
func TestWire(t *testing.T) {
	for _, d := range []DType{Float32, Float64} {
		s := Spec{N1: 7, N2: 7, Tail: []int{2, 2}, DType: d, Symmetric: true, Block1: 3, Block2: 3}
		part := s
		part.Part = Part{First: 1, Tiles: 3}
		path := filepath.Join(t.TempDir(), "part.npy")
		m := Manifest{"model": "f"}
		f, err := CreateNPY(path, part, m)
		if err != nil {
			t.Fatal(err)
		}
		for k, tile := range s.Tiles() {
			want := tileOf(tile)
			raw, crc, err := s.EncodeTile(tile, want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.DecodeTile(tile, raw, crc)
			if err != nil || !slices.Equal(got, want) { // small dyadic numbers: exact in float32
				t.Errorf("%s, tile %v: got %v, %v, want %v", d, tile, got, err, want)
			}
			for _, i := range []int{0, len(raw) / 2, len(raw) - 1} {
				bad := slices.Clone(raw)
				bad[i] ^= 4
				if _, err := s.DecodeTile(tile, bad, crc); !errors.Is(err, ErrDamaged) {
					t.Errorf("%s, tile %v: byte %d flipped: %v", d, tile, i, err)
				}
			}
			if _, err := s.DecodeTile(tile, raw[1:], crc); !errors.Is(err, ErrDamaged) {
				t.Errorf("cut: %v", err)
			}
			if k < 1 || k > 2 { // of the part's three, the last is not written
				continue
			}
			if err := f.WriteTile(tile, want); err != nil {
				t.Fatal(err)
			}
			got, err = ReadPartTile(t.Context(), path, s, m, tile)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, tile %v of the part: got %v, %v, want %v", d, tile, got, err, want)
			}
		}
		all := s.Tiles()
		if _, err := ReadPartTile(t.Context(), path, s, m, all[3]); !errors.Is(err, ErrIncomplete) {
			t.Errorf("a tile that is not there: %v", err)
		}
		if _, err := ReadPartTile(t.Context(), path, s, m, all[0]); !errors.Is(err, ErrSpec) {
			t.Errorf("a tile of another part: %v", err)
		}
		if _, err := ReadPartTile(t.Context(), path, s, Manifest{"model": "g"}, all[1]); !errors.Is(err, ErrMismatch) {
			t.Errorf("another manifest: %v", err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := Remove(path); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(path + "*"); left != nil {
			t.Errorf("Remove left %v", left)
		}
		if err := Remove(path); err != nil {
			t.Errorf("again: %v", err)
		}
	}
	s := Spec{N1: 2, N2: 2, DType: Float32, Symmetric: true}
	if _, _, err := s.EncodeTile(s.Tiles()[0], []float64{1, 2, 2, math.MaxFloat64}); !errors.Is(err, ErrRange) {
		t.Errorf("an entry beyond float32: %v", err)
	}
}

// TestStretches counts every tile once, finds each stretch in one row, and meets
// columns in stripes from the left, each downwards.
func TestStretches(t *testing.T) {
	for _, symmetric := range []bool{true, false} {
		for n := 1; n <= 9; n++ {
			s := Spec{N1: 21, N2: 21, DType: Float64, Symmetric: symmetric, Block1: 3, Block2: 3}
			all := s.Tiles()
			stretches, err := s.Stretches(n)
			if err != nil {
				t.Fatal(err)
			}
			seen := make([]int, len(all))
			stripe, row := 0, -1
			for _, x := range stretches {
				tiles := all[x.First : x.First+x.Tiles]
				for i, tile := range tiles {
					seen[x.First+i]++
					if tile.Row/3 != x.Row || tile.Col/3/n != tiles[0].Col/3/n {
						t.Errorf("stretch %v has tile %v of another row or stripe", x, tile)
					}
					if k, err := s.Index(tile); k != x.First+i || err != nil {
						t.Errorf("Index of tile %d is %d, %v", x.First+i, k, err)
					}
				}
				now := tiles[0].Col / 3 / n
				if now < stripe || now == stripe && x.Row <= row {
					t.Errorf("n = %d: row %d of stripe %d after row %d of stripe %d", n, x.Row, now, row, stripe)
				}
				stripe, row = now, x.Row
			}
			for i, k := range seen {
				if k != 1 {
					t.Errorf("n = %d, symmetric %v: tile %d is in %d stretches", n, symmetric, i, k)
				}
			}
		}
	}
	if _, err := (Spec{N1: 2, N2: 2, DType: Float32}).Stretches(0); !errors.Is(err, ErrSpec) {
		t.Errorf("stretches of no tiles: %v", err)
	}
}
