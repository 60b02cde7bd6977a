package main

import (
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/tiles"
)

// grid is a matrix of g × g tiles of one example.
func grid(g int, symmetric bool) tiles.Spec {
	return tiles.Spec{N1: g, N2: g, DType: tiles.Float32, Symmetric: symmetric, Block1: 1, Block2: 1}
}

// TestSimulate compares with times that can be worked out by hand.
func TestSimulate(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  Run
		want float64
	}{
		// 12 tiles of 2 s after 3 s, one after another.
		{"one worker", Run{Spec: grid(4, false), Stretch: 4, Workers: 1, Cores: 1, Costs: Costs{Start: 3, Tile: 2, End: 1}}, 3 + 16*2 + 1},
		{"and requests", Run{Spec: grid(4, false), Stretch: 4, Workers: 1, Cores: 1, Costs: Costs{Tile: 2, Take: 0.5}}, 16*2 + 4*0.5},
		// 4 stretches of 4 tiles among 3 workers: one of them has two.
		{"three workers", Run{Spec: grid(4, false), Stretch: 4, Workers: 3, Cores: 3, Costs: Costs{Start: 1, Tile: 2}}, 1 + 2*4*2},
		// The same work on one core: it is shared, whoever does it.
		{"one core", Run{Spec: grid(4, false), Stretch: 4, Workers: 2, Cores: 1, Costs: Costs{Start: 1, Tile: 2}}, 2*1 + 16*2},
		{"two cores that slow each other down", Run{Spec: grid(4, false), Stretch: 4, Workers: 2, Cores: 2, Costs: Costs{Start: 1, Tile: 2, Busy: 1.5}}, 1.5 * (1 + 8*2)},
		// The collector takes 5 s for each of 16 tiles, the first after 2 s.
		{"a slow collector", Run{Spec: grid(4, false), Stretch: 4, Workers: 4, Cores: 4, Costs: Costs{Tile: 2, Collect: 5}}, 2 + 16*5},
		// One stretch at a time: the second worker has nothing to do.
		{"one stretch out", Run{Spec: grid(4, false), Stretch: 4, Pending: 1, Workers: 2, Cores: 2, Costs: Costs{Tile: 2}}, 16 * 2},
		// Symmetric 4 × 4 in stretches of a row of up to 4: each column block once,
		// and the row's with the first row; later rows' blocks are kept columns.
		{"blocks of one pass", Run{Spec: grid(4, true), Stretch: 4, Workers: 1, Cores: 1, Costs: Costs{Block: 10}}, 4 * 10},
		// In stretches of 2: columns 0 and 1 have rows 0 and 1, 2 blocks; columns 2
		// and 3 have rows 0 to 3 in another pass, 4 blocks.
		{"blocks of two passes", Run{Spec: grid(4, true), Stretch: 2, Workers: 1, Cores: 1, Costs: Costs{Block: 10}}, (2 + 4) * 10},
	} {
		if tc.run.Costs.Busy == 0 {
			tc.run.Costs.Busy = 1
		}
		if tc.run.Pending == 0 {
			tc.run.Pending = 100
		}
		r, err := Simulate(tc.run)
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(r.Seconds-tc.want) <= 1e-9*tc.want) { // sums of a few numbers
			t.Errorf("%s: %g s, want %g", tc.name, r.Seconds, tc.want)
		}
	}
}

