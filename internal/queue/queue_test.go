package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gontk/ntk/internal/tiles"
)

// theta is the array of the tests: [11, 11], in tiles of 2, so 21 of them.
var theta = tiles.Spec{N1: 11, N2: 11, DType: tiles.Float64, Symmetric: true, Block1: 2, Block2: 2}

var manifest = tiles.Manifest{"model": "f", "data sha256": "12"}

// entries are those of a tile of Θ[m, n] = (m+1)(n+1) + 1/(m+n+1).
func entries(t tiles.Tile) []float64 {
	var data []float64
	for i := range t.Rows {
		for j := range t.Cols {
			m, n := float64(t.Row+i), float64(t.Col+j)
			data = append(data, (m+1)*(n+1)+1/(m+n+1))
		}
	}
	return data
}

// whole is the file that one process without a queue writes.
func whole(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "theta.npy")
	w, err := tiles.CreateNPY(path, theta, manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, tile := range theta.Tiles() {
		if err := w.WriteTile(tile, entries(tile)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// quick is a job whose workers count as dead soon.
func quick() Job {
	return Job{Spec: theta, Manifest: manifest, Stretch: 2, AckWait: 600 * time.Millisecond, Deliveries: 3}
}

func testServer(t *testing.T) *Server {
	t.Helper()
	s, err := Serve(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func dial(t *testing.T, s *Server) *Conn {
	t.Helper()
	c, err := Connect(t.Context(), Options{URLs: s.URL(), Token: s.Token(), Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A bench has a job, its collector, and the counts of what was computed.
type bench struct {
	t        *testing.T
	server   *Server
	folder   string // of theta.npy
	shared   string // of parts; empty: none
	mu       sync.Mutex
	computed map[tiles.Tile]int
	compute  func(worker int, t tiles.Tile) ([]float64, error)
}

func newBench(t *testing.T) *bench {
	return &bench{
		t: t, server: testServer(t), folder: t.TempDir(), computed: map[tiles.Tile]int{},
		compute: func(_ int, t tiles.Tile) ([]float64, error) { return entries(t), nil },
	}
}

func (b *bench) path() string { return filepath.Join(b.folder, "theta.npy") }

// collect runs a collector on the file, made or found.
func (b *bench) collect(ctx context.Context, job Job, mode Mode, report func(Status)) error {
	b.t.Helper()
	var w *tiles.File
	var err error
	if _, e := os.Stat(b.path() + ".journal"); e == nil {
		w, err = tiles.OpenNPY(b.path(), theta, manifest)
	} else {
		w, err = tiles.CreateNPY(b.path(), theta, manifest)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err := w.Close(); err != nil {
			b.t.Error(err)
		}
	}()
	k, err := dial(b.t, b.server).Open(ctx, "test", job, mode)
	if err != nil {
		return err
	}
	err = k.Run(ctx, w, b.shared, report)
	if aside := (*SetAsideError)(nil); err == nil || errors.As(err, &aside) {
		if rerr := k.Remove(ctx); rerr != nil {
			return rerr
		}
	}
	return err
}

// work is a worker: it takes units until the job ends or it is stopped.
func (b *bench) work(ctx context.Context, number int) error {
	c := dial(b.t, b.server)
	defer c.Close()
	job, err := c.Job(ctx, "test", 5*time.Second)
	if err != nil {
		return err
	}
	if err := job.Check(theta, manifest); err != nil {
		return err
	}
	w, err := c.Worker(ctx, "test", job, b.shared)
	if err != nil {
		return err
	}
	for {
		u, err := w.Next(ctx)
		if errors.Is(err, ErrEnded) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, tile := range u.Tiles() {
			if ctx.Err() != nil {
				break
			}
			b.mu.Lock()
			b.computed[tile]++
			b.mu.Unlock()
			data, err := b.compute(number, tile)
			if err == errDie {
				return err
			}
			if err != nil {
				err = u.Fail(ctx, tile, err)
			} else {
				err = u.Put(context.WithoutCancel(ctx), tile, data)
			}
			if errors.Is(err, ErrEnded) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		if err := u.End(context.WithoutCancel(ctx)); err != nil && !errors.Is(err, ErrEnded) {
			return err
		}
	}
}

// errDie ends a worker as a kill does: its connection breaks, and it says nothing.
var errDie = errors.New("killed")

// workers runs n workers to their end.
func (b *bench) workers(ctx context.Context, n int) *sync.WaitGroup {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if err := b.work(ctx, i); err != nil && err != errDie && ctx.Err() == nil {
				b.t.Errorf("worker %d: %v", i, err)
			}
		})
	}
	return &group
}

// check compares the file with that of one process.
func (b *bench) check() {
	b.t.Helper()
	got, err := os.ReadFile(b.path())
	if err != nil {
		b.t.Fatal(err)
	}
	if string(got) != string(whole(b.t)) {
		b.t.Error("theta.npy differs from that of one process")
	}
	log, err := os.ReadFile(b.path() + ".journal")
	if n := strings.Count(string(log), `"crc32c"`); n != 21 || err != nil {
		b.t.Errorf("the journal has %d tiles, want 21 (%v)", n, err)
	}
	if b.shared != "" {
		if left, _ := filepath.Glob(filepath.Join(b.shared, "theta-stretch-*")); left != nil {
			b.t.Errorf("parts are left: %v", left)
		}
	}
}

// TestWorkers compares what two workers make with the file of one process; each
// tile is computed once, and nothing stays on the server.
func TestWorkers(t *testing.T) {
	for _, shared := range []bool{false, true} {
		b := newBench(t)
		if shared {
			b.shared = b.folder
		}
		var last Status
		group := b.workers(t.Context(), 2)
		if err := b.collect(t.Context(), quick(), Begin, func(s Status) { last = s }); err != nil {
			t.Fatal(err)
		}
		group.Wait()
		b.check()
		for tile, n := range b.computed {
			if n != 1 {
				t.Errorf("tile %v was computed %d times", tile, n)
			}
		}
		if last.Done != 21 || last.Total != 21 || last.Workers < 1 || last.Workers > 2 {
			t.Errorf("shared %v: the last report is %+v", shared, last)
		}
		for name := range dial(t, b.server).js.StreamNames(t.Context()).Name() {
			t.Errorf("stream %s is left on the server", name)
		}
	}
}

// TestDeadWorker kills a worker with a tile in its hand: another gets it, and
// only that stretch's unfinished tiles are computed again.
func TestDeadWorker(t *testing.T) {
	b := newBench(t)
	var died atomic.Bool
	b.compute = func(_ int, tile tiles.Tile) ([]float64, error) {
		if tile.Row == 2 && tile.Col == 6 && died.CompareAndSwap(false, true) { // the second tile of its stretch
			return nil, errDie
		}
		return entries(tile), nil
	}
	group := b.workers(t.Context(), 2)
	if err := b.collect(t.Context(), quick(), Begin, nil); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	b.check()
	for tile, n := range b.computed {
		if want := 1 + map[bool]int{true: 1}[tile.Row == 2 && tile.Col == 6]; n != want {
			t.Errorf("tile %v was computed %d times, want %d", tile, n, want)
		}
	}
}

// TestPoison has a tile that fails always, one that fails once, and one that
// kills every worker that takes it: the first and the last are set aside with
// the reason, all others are stored, and a later run computes what is missing.
func TestPoison(t *testing.T) {
	defer func(d time.Duration) { failDelay = d }(failDelay)
	failDelay = 50 * time.Millisecond
	b := newBench(t)
	bad, shy, deadly := tiles.Tile{Row: 0, Col: 4, Rows: 2, Cols: 2}, tiles.Tile{Row: 4, Col: 4, Rows: 2, Cols: 2}, tiles.Tile{Row: 6, Col: 10, Rows: 2, Cols: 1}
	var once atomic.Bool
	b.compute = func(_ int, tile tiles.Tile) ([]float64, error) {
		switch {
		case tile == bad:
			return nil, errors.New("the answer is 42, not finite")
		case tile == shy && once.CompareAndSwap(false, true):
			return nil, errors.New("not today")
		case tile == deadly:
			return nil, errDie
		}
		return entries(tile), nil
	}
	job := quick()
	group := b.workers(t.Context(), 6)
	err := b.collect(t.Context(), job, Begin, nil)
	group.Wait()
	var aside *SetAsideError
	if !errors.As(err, &aside) || len(aside.Tiles) != 2 || aside.Tiles[0].Tile != bad || aside.Tiles[1].Tile != deadly ||
		!strings.Contains(aside.Tiles[0].Reason, "the answer is 42") || !strings.Contains(aside.Tiles[1].Reason, "killed") || !strings.Contains(err.Error(), "the answer is 42") {
		t.Fatalf("set aside: %v", err)
	}
	if b.computed[bad] != defaultTries || b.computed[shy] != 2 || b.computed[deadly] != job.Deliveries {
		t.Errorf("computed %d, %d and %d times, want %d, 2 and %d", b.computed[bad], b.computed[shy], b.computed[deadly], defaultTries, job.Deliveries)
	}
	log, _ := os.ReadFile(b.path() + ".journal")
	if n := strings.Count(string(log), `"crc32c"`); n != 19 {
		t.Errorf("%d tiles are stored, want 19", n)
	}

	b.compute = func(_ int, tile tiles.Tile) ([]float64, error) { return entries(tile), nil }
	clear(b.computed)
	group = b.workers(t.Context(), 1)
	if err := b.collect(t.Context(), job, GoOn, nil); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	b.check()
	if len(b.computed) != 2 || b.computed[bad] != 1 || b.computed[deadly] != 1 {
		t.Errorf("the second run computed %v", b.computed)
	}
}

// TestStops stops the collector, the workers, and then the server, in the middle:
// no finished tile is computed again.
func TestStops(t *testing.T) {
	defer func(d time.Duration) { collectWait = d }(collectWait)
	collectWait = 2 * time.Second
	for _, shared := range []bool{false, true} {
		store := t.TempDir()
		s, err := Serve(store)
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.URL(), "nats://"))
		number, _ := strconv.Atoi(port)
		b := newBench(t)
		b.server = s
		if shared {
			b.shared = b.folder
		}
		// The collector: stopped after 5 tiles; the workers go on, and finish.
		ctx, stop := context.WithCancelCause(t.Context())
		why := errors.New("stopped")
		workers, stopWorkers := context.WithCancel(t.Context())
		var made atomic.Int32
		b.compute = func(_ int, tile tiles.Tile) ([]float64, error) {
			if made.Add(1) == 15 { // and these after 15
				stopWorkers()
			}
			time.Sleep(5 * time.Millisecond)
			return entries(tile), nil
		}
		group := b.workers(workers, 2)
		err = b.collect(ctx, quick(), Begin, func(s Status) {
			if s.Done >= 5 {
				stop(why)
			}
		})
		if !errors.Is(err, why) {
			t.Fatalf("stopped: %v", err)
		}
		group.Wait()
		first := made.Load()
		if first >= 21 {
			t.Fatalf("%d tiles were computed before the stop: too many to tell", first)
		}
		// Another server with the same streams, while a worker and a collector wait.
		group = b.workers(t.Context(), 1)
		done := make(chan error)
		go func() {
			done <- b.collect(t.Context(), quick(), GoOn, func(st Status) {
				if st.Done == 18 {
					s.Close()
					if s, err = serve(store, number, s.token); err != nil {
						t.Error(err)
					}
				}
			})
		}()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		group.Wait()
		s.Close()
		b.check()
		again := 0
		for _, n := range b.computed {
			again += n - 1
		}
		if again != 0 || len(b.computed) != 21 {
			t.Errorf("shared %v: %d tiles were computed, and %d times one that was finished", shared, len(b.computed), again)
		}
	}
}

// TestDuplicates has two workers finish the same tiles: they count once.
func TestDuplicates(t *testing.T) {
	for _, shared := range []bool{false, true} {
		b := newBench(t)
		if shared {
			b.shared = b.folder
		}
		done := make(chan error, 1)
		reports := 0
		go func() { done <- b.collect(t.Context(), quick(), Begin, func(Status) { reports++ }) }()
		c := dial(t, b.server)
		job, err := c.Job(t.Context(), "test", 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var held []*Unit
		for range 2 { // the first holds its unit too long, without a sign of life
			w, err := c.Worker(t.Context(), "test", job, b.shared)
			if err != nil {
				t.Fatal(err)
			}
			u, err := w.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			u.silence()
			held = append(held, u)
			time.Sleep(job.AckWait + 200*time.Millisecond)
		}
		if held[0].first != held[1].first {
			t.Fatalf("units %d and %d were given out, want one twice", held[0].first, held[1].first)
		}
		for _, tile := range held[0].Tiles() {
			for _, u := range held {
				if err := u.Put(t.Context(), tile, entries(tile)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, u := range held {
			if err := u.End(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		group := b.workers(t.Context(), 1)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		group.Wait()
		b.check()
		if reports != 21 {
			t.Errorf("%d tiles were reported, want 21", reports)
		}
	}
}

// TestRefused takes no work of another computation, and one collector at a time.
func TestRefused(t *testing.T) {
	b := newBench(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.collect(ctx, quick(), Begin, nil) }()
	c := dial(t, b.server)
	job, err := c.Job(t.Context(), "test", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	other := tiles.Manifest{"model": "f", "data sha256": "13"}
	err = job.Check(theta, other)
	if want := `manifest "data sha256" is "12" in the job and "13" in this worker`; !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "model") {
		t.Errorf("other data: %v, want %q", err, want)
	}
	wide := theta
	wide.Tail, wide.Block1, wide.Block2 = []int{3}, 0, 0
	if err := job.Check(wide, manifest); !errors.Is(err, ErrOther) {
		t.Errorf("another array: %v", err)
	}
	if err := job.Check(tiles.Spec{N1: 11, N2: 11, DType: tiles.Float64, Symmetric: true}, manifest); err != nil {
		t.Errorf("other blocks are no difference, got %v", err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) { // until the first one asks for records
		if _, err = c.Open(t.Context(), "test", quick(), GoOn); errors.Is(err, ErrBusy) || time.Now().After(deadline) {
			break
		}
	}
	if !errors.Is(err, ErrBusy) {
		t.Errorf("a second collector: %v", err)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	theirs := quick()
	theirs.Manifest = other
	if _, err := c.Open(t.Context(), "test", theirs, GoOn); !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), "data sha256") {
		t.Errorf("another computation's job: %v", err)
	}
	if _, err := c.Open(t.Context(), "test", theirs, Replace); err != nil {
		t.Errorf("replaced: %v", err)
	}
	if _, err := c.Job(t.Context(), "none", 0); !errors.Is(err, ErrNoJob) {
		t.Errorf("no job: %v", err)
	}
}

// TestSecrets finds no password in what errors say.
func TestSecrets(t *testing.T) {
	s := testServer(t)
	host := strings.TrimPrefix(s.URL(), "nats://")
	for _, o := range []Options{
		{URLs: s.URL(), Token: "hunter2"},
		{URLs: s.URL(), User: "me", Password: "hunter2"},
		{URLs: "nats://me:hunter2@" + host},
		{URLs: "nats://me:hunter2%zz@" + host},
		{URLs: "nats://" + host + "?token=hunter2"},
		{URLs: s.URL() + ",http://me:hunter2@" + host},
		{URLs: s.URL(), Token: s.Token(), NKey: filepath.Join(t.TempDir(), "hunter2")},
		{URLs: s.URL(), Cert: "hunter2"},
		{URLs: "nats://127.0.0.1:1", Password: "hunter2", User: "me"},
	} {
		_, err := Connect(t.Context(), o)
		if !errors.Is(err, ErrConnect) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	env := map[string]string{"NATS_USER": "u", "NATS_PASSWORD": "p", "NATS_TOKEN": "t", "NATS_CREDS": "c", "NATS_NKEY": "n", "NATS_CA": "a", "NATS_CERT": "e", "NATS_KEY": "k"}
	o := Options{URLs: "nats://h:1"}
	o.FromEnvironment(func(name string) string { return env[name] })
	if want := (Options{URLs: "nats://h:1", User: "u", Password: "p", Token: "t", Creds: "c", NKey: "n", CA: "a", Cert: "e", Key: "k"}); fmt.Sprintf("%+v", o) != fmt.Sprintf("%+v", want) {
		t.Errorf("from the environment: %+v", o)
	}
}

// TestRecords refuses records that would write elsewhere than they should.
func TestRecords(t *testing.T) {
	for _, text := range []string{
		``, `{}`, `[]`, `{"tile":{"row":0,"col":0,"rows":2,"cols":2}}`,
		`{"tile":{"row":0,"col":0,"rows":2,"cols":2},"part":"../theta-stretch-0-a.npy"}`,
		`{"tile":{"row":0,"col":0,"rows":2,"cols":2},"part":"theta-stretch-/../../x.npy"}`,
		`{"tile":{"row":0,"col":0,"rows":2,"cols":2},"part":"theta.npy"}`,
		`{"tile":{"row":0,"col":0,"rows":2,"cols":2},"part":"theta-stretch-0-a.npy","object":"o"}`,
		`{"tile":{"row":0,"col":0,"rows":3,"cols":2},"object":"o"}`,
		`{"tile":{"row":0,"col":2,"rows":2,"cols":2},"object":"o"}`,
	} {
		if r, err := decodeRecord([]byte(text), theta, 0); err == nil {
			t.Errorf("%s: %+v", text, r)
		}
	}
	if _, err := decodeRecord([]byte(`{"tile":{"row":0,"col":0,"rows":2,"cols":2},"part":"theta-stretch-0-a.npy"}`), theta, 0); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "a b", "a.b", "a>", "*", strings.Repeat("x", 65), "../a"} {
		if CheckName(name) == nil {
			t.Errorf("job %q passes", name)
		}
	}
	if got, err := indices("ntk.j.failed.7.2", 2); err != nil || !slices.Equal(got, []int{7, 2}) {
		t.Errorf("indices: %v, %v", got, err)
	}
}

// TestVanished computes a tile again whose entries are gone.
func TestVanished(t *testing.T) {
	b := newBench(t)
	b.shared = b.folder
	var removed atomic.Bool
	done := make(chan error, 1)
	go func() { done <- b.collect(t.Context(), quick(), Begin, nil) }()
	b.compute = func(_ int, tile tiles.Tile) ([]float64, error) {
		if tile.Row == 4 && removed.CompareAndSwap(false, true) {
			// A record without entries, as a folder leaves that is not shared.
			c := dial(t, b.server)
			i, _ := theta.Index(tile)
			if _, err := c.add(t.Context(), names("test").doneSubject(i), record{Tile: tile, Part: partName("0", "none")}); err != nil {
				t.Error(err)
			}
		}
		return entries(tile), nil
	}
	group := b.workers(t.Context(), 2)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	group.Wait()
	b.check()
}
