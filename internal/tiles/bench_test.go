package tiles

import (
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkWriteTile measures a tile above the diagonal with its mirror, of
// 64 × 64 examples and 10 × 10 outputs, into memory and to a file.
func BenchmarkWriteTile(b *testing.B) {
	for _, d := range []DType{Float32, Float64} {
		s := Spec{N1: 128, N2: 128, Tail: []int{10, 10}, DType: d, Symmetric: true, Block1: 64, Block2: 64}
		tile := s.Tiles()[1]
		data := produce(s, tile)
		stored := int64(2 * len(data) * d.Size())
		b.Run(fmt.Sprintf("memory/%s", d), func(b *testing.B) {
			b.SetBytes(stored)
			m, err := NewMemory(s)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				m.ledger = newLedger(s.count()) // or only the first would count
				if err := m.WriteTile(tile, data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("file/%s", d), func(b *testing.B) {
			b.SetBytes(stored)
			f, err := CreateNPY(filepath.Join(b.TempDir(), "theta.npy"), s, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			for b.Loop() {
				f.ledger = newLedger(s.count())
				if err := f.WriteTile(tile, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
