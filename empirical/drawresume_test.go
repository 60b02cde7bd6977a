package empirical_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/tiles"
)

// sameBits fails unless two runs agree in every bit and in when they stopped.
func sameBits(t *testing.T, name string, got, want *empirical.Moments) {
	t.Helper()
	if got.Draws != want.Draws || got.Reached != want.Reached {
		t.Errorf("%s: %d draws, reached %t; want %d, %t", name, got.Draws, got.Reached, want.Draws, want.Reached)
		return
	}
	for k, pair := range [][2]*empirical.Estimate{{got.Theta, want.Theta}, {got.NNGP, want.NNGP}} {
		if !slices.Equal(pair[0].Mean, pair[1].Mean) || !slices.Equal(pair[0].M2, pair[1].M2) {
			t.Errorf("%s: the bits of %s differ", name, []string{"Θ", "the NNGP"}[k])
		}
	}
}

func maker(t *testing.T, f func(*mlctx.Context, *gx.Node) *gx.Node, input ...int) func() (*empirical.Network, error) {
	return func() (*empirical.Network, error) {
		return empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(f), shapes.Make(dtypes.Float64, input...))
	}
}

// toBeResumed is a run of 10 blocks, the last one short, that Tol ends before.
func toBeResumed(t *testing.T) empirical.MonteCarloOptions {
	return empirical.MonteCarloOptions{
		MaxDraws: 77, Tol: 0.14, NNGP: true, First: math.MaxUint64 - 20, Networks: maker(t, oneHidden(6, 2), 3),
	}
}

func TestMonteCarloWorkersSameBits(t *testing.T) {
	net := newNetwork(t, oneHidden(6, 2), 3)
	x := empirical.Batch{examples(t, 5, "x", 3)}
	for _, tol := range []float64{0, 0.14} {
		var want *empirical.Moments
		for workers := 1; workers <= 3; workers++ {
			opts := toBeResumed(t)
			opts.Tol, opts.Workers = tol, workers
			m, err := net.MonteCarlo(t.Context(), x, nil, opts)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = m
				if tol > 0 && (!m.Reached || m.Draws < 17 || m.Draws > 76) {
					t.Fatalf("the run ends after %d draws, reached %t; it should somewhere between", m.Draws, m.Reached)
				}
				if tol == 0 && m.Draws != 77 {
					t.Fatalf("%d draws, want 77", m.Draws)
				}
			}
			sameBits(t, fmt.Sprint(workers, " workers"), m, want)
		}
	}
}

// Runs that end at random moments and go on, with random numbers of workers.
func TestMonteCarloResumeSameBits(t *testing.T) {
	net := newNetwork(t, oneHidden(6, 2), 3)
	x := empirical.Batch{examples(t, 5, "x", 3)}
	want, err := net.MonteCarlo(t.Context(), x, nil, toBeResumed(t))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	opts := toBeResumed(t)
	opts.Dir = filepath.Join(t.TempDir(), "draws")
	interrupted, gone := 0, errors.New("gone")
	for {
		opts.Workers = 1 + rng.IntN(2)
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := rng.IntN(3) // blocks after which the run ends, some time into the next
		opts.Progress = func(empirical.MonteCarloProgress) {
			if stop--; stop == 0 {
				time.AfterFunc(time.Duration(rng.IntN(8))*time.Millisecond, func() { cancel(gone) })
			}
		}
		m, err := net.MonteCarlo(ctx, x, nil, opts)
		cancel(nil)
		if err == nil {
			sameBits(t, "resumed", m, want)
			if m.Loaded == 0 || len(m.Damaged) > 0 {
				t.Errorf("%d blocks loaded, %v damaged; want some and none", m.Loaded, m.Damaged)
			}
			break
		}
		if interrupted++; !errors.Is(err, gone) || interrupted > 1000 {
			t.Fatalf("interruption %d: error %v, want the cause", interrupted, err)
		}
	}
	t.Logf("interrupted %d times", interrupted)
	if interrupted == 0 {
		t.Error("never interrupted: the test tells nothing")
	}
}

