package cmd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gx "github.com/gomlx/gomlx/pkg/core/graph"

	"github.com/gontk/ntk/internal/queue"
)

// asMain has the test's binary be ntk, with the network "line": --workers starts
// processes of its own executable.
const asMain = "NTK_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		Main(linear("line", 2, nil))
	}
	os.Exit(m.Run())
}

// A queueTest runs gram and workers beside each other, with a server that wants
// a token.
type queueTest struct {
	t      *testing.T
	server *queue.Server
	models []Model
	same   []string // flags of gram and workers
}

func newQueueTest(t *testing.T, flags string, models ...Model) *queueTest {
	t.Helper()
	s, err := queue.Serve(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	file := write(t, "x.npy", npy("(11, 3)", integers(11, 3)...))
	return &queueTest{t, s, models, strings.Fields("--model line --backend go --examples all --outputs full --data " + file + " " + flags)}
}

// run runs a verb; its environment has the token.
func (q *queueTest) run(ctx context.Context, verb string, more ...string) reply {
	var out, errs bytes.Buffer
	env := func(name string) string { return map[string]string{"NATS_TOKEN": q.server.Token()}[name] }
	args := append(append([]string{verb}, q.same...), "--queue", q.server.URL())
	status := Run(ctx, append(args, more...), &out, &errs, env, q.models...)
	return reply{status, out.String(), errs.String()}
}

// alone computes the same in one process.
func (q *queueTest) alone(more ...string) string {
	q.t.Helper()
	out := filepath.Join(q.t.TempDir(), "alone")
	succeed(q.t, q.models, append(append([]string{"gram", "--out", out, "--quiet"}, q.same...), more...)...)
	return filepath.Join(out, "theta.npy")
}

// TestGramQueue compares what two workers make with what one process makes, byte
// by byte; each tile is computed once. Tiles go through the server, or through a
// folder.
func TestGramQueue(t *testing.T) {
	for _, shared := range []bool{false, true} {
		for _, packed := range []string{"--packed=false", "--packed"} {
			q := newQueueTest(t, "", linear("line", 2, nil))
			out := filepath.Join(t.TempDir(), "theta")
			more := []string{"--json", "--quiet"}
			if shared {
				more = append(more, "--out", out)
			}
			var workers [2]reply
			var group sync.WaitGroup
			for i := range workers {
				group.Go(func() { workers[i] = q.run(t.Context(), "worker", more...) })
			}
			r := q.run(t.Context(), "gram", "--out", out, "--block", "2", "--json", "--quiet", packed)
			group.Wait()
			if r.status != 0 || r.stderr != "" {
				t.Fatalf("gram: status %d, %s", r.status, r.stderr)
			}
			decode(t, "ntk/gram/1", r.stdout)
			sum := 0.0
			for _, w := range workers {
				if w.status != 0 {
					t.Fatalf("worker: status %d, %s", w.status, w.stderr)
				}
				j := decode(t, "ntk/worker/1", w.stdout)
				sum += at(t, j, "tiles").(float64)
			}
			if sum != 21 { // of 6 × 6 those on and above the diagonal
				t.Errorf("the workers sent %g tiles, want 21", sum)
			}
			if !sameFile(t, filepath.Join(out, "theta.npy"), q.alone("--block", "2", packed)) {
				t.Errorf("shared %v, %s: theta.npy differs from that of one process", shared, packed)
			}
			succeed(t, nil, "verify", out)
			if left, _ := filepath.Glob(filepath.Join(out, "theta-stretch*")); left != nil {
				t.Errorf("parts are left: %v", left)
			}
			for _, f := range []string{"manifest.json", "theta.npy.journal"} {
				if b, err := os.ReadFile(filepath.Join(out, f)); err != nil || strings.Contains(string(b), q.server.Token()) {
					t.Errorf("%s: %v, or it has the token in it", f, err)
				}
			}
		}
	}
}

// TestGramQueueStopped stops gram, and then goes on: what workers sent meanwhile
// is not computed again.
func TestGramQueueStopped(t *testing.T) {
	q := newQueueTest(t, "", linear("line", 2, nil))
	out := filepath.Join(t.TempDir(), "theta")
	var worker reply
	var group sync.WaitGroup
	group.Go(func() { worker = q.run(t.Context(), "worker", "--json", "--quiet") })
	defer func(d time.Duration) { progressEvery = d }(progressEvery)
	progressEvery = 0
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	w := &trigger{text: "tile 5 of 21", stop: stop}
	env := func(name string) string { return map[string]string{"NATS_TOKEN": q.server.Token()}[name] }
	args := append([]string{"gram", "--out", out, "--block", "2", "--queue", q.server.URL()}, q.same...)
	if status := Run(ctx, args, &bytes.Buffer{}, w, env, q.models...); status != exitInterrupted {
		t.Fatalf("gram: status %d, %s", status, w.String())
	}
	for _, want := range []string{"workers: ntk worker --queue=nats://", "--model=line", "to go on: ntk gram", "--resume"} {
		if !strings.Contains(w.String(), want) {
			t.Errorf("gram says %q, which lacks %q", w.String(), want)
		}
	}
	if strings.Contains(w.String(), q.server.Token()) {
		t.Errorf("gram says the token: %q", w.String())
	}
	r := q.run(t.Context(), "gram", "--out", out, "--block", "2", "--resume")
	group.Wait()
	if r.status != 0 {
		t.Fatalf("gram --resume: status %d, %s", r.status, r.stderr)
	}
	if worker.status != 0 {
		t.Fatalf("worker: status %d, %s", worker.status, worker.stderr)
	}
	if n := at(t, decode(t, "ntk/worker/1", worker.stdout), "tiles"); n != 21.0 {
		t.Errorf("the worker computed %v tiles in both runs, want 21", n)
	}
	if !sameFile(t, filepath.Join(out, "theta.npy"), q.alone("--block", "2")) {
		t.Error("theta.npy differs from that of one process")
	}
}

// TestGramQueueRefused has workers whose network, data, seed or weights are
// others: each ends with one line that names what differs, and takes nothing.
func TestGramQueueRefused(t *testing.T) {
	q := newQueueTest(t, "", linear("line", 2, nil))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan reply)
	go func() {
		done <- q.run(ctx, "gram", "--out", filepath.Join(t.TempDir(), "theta"), "--block", "2", "--quiet")
	}()
	other := write(t, "y.npy", npy("(11, 3)", make([]float64, 33)...))
	for _, tc := range []struct {
		name   string
		models []Model
		args   []string
		want   string
	}{
		{"seed", q.models, []string{"--seed", "2"}, `"seed" is "1" in the job and "2" in this worker`},
		{"data", q.models, []string{"--data", other}, "data sha256"},
		{"examples", q.models, []string{"--examples", "4"}, "examples"},
		{"outputs", q.models, []string{"--outputs", "mean"}, `"outputs" is "full" in the job and "mean" in this worker`},
		{"function", []Model{linear("line", 2, func(y *gx.Node) *gx.Node { return gx.MulScalar(y, 2) })}, nil, "program sha256"},
	} {
		w := *q
		w.models = tc.models
		r := w.run(t.Context(), "worker", append(tc.args, "--quiet")...)
		if r.status != exitFailure || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "another computation") || !strings.Contains(r.stderr, tc.want) {
			t.Errorf("a worker with another %s: status %d, %q", tc.name, r.status, r.stderr)
		}
	}
	stop()
	if r := <-done; r.status != exitInterrupted {
		t.Errorf("gram: status %d, %s", r.status, r.stderr)
	}
	if r := q.run(t.Context(), "worker", "--job", "none", "--wait", "0s", "--quiet"); r.status != exitFailure || !strings.Contains(r.stderr, `no such job: "none"`) {
		t.Errorf("a worker for no job: status %d, %q", r.status, r.stderr)
	}
}

