package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gontk/ntk/internal/tiles"
)

var errFew = errors.New("too few tiles to tell costs by")

// workOf says, for every record, how many blocks its worker had to evaluate for
// it.
func workOf(m *Measurement) ([]int, error) {
	stretches, err := m.Spec.Stretches(m.Stretch)
	if err != nil {
		return nil, err
	}
	of := map[tiles.Tile]int{}
	all := m.Spec.Tiles()
	for i, s := range stretches {
		for _, t := range all[s.First : s.First+s.Tiles] {
			of[t] = i
		}
	}
	passes, last := map[string]*pass{}, map[string]int{}
	out := make([]int, len(m.Records))
	for i, r := range m.Records {
		p := passes[r.Worker]
		if p == nil {
			p = newPass()
			passes[r.Worker], last[r.Worker] = p, -1
		}
		stretch, ok := of[r.Tile]
		if !ok {
			return nil, fmt.Errorf("a record has tile %v, which is none of the array's", r.Tile)
		}
		if stretch != last[r.Worker] {
			p.begin(r.Tile.Row)
		}
		last[r.Worker] = stretch
		out[i] = p.tile(r.Tile)
	}
	return out, nil
}

// fit finds the costs of a run of one worker: that of a tile from those for which
// no block is evaluated; then that of a block from the
// others, by least squares; and from the times of the records those of the start
// and of taking a stretch.
func fit(m *Measurement) (Costs, error) {
	work, err := workOf(m)
	if err != nil {
		return Costs{}, err
	}
	alone, sum, squares := 0, 0.0, 0.0
	var takes []float64
	c := Costs{Busy: 1}
	for i, r := range m.Records {
		if work[i] == 0 {
			alone++
			c.Tile += r.Seconds
		}
		if i > 0 {
			takes = append(takes, max(0, r.At-m.Records[i-1].At-r.Seconds))
		}
	}
	if alone == 0 || alone == len(m.Records) {
		return Costs{}, fmt.Errorf("%w: %d of %d need no block", errFew, alone, len(m.Records))
	}
	c.Tile /= float64(alone)
	for i, r := range m.Records {
		b := float64(work[i])
		sum += b * (r.Seconds - c.Tile)
		squares += b * b
	}
	c.Block = max(0, sum/squares)
	slices.Sort(takes)
	c.Take = takes[len(takes)/2]
	first, last := m.Records[0], m.Records[len(m.Records)-1]
	c.Start, c.End = max(0, first.At-first.Seconds-c.Take), m.Seconds-last.At
	return c, nil
}

// busy is how many times longer tiles take than costs say, in a run of as many
// workers as there are cores.
func busy(m *Measurement, c Costs) (float64, error) {
	work, err := workOf(m)
	if err != nil {
		return 0, err
	}
	want, got := 0.0, 0.0
	for i, blocks := range work {
		want += float64(blocks)*c.Block + c.Tile
		got += m.Records[i].Seconds
	}
	return got / want, nil
}
