package main

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gontk/ntk/internal/queue"
	"github.com/gontk/ntk/internal/tiles"
)

// costs are those that were measured on tiles of m.Block examples, scaled to
// another block: blocks cost as their examples, tiles as their pairs.
func (m *Measured) costs(c Capacity) (Costs, error) {
	costs, err := fit(m.Fit)
	if err != nil {
		return Costs{}, err
	}
	k := float64(c.Block) / float64(m.Block)
	costs.Block *= k
	costs.Tile *= k * k
	costs.Collect = c.Server
	return costs, nil
}

// predict simulates a measured run.
func (m *Measured) predict(r *Measurement) (Result, error) {
	costs, err := m.costs(m.Capacity[0])
	if err != nil {
		return Result{}, err
	}
	if costs.Busy, err = busy(m.Both, costs); err != nil {
		return Result{}, err
	}
	return Simulate(Run{Spec: r.Spec, Stretch: r.Stretch, Pending: r.Pending, Workers: r.Workers, Cores: m.Cores, Costs: costs})
}

// A Fleet is a matrix and the workers, of one core of this machine each, that a
// prediction is made of.
type Fleet struct {
	N, Workers int
	Capacity   Capacity
}

func (f Fleet) spec() tiles.Spec {
	return tiles.Spec{N1: f.N, N2: f.N, DType: tiles.Float32, Symmetric: true, Block1: f.Capacity.Block, Block2: f.Capacity.Block}
}

// A Forecast is what the simulation says of a fleet.
type Forecast struct {
	Fleet
	Result
	Tiles int
}

// longest is the length of stretches that gram chooses where there are many tiles.
const longest = 8

func (m *Measured) forecast(f Fleet) (Forecast, error) {
	costs, err := m.costs(f.Capacity)
	if err != nil {
		return Forecast{}, err
	}
	job := queue.Job{Spec: f.spec(), Stretch: longest}.Filled()
	r, err := Simulate(Run{Spec: job.Spec, Stretch: job.Stretch, Pending: job.Pending, Workers: f.Workers, Cores: f.Workers, Costs: costs})
	if err != nil {
		return Forecast{}, err
	}
	g := (f.N + f.Capacity.Block - 1) / f.Capacity.Block
	return Forecast{Fleet: f, Result: r, Tiles: g * (g + 1) / 2}, nil
}

// sizes are the matrices of forecasts.
var sizes = []int{100_000, 1_000_000}

func (m *Measured) document() (string, error) {
	if len(m.Capacity) == 0 || len(m.Runs) == 0 {
		return "", errors.New("nothing is measured")
	}
	costs, err := m.costs(m.Capacity[0])
	if err != nil {
		return "", err
	}
	slow, err := busy(m.Both, costs)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) }
	put("# Beyond one machine\n\nWritten by `make results-scale`: %s, commit %s. The network is `%s`, Θ is `--outputs trace` in float32.\nA worker has one core of this machine and one thread.\n\n", m.Machine, m.Commit, strings.Join(m.Network, " "))
	put("## What the parts cost\n\nOf tiles of %d × %d examples, from a run of one worker on %d examples (%d tiles); two workers at once, each on its own core,\ntake %.2f times as long for the same tile.\n\n", m.Block, m.Block, m.Fit.Spec.N1, len(m.Fit.Records), slow)
	put("| part | seconds |\n|---|---:|\n| a worker's start: data, program, compilation | %.2f |\n| cotangents and activations of a block of examples | %.3f |\n| a tile of two blocks, and sending it | %.3f |\n| from the end of a stretch to the next one | %.4f |\n| from the last tile to the end of `gram` | %.2f |\n\n", costs.Start, costs.Block, costs.Tile, costs.Take, costs.End)
	put("Where workers compute nothing and only send, four of them, with server and collector on the same two cores and one disk:\n\n| block | bytes of a tile | tiles a second through the server | MB/s | tiles a second through a folder | MB/s |\n|---:|---:|---:|---:|---:|---:|\n")
	for _, c := range m.Capacity {
		mb := float64(c.Bytes) / 1e6
		put("| %d | %s | %.0f | %.0f | %.0f | %.0f |\n", c.Block, bytesText(float64(c.Bytes)), 1/c.Server, mb/c.Server, 1/c.Folder, mb/c.Folder)
	}
	put("\nThe server keeps a record of every finished tile until the job ends: %.0f bytes on its disk and %.0f in its memory.\n\n", m.Capacity[0].RecordBytes, m.SubjectBytes)
	if err := m.compared(put); err != nil {
		return "", err
	}
	if err := m.forecasts(put); err != nil {
		return "", err
	}
	return b.String(), nil
}