// TestGramQueuePoison has an example whose gradient overflows: its tiles are set
// aside with the reason, and all others are there.
func TestGramQueuePoison(t *testing.T) {
	x := integers(6, 3)
	x[3*4] = 1e30 // of example 4, whose square is infinite in float32
	file := write(t, "x.npy", npy("(6, 3)", x...))
	q := newQueueTest(t, "", linear("line", 2, nil))
	q.same = strings.Fields("--model line --backend go --examples all --outputs mean --data " + file)
	out := filepath.Join(t.TempDir(), "theta")
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if r := q.run(t.Context(), "worker", "--quiet"); r.status != 0 {
				t.Errorf("worker: status %d, %s", r.status, r.stderr)
			}
		})
	}
	r := q.run(t.Context(), "gram", "--out", out, "--block", "2", "--quiet")
	group.Wait()
	if want := "1 tiles are set aside"; r.status != exitFailure || !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "examples 4 and 4 is +Inf") {
		t.Errorf("gram: status %d, %q, want %q", r.status, r.stderr, want)
	}
	if n, twice := counts(t, filepath.Join(out, "theta.npy")); n != 5 || twice != 0 {
		t.Errorf("the journal has %d tiles, %d twice, want 5", n, twice)
	}
	if r := do(t.Context(), nil, "verify", out); r.status != exitFailure {
		t.Errorf("verify: status %d, %s", r.status, r.stdout)
	}
}