// A process that is killed, kill -9, loses only the blocks in flight.
func TestMonteCarloKilled(t *testing.T) {
	if dir := os.Getenv("NTK_TEST_DRAWS"); dir != "" { // the process to be killed
		opts := toBeResumed(t)
		opts.Tol, opts.MaxDraws, opts.Dir = 0, 1<<20, dir
		net := newNetwork(t, oneHidden(6, 2), 3)
		_, err := net.MonteCarlo(t.Context(), empirical.Batch{examples(t, 5, "x", 3)}, nil, opts)
		t.Fatalf("the run ended by itself: %v", err)
	}
	if testing.Short() {
		t.Skip("starts processes that compile networks")
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestMonteCarloKilled$")
	cmd.Env = append(os.Environ(), "NTK_TEST_DRAWS="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(2 * time.Minute)
	for {
		if files, _ := filepath.Glob(filepath.Join(dir, "block-*")); len(files) >= 4 {
			break
		}
		if time.Now().After(deadline) {
			t.Error("no blocks after two minutes")
			break
		}
		time.Sleep(time.Millisecond)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	opts := toBeResumed(t)
	net := newNetwork(t, oneHidden(6, 2), 3)
	x := empirical.Batch{examples(t, 5, "x", 3)}
	want, err := net.MonteCarlo(t.Context(), x, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	opts.Dir = dir
	got, err := net.MonteCarlo(t.Context(), x, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	sameBits(t, "after kill -9", got, want)
	if got.Loaded < 3 || len(got.Damaged) > 1 {
		t.Errorf("%d blocks loaded and %v damaged; want 3 or more of the 4, and at most the one in flight", got.Loaded, got.Damaged)
	}
}

// A finished run has more draws later; processes share a run.
func TestMonteCarloExtendAndShards(t *testing.T) {
	net := newNetwork(t, oneHidden(6, 2), 3)
	x := empirical.Batch{examples(t, 5, "x", 3)}
	run := func(dir string, draws int) *empirical.Moments {
		m, err := net.MonteCarlo(t.Context(), x, nil, empirical.MonteCarloOptions{MaxDraws: draws, Dir: dir, NNGP: true})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	want := run("", 45)
	dir := t.TempDir()
	run(dir, 20) // its last block is short
	longer := run(dir, 45)
	sameBits(t, "extended", longer, want)
	if longer.Loaded != 2 {
		t.Errorf("%d blocks loaded, want the 2 whole ones", longer.Loaded)
	}
	dir = t.TempDir()
	opts := empirical.MonteCarloOptions{MaxDraws: 45, Dir: dir, NNGP: true}
	for shard := range 3 {
		if err := net.MonteCarloShard(t.Context(), x, nil, opts, shard, 3); err != nil {
			t.Fatal(err)
		}
	}
	merged := run(dir, 45)
	sameBits(t, "of three shards", merged, want)
	if merged.Loaded != 6 {
		t.Errorf("%d blocks loaded, want all 6", merged.Loaded)
	}
	if err := net.MonteCarloShard(t.Context(), x, nil, opts, 3, 3); err == nil {
		t.Error("shard 3 of 3: no error")
	}
	opts.Dir = ""
	if err := net.MonteCarloShard(t.Context(), x, nil, opts, 0, 3); err == nil {
		t.Error("a shard without a folder: no error")
	}
}

// Damage of every kind is found, named and made good.
func TestMonteCarloDamagedBlocks(t *testing.T) {
	net := newNetwork(t, oneHidden(6, 2), 3)
	x := empirical.Batch{examples(t, 5, "x", 3)}
	opts := empirical.MonteCarloOptions{MaxDraws: 24, Dir: t.TempDir(), NNGP: true}
	want, err := net.MonteCarlo(t.Context(), x, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(opts.Dir, "block-000001.draws")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(at int) []byte {
		b := slices.Clone(whole)
		b[at] ^= 1
		return b
	}
	first := len(whole) - 16*(25+25) // byte of the numbers
	for name, text := range map[string][]byte{
		"a bit of a number": flip(first + 100), "a bit of the last": flip(len(whole) - 1), "a bit of the header": flip(30),
		"draws in the header": []byte(strings.Replace(string(whole), `"draws":8`, `"draws":9`, 1)),
		"cut in the numbers":  whole[:first+64], "cut in the header": whole[:20], "empty": {}, "too long": append(slices.Clone(whole), 0),
	} {
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := net.MonteCarlo(t.Context(), x, nil, opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sameBits(t, name, got, want)
		if got.Loaded != 2 || len(got.Damaged) != 1 || got.Damaged[0] != path {
			t.Errorf("%s: %d loaded, damaged %v; want 2 and %s", name, got.Loaded, got.Damaged, path)
		}
		if now, _ := os.ReadFile(path); !slices.Equal(now, whole) {
			t.Errorf("%s: the file is not made good", name)
		}
	}
	// A whole block of another place is no damage: somebody copied it.
	if err := os.WriteFile(filepath.Join(opts.Dir, "block-000002.draws"), whole, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := net.MonteCarlo(t.Context(), x, nil, opts); !errors.Is(err, tiles.ErrMismatch) {
		t.Errorf("block 1 in the place of block 2: error %v, want ErrMismatch", err)
	}
}

// A folder of another run is refused, and the error says by what it differs.
func TestMonteCarloRefusesAnotherRun(t *testing.T) {
	net := newNetwork(t, oneHidden(6, 2), 3)
	x := examples(t, 5, "x", 3)
	opts := empirical.MonteCarloOptions{MaxDraws: 8, Dir: t.TempDir()}
	if _, err := net.MonteCarlo(t.Context(), empirical.Batch{x}, nil, opts); err != nil {
		t.Fatal(err)
	}
	type call struct {
		net    *empirical.Network
		x1, x2 empirical.Batch
		opts   empirical.MonteCarloOptions
	}
	scaled := func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return gx.MulScalar(oneHidden(6, 2)(ctx, x), 2) }
	wider := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		y := oneHidden(6, 2)(ctx, x)
		graph.Tag(ctx, ctx.GetVariable("w"), graph.Gaussian(2))
		return y
	}
	for want, change := range map[string]func(c *call){
		"first seed":     func(c *call) { c.opts.First = 1 },
		"draws a block":  func(c *call) { c.opts.BlockDraws = 4 },
		"x1 sha256":      func(c *call) { c.x1 = empirical.Batch{examples(t, 5, "other", 3)} },
		"x2 sha256":      func(c *call) { c.x2 = empirical.Batch{x} },
		"outputs":        func(c *call) { c.opts.Options.Outputs = empirical.Trace },
		"of":             func(c *call) { c.opts.Options.Of = []int{1} },
		"params":         func(c *call) { c.opts.Options.Params = []string{"/w"} },
		"examples a run": func(c *call) { c.opts.Options.Block = 2 },
		"ways":           func(c *call) { c.opts.Options.Way = empirical.Sequential },
		"nngp":           func(c *call) { c.opts.NNGP = true },
		"joint":          func(c *call) { c.opts.Options.Joint = true },
		"program sha256": func(c *call) { c.net = newNetwork(t, scaled, 3) },
		"weights sha256": func(c *call) { c.net = newNetwork(t, wider, 3) },
	} {
		c := call{net: net, x1: empirical.Batch{x}, opts: opts}
		change(&c)
		_, err := c.net.MonteCarlo(t.Context(), c.x1, c.x2, c.opts)
		if !errors.Is(err, tiles.ErrMismatch) || !strings.Contains(err.Error(), `"`+want+`" is "`) {
			t.Errorf("%s: error %v, want ErrMismatch naming it", want, err)
		}
	}
	// More draws, another stopping rule and more workers are the same run.
	opts.MaxDraws, opts.Tol, opts.Workers, opts.Networks = 24, 0.5, 2, maker(t, oneHidden(6, 2), 3)
	if _, err := net.MonteCarlo(t.Context(), empirical.Batch{x}, nil, opts); err != nil {
		t.Error(err)
	}
	opts.Networks = maker(t, scaled, 3)
	if _, err := net.MonteCarlo(t.Context(), empirical.Batch{x}, nil, opts); !errors.Is(err, tiles.ErrMismatch) {
		t.Errorf("a worker with another model: error %v, want ErrMismatch", err)
	}
	if err := os.Remove(filepath.Join(opts.Dir, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := net.MonteCarlo(t.Context(), empirical.Batch{x}, nil, opts); err == nil {
		t.Error("blocks without a manifest: no error")
	}
}

// Long runs do not grow: neither Go's heap nor the process.
func TestMonteCarloMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("10⁴ draws take a quarter of a minute")
	}
	net := newNetwork(t, oneHidden(4, 1), 2)
	x := empirical.Batch{examples(t, 2, "x", 2)}
	run := func(first uint64, draws int) (heap uint64, resident int) {
		_, err := net.MonteCarlo(t.Context(), x, nil, empirical.MonteCarloOptions{First: first, MaxDraws: draws, NNGP: true})
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.GC() // what finalizers freed
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		if text, err := os.ReadFile("/proc/self/statm"); err == nil {
			var size int
			_, _ = fmt.Sscan(string(text), &size, &resident)
		}
		return s.HeapAlloc, resident * os.Getpagesize()
	}
	heap0, resident0 := run(0, 1000) // caches and compiled programs
	heap1, resident1 := run(1000, 10_000)
	t.Logf("heap %d → %d, resident %d → %d bytes", heap0, heap1, resident0, resident1)
	// 10⁴ draws of 20 buffers each: 5 bytes lost per buffer would be a megabyte.
	if heap1 > heap0+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes over 10⁴ draws", heap0, heap1)
	}
	// The allocators of Go and XLA keep some of what is freed.
	if resident1 > resident0+64<<20 {
		t.Errorf("the process grew from %d to %d bytes over 10⁴ draws", resident0, resident1)
	}
}