// compared sets predictions beside measurements.
func (m *Measured) compared(put func(string, ...any)) error {
	put("## Simulated and measured\n\n`bench/scale` simulates the run event by event: the order of stretches, which blocks of examples a worker still has, cores\nthat workers share, the collector, the bound on stretches that wait. The runs below took no part in the costs above.\n\n| examples | tiles | workers | measured, s | predicted, s | off by |\n|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range m.Runs {
		p, err := m.predict(r)
		if err != nil {
			return err
		}
		put("| %d | %d | %d | %.1f | %.1f | %+.0f %% |\n", r.Spec.N1, len(r.Records), r.Workers, r.Seconds, p.Seconds, 100*(p.Seconds/r.Seconds-1))
	}
	if w := m.Whole; w != nil {
		f := Fleet{N: w.N, Workers: w.Workers, Capacity: m.Capacity[0]}
		job := queue.Job{Spec: f.spec(), Stretch: longest}.Filled()
		p, err := m.predict(&Measurement{Spec: job.Spec, Stretch: job.Stretch, Pending: job.Pending, Workers: w.Workers})
		if err != nil {
			return err
		}
		put("\nComputed for real, through the queue: the Trace kernel of %d images, %d tiles, by %d workers in %.0f s. The machine had other\nwork meanwhile; left to itself it would take %.0f s by the simulation. `ntk verify` found every tile as it was sent.\n\n```sh\n%s\n```\n",
			w.N, len(job.Spec.Tiles()), w.Workers, w.Seconds, p.Seconds, w.Command)
	}
	put("\n")
	return nil
}

// forecasts tell of matrices and fleets that this machine does not have.
func (m *Measured) forecasts(put func(string, ...any)) error {
	put("## Larger matrices, more workers\n\nEach worker on a core like this machine's, server and collector on one machine like this. Costs of other blocks are scaled,\nnot measured: a block's as its examples, a tile's as its pairs. Traffic is tiles into and out of the server; through a shared\nfolder it goes to the file system instead. Storage is `theta.npy`, whole; `--packed` takes half.\n\n")
	put("| N | block | workers | time | of it lost to waiting | collector busy | tiles that wait | tiles a second | traffic | storage | server's memory |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, n := range sizes {
		for _, c := range m.Capacity {
			if c.Block != 256 && c.Block != 1024 {
				continue
			}
			for _, w := range []int{8, 64, 512} {
				f, err := m.forecast(Fleet{n, w, c})
				if err != nil {
					return err
				}
				put("| %s | %d | %d | %s | %.0f %% | %.0f %% | %d | %.1f | %s | %s | %s |\n", power(n), c.Block, w, durationText(f.Seconds), 100*f.Idle, 100*f.Collector, f.Backlog,
					float64(f.Tiles)/f.Seconds, bytesText(2*float64(f.Tiles)*float64(c.Bytes)), bytesText(4*float64(n)*float64(n)), bytesText(float64(f.Tiles)*m.SubjectBytes))
			}
		}
	}
	put("\nWhere it breaks:\n\n")
	for _, c := range m.Capacity {
		scaled, err := m.costs(c)
		if err != nil {
			return err
		}
		// In a stretch of eight tiles the row's block is evaluated once.
		tile := scaled.Tile + scaled.Block/longest
		put("- Tiles of %d examples: a worker makes one in %.2f s, the collector stores one in %.1f ms. So %.0f workers keep it busy, and more of them wait.\n", c.Block, tile, 1000*c.Server, tile/c.Server)
	}
	last := m.Capacity[len(m.Capacity)-1]
	for _, c := range m.Capacity {
		job := queue.Job{Spec: Fleet{N: 100_000, Capacity: c}.spec(), Stretch: longest}.Filled()
		put("- At most %d stretches of tiles of %d examples are out at once (4 GiB, and 64 at least): as many workers have work.\n", job.Pending, c.Block)
	}
	tilesOf := func(n, block int) float64 { g := math.Ceil(float64(n) / float64(block)); return g * (g + 1) / 2 }
	put("- N = 10⁶ takes %s on one disk, and writing it at the rate above takes %s at least, whatever the number of workers. Where that is too\n  long, `--shard i/n` has no collector: each of n machines writes a file of its own, and only `merge` reads them all.\n",
		bytesText(4e12), durationText(tilesOf(1_000_000, last.Block)*last.Folder))
	put("- In tiles of 256 examples N = 10⁶ has %.1f million tiles, and the server needs %s of memory for their records; with --block 1024 it has %.2f million, and %s.\n",
		tilesOf(1_000_000, 256)/1e6, bytesText(tilesOf(1_000_000, 256)*m.SubjectBytes), tilesOf(1_000_000, 1024)/1e6, bytesText(tilesOf(1_000_000, 1024)*m.SubjectBytes))
	put("\nNot in the simulation: the network's latency and bandwidth, workers that differ or die, disks whose rate falls when they fill.\n")
	return nil
}

func power(n int) string { return map[int]string{100_000: "10⁵", 1_000_000: "10⁶"}[n] }

func bytesText(b float64) string {
	for _, u := range []string{"B", "KB", "MB", "GB"} {
		if b < 1000 {
			return fmt.Sprintf("%.3g %s", b, u)
		}
		b /= 1000
	}
	return fmt.Sprintf("%.3g TB", b)
}

func durationText(s float64) string {
	if s >= 48*3600 {
		return fmt.Sprintf("%.1f days", s/86400)
	}
	d := time.Duration(s * float64(time.Second))
	if s >= 3600 {
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	if s >= 120 {
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f s", s)
}