// TestFit finds the costs of a run whose times are made of them.
func TestFit(t *testing.T) {
	want := Costs{Start: 4, Block: 1.5, Tile: 0.25, Take: 0.01, End: 2, Busy: 1}
	m := &Measurement{Spec: grid(5, true), Stretch: 1}
	now := want.Start
	kept := map[int]bool{}
	for col := range 5 { // column by column, stretches of one tile
		clear(kept)
		for row := 0; row <= col; row++ {
			s := want.Tile
			for _, b := range []int{row, col} {
				if !kept[b] {
					s += want.Block
				}
				kept[b] = true
			}
			now += want.Take + s
			m.Records = append(m.Records, Record{tiles.Tile{Row: row, Col: col, Rows: 1, Cols: 1}, "w", s, now})
		}
	}
	m.Seconds = now + want.End
	got, err := fit(m)
	if err != nil {
		t.Fatal(err)
	}
	slow, err := busy(m, got)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][2]float64{
		{got.Start, want.Start}, {got.Block, want.Block}, {got.Tile, want.Tile}, {got.Take, want.Take}, {got.End, want.End}, {slow, 1},
	} {
		if !(math.Abs(p[0]-p[1]) <= 1e-9) { // sums of 15 exact numbers
			t.Errorf("costs %+v, want %+v", got, want)
			break
		}
	}
	if _, err := fit(&Measurement{Spec: m.Spec, Stretch: 1, Records: m.Records[:1]}); err == nil {
		t.Error("one tile tells no costs")
	}
}

// TestDocument predicts runs whose times come from the simulation itself, and finds
// them as they are; larger fleets are not slower, and their collector is busier.
func TestDocument(t *testing.T) {
	defer func(n []int) { sizes = n }(sizes)
	sizes = []int{100_000}
	costs := Costs{Start: 4, Block: 1.5, Tile: 0.25, Take: 0.01, End: 2, Busy: 1, Collect: 0.01}
	run := func(g, workers int) *Measurement {
		m := &Measurement{Workers: workers, Spec: tiles.Spec{N1: 256 * g, N2: 256 * g, DType: tiles.Float32, Symmetric: true, Block1: 256, Block2: 256}, Stretch: 1, Pending: 64}
		r, err := Simulate(Run{Spec: m.Spec, Stretch: 1, Pending: 64, Workers: workers, Cores: 2, Costs: costs})
		if err != nil {
			t.Fatal(err)
		}
		m.Seconds = r.Seconds
		return m
	}
	fit := run(5, 1)
	stretches, err := fit.Spec.Stretches(1)
	if err != nil {
		t.Fatal(err)
	}
	p, now := newPass(), costs.Start
	for _, s := range stretches {
		tile := fit.Spec.Tiles()[s.First]
		p.begin(tile.Row)
		seconds := float64(p.tile(tile))*costs.Block + costs.Tile
		now += costs.Take + seconds
		fit.Records = append(fit.Records, Record{tile, "w", seconds, now})
	}
	m := &Measured{
		Commit: "c", Machine: "m", Cores: 2, Network: network, Block: 256, Fit: fit, Both: fit, Runs: []*Measurement{run(8, 1), run(8, 2), run(8, 4)},
		Capacity: []Capacity{{256, 1 << 18, 0.01, 0.02, 200}, {1024, 1 << 22, 0.1, 0.2, 200}}, SubjectBytes: 100,
	}
	for _, r := range m.Runs {
		p, err := m.predict(r)
		// Costs are rounded, so that ties between workers on one core may be broken
		// another way: then one has a tile more in the end.
		if err != nil || !(math.Abs(p.Seconds-r.Seconds) <= costs.Block+costs.Tile) {
			t.Errorf("%d workers: predicted %g s (%v), want %g", r.Workers, p.Seconds, err, r.Seconds)
		}
	}
	text, err := m.document()
	if err != nil || strings.Contains(text, "NaN") || strings.Contains(text, "%!") {
		t.Errorf("the document: %v, %s", err, text)
	}
	var last Forecast
	for _, w := range []int{8, 64, 512} {
		f, err := m.forecast(Fleet{100_000, w, m.Capacity[1]})
		if err != nil {
			t.Fatal(err)
		}
		if last.Workers > 0 && (f.Seconds > last.Seconds || f.Result.Collector < last.Result.Collector) {
			t.Errorf("%d workers take %g s, the collector busy for %g of it; %d take %g, %g", w, f.Seconds, f.Result.Collector, last.Workers, last.Seconds, last.Result.Collector)
		}
		last = f
	}
}
