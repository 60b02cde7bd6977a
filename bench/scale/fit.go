package main

import (
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

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

// fit finds the costs of blocks, tiles and diagonal tiles by least squares, from
// a run of one worker, and from the times of its records those of its start and
// of taking a stretch.
func fit(m *Measurement) (Costs, error) {
	n := len(m.Records)
	if n < 6 {
		return Costs{}, fmt.Errorf("%w: %d", errFew, n)
	}
	a, b := mat.NewDense(n, 3, nil), mat.NewVecDense(n, nil)
	var takes []float64
	work, err := workOf(m)
	if err != nil {
		return Costs{}, err
	}
	for i, blocks := range work {
		r := m.Records[i]
		a.Set(i, 0, float64(blocks))
		if r.Tile.Row == r.Tile.Col {
			a.Set(i, 2, 1)
		} else {
			a.Set(i, 1, 1)
		}
		b.SetVec(i, r.Seconds)
		if i > 0 {
			takes = append(takes, max(0, r.At-m.Records[i-1].At-r.Seconds))
		}
	}
	var x mat.VecDense
	if err := x.SolveVec(a, b); err != nil {
		return Costs{}, fmt.Errorf("%w: %w", errFew, err)
	}
	slices.Sort(takes)
	first, last := m.Records[0], m.Records[n-1]
	take := takes[len(takes)/2]
	return Costs{
		Start: max(0, first.At-first.Seconds-take), Block: max(0, x.AtVec(0)), Tile: max(0, x.AtVec(1)), Diagonal: max(0, x.AtVec(2)),
		Take: take, End: m.Seconds - last.At, Busy: 1,
	}, nil
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
		r := m.Records[i]
		want += float64(blocks) * c.Block
		if r.Tile.Row == r.Tile.Col {
			want += c.Diagonal
		} else {
			want += c.Tile
		}
		got += r.Seconds
	}
	return max(1, got/want), nil
}