// TestGramWorkers has gram start its workers, stops it, and goes on.
func TestGramWorkers(t *testing.T) {
	t.Setenv(asMain, "1")
	q := newQueueTest(t, "", linear("line", 2, nil))
	out := filepath.Join(t.TempDir(), "theta")
	args := append([]string{"gram", "--workers", "2", "--block", "2", "--out", out}, q.same...)
	r := interruptAt(t, "tile 3 of 21", q.models, args...)
	if !strings.Contains(r.stderr, "to go on: ntk gram") {
		t.Errorf("the last line is %q", r.stderr)
	}
	r = succeed(t, q.models, append(args, "--resume")...)
	var done, all int
	for line := range strings.Lines(r.stderr) {
		if _, err := fmt.Sscanf(line, "ntk: %d of %d tiles are done", &done, &all); err == nil {
			break
		}
	}
	if done < 3 || all != 21 {
		t.Errorf("resumed, %d of %d tiles are done, want 3 or more of 21: %q", done, all, r.stderr)
	}
	if !sameFile(t, filepath.Join(out, "theta.npy"), q.alone("--block", "2")) {
		t.Error("theta.npy differs from that of one process")
	}
	if n, twice := counts(t, filepath.Join(out, "theta.npy")); n != 21 || twice != 0 {
		t.Errorf("the journal has %d tiles, %d twice", n, twice)
	}
	succeed(t, nil, "verify", out)
	if _, err := os.Stat(filepath.Join(out, queueFolder)); err == nil {
		t.Error("the queue's folder is left")
	}
}

// TestGramWorkersFail ends when no worker is left, and says why.
func TestGramWorkersFail(t *testing.T) {
	t.Setenv(asMain, "1")
	q := newQueueTest(t, "", linear("line", 2, func(y *gx.Node) *gx.Node { return gx.MulScalar(y, 2) })) // not what the processes have
	r := do(t.Context(), q.models, append([]string{"gram", "--workers", "2", "--quiet", "--out", filepath.Join(t.TempDir(), "theta")}, q.same...)...)
	if r.status != exitFailure || !strings.Contains(r.stderr, "no worker is left") || !strings.Contains(r.stderr, "program sha256") {
		t.Errorf("status %d, %q", r.status, r.stderr)
	}
}
