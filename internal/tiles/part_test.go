package tiles

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// partCost is the cost of tiles by plain loops: theirs, and that of the blocks
// of examples that they need.
func partCost(s Spec, tiles []Tile, tile func(Tile) float64, block float64) float64 {
	sum := 0.0
	need := map[string]bool{}
	for _, t := range tiles {
		sum += tile(t)
		col := fmt.Sprint("x2 ", t.Col)
		if s.Symmetric {
			col = fmt.Sprint("x1 ", t.Col)
		}
		need[fmt.Sprint("x1 ", t.Row)], need[col] = true, true
	}
	return sum + block*float64(len(need))
}

// cheapest tries every way to cut tiles into n stretches, and returns the cost
// of the dearest stretch of the best.
func cheapest(s Spec, tiles []Tile, n int, tile func(Tile) float64, block float64) float64 {
	if n == 1 {
		return partCost(s, tiles, tile, block)
	}
	best := -1.0
	for k := 1; k <= len(tiles)-n+1; k++ {
		c := max(partCost(s, tiles[:k], tile, block), cheapest(s, tiles[k:], n-1, tile, block))
		if best < 0 || c < best {
			best = c
		}
	}
	return best
}

func TestSplit(t *testing.T) {
	area := func(t Tile) float64 { return float64(t.Rows * t.Cols) }
	for _, s := range cuts {
		s.DType, s.Packed = Float64, false
		all := s.Tiles()
		for _, n := range []int{1, 2, 3, 4, len(all)} {
			for _, block := range []float64{0, 1, 30} {
				parts, err := s.Split(n, area, block)
				if n > len(all) {
					if !errors.Is(err, ErrSpec) {
						t.Errorf("%s: %d parts of %d tiles: %v", name(s), n, len(all), err)
					}
					continue
				}
				if err != nil || len(parts) != n {
					t.Fatalf("%s: %d parts: %v, %v", name(s), n, parts, err)
				}
				next, dearest := 0, 0.0
				for _, p := range parts {
					if p.First != next || p.Tiles < 1 {
						t.Fatalf("%s: parts %v", name(s), parts)
					}
					stretch := all[next : next+p.Tiles]
					next += p.Tiles
					dearest = max(dearest, partCost(s, stretch, area, block))
				}
				if next != len(all) {
					t.Errorf("%s: parts %v of %d tiles", name(s), parts, len(all))
				}
				if n > 4 {
					continue // every way to cut: too many
				}
				if want := cheapest(s, all, n, area, block); dearest > want*(1+1e-6) { // bisection stops at 1e-9 of the sum
					t.Errorf("%s: %d parts, blocks at %g: the dearest costs %g, want %g", name(s), n, block, dearest, want)
				}
			}
		}
	}
}

// parts computes an array in n parts, each by a writer of its own.
func parts(t *testing.T, s Spec, n int, m Manifest) []string {
	t.Helper()
	split, err := s.Split(n, func(t Tile) float64 { return float64(t.Rows * t.Cols) }, 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var paths []string
	for i, p := range split {
		s.Part = p
		path := filepath.Join(dir, fmt.Sprintf("theta-%d.npy", i))
		f, err := CreateNPY(path, s, m)
		if err != nil {
			t.Fatal(err)
		}
		writeShuffled(t, f, uint64(i))
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestJoin(t *testing.T) {
	variants(t, func(t *testing.T, s Spec) {
		packed := s.Packed
		s.Packed = false
		n := min(3, len(s.Tiles()))
		paths := parts(t, s, n, testManifest)
		paths[0], paths[n-1] = paths[n-1], paths[0] // in any order
		out := filepath.Join(t.TempDir(), "theta.npy")
		heard := 0
		spec, err := Join(t.Context(), out, paths, packed, func(done, total int) {
			if heard++; done != heard || total != len(s.Tiles()) {
				t.Errorf("heard %d of %d", done, total)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if spec.Part != (Part{}) || spec.Packed != packed || heard != len(s.Tiles()) {
			t.Errorf("spec %+v, heard %d", spec, heard)
		}
		s.Packed = packed
		checkFile(t, out, s)
		// Joined again, there is nothing to do.
		if _, err := Join(t.Context(), out, paths, packed, func(int, int) { t.Error("a tile was written again") }); err != nil {
			t.Error(err)
		}
	})
}

// TestJoinRefused gives parts that do not make one array; nothing is made.
func TestJoinRefused(t *testing.T) {
	s := resumeSpec
	good := parts(t, s, 3, testManifest)
	other := parts(t, s, 3, Manifest{"model": "sha256:1", "seed": "8"})
	finer := s
	finer.Block1, finer.Block2 = 2, 2
	cut := parts(t, finer, 3, testManifest)
	halves := parts(t, s, 2, testManifest)
	whole := interrupted(t, s, 10)
	unfinished := parts(t, s, 3, testManifest)
	damaged := parts(t, s, 3, testManifest)
	b := read(t, damaged[1])
	b[len(b)-1] ^= 1
	if err := os.WriteFile(damaged[1], b, 0o644); err != nil {
		t.Fatal(err)
	}
	log := read(t, journalPath(unfinished[2]))
	lines := strings.SplitAfter(string(log), "\n")
	if err := os.WriteFile(journalPath(unfinished[2]), []byte(strings.Join(lines[:len(lines)-3], "")), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		what  string
		paths []string
		err   error
		want  string
	}{
		{"none", nil, ErrParts, "none"},
		{"the first missing", good[1:], ErrParts, "tiles 0 to"},
		{"one in the middle missing", []string{good[0], good[2]}, ErrParts, "is missing"},
		{"the last missing", good[:2], ErrParts, "to 9 is missing"},
		{"one twice", append(good[:3:3], good[1]), ErrParts, "of another part"},
		{"another seed", []string{good[0], other[1], good[2]}, ErrParts, `"seed" is "7" in`},
		{"another cut", []string{good[0], cut[1], good[2]}, ErrParts, `"block1" is "3" in`},
		{"of other parts", []string{good[0], halves[1]}, ErrParts, "tiles"},
		{"a whole array", []string{whole}, ErrParts, "no part"},
		{"one damaged", damaged, ErrDamaged, damaged[1]},
		{"one unfinished", unfinished, ErrIncomplete, unfinished[2]},
		{"no journal", []string{good[0] + "x"}, ErrJournal, "no such file"},
	} {
		out := filepath.Join(t.TempDir(), "theta.npy")
		_, err := Join(t.Context(), out, tc.paths, false, nil)
		if !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %v … %s", tc.what, err, tc.err, tc.want)
		}
		if left, _ := os.ReadDir(filepath.Dir(out)); len(left) != 0 {
			t.Errorf("%s: left %v", tc.what, left)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Join(ctx, filepath.Join(t.TempDir(), "theta.npy"), good, false, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, _, err := ReadGram(t.Context(), good[0]); !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), "part") {
		t.Errorf("reading a part: %v", err)
	}
}
