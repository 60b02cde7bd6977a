package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// A trigger is a stderr that ends a context when a text goes by.
type trigger struct {
	bytes.Buffer
	text string
	stop context.CancelCauseFunc
}

func (w *trigger) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.text) {
		w.stop(errInterrupted)
	}
	return w.Buffer.Write(p)
}

// interruptAt runs a command line until a text is on stderr.
func interruptAt(t *testing.T, text string, models []Model, args ...string) reply {
	t.Helper()
	defer func(d time.Duration) { progressEvery = d }(progressEvery)
	progressEvery = 0
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	w := &trigger{text: text, stop: stop}
	var out bytes.Buffer
	status := Run(ctx, args, &out, w, nil, models...)
	if status != exitInterrupted {
		t.Fatalf("ntk %s: status %d, stderr %q, want %d", strings.Join(args, " "), status, w.String(), exitInterrupted)
	}
	lines := strings.Split(strings.TrimSuffix(w.String(), "\n"), "\n")
	return reply{status, out.String(), lines[len(lines)-1]}
}

// TestResume stops a Gram matrix on its way, and goes on as the last line says:
// the result is that of a run that was left alone.
func TestResume(t *testing.T) {
	file := write(t, "x.npy", npy("(6, 3)", integers(6, 3)...))
	out, whole := filepath.Join(t.TempDir(), "stopped"), filepath.Join(t.TempDir(), "whole")
	own := []Model{linear("line", 2, nil)}
	args := func(out string) []string {
		return []string{"gram", "--model", "line", "--backend", "go", "--data", file, "--examples", "all", "--block", "2", "--outputs", "full", "--out", out}
	}
	r := interruptAt(t, "tile 2 of 6", own, append(args(out), "--force")...)
	if r.stdout != "" || !strings.HasPrefix(r.stderr, "ntk: interrupted") {
		t.Errorf("stdout %q, last line %q", r.stdout, r.stderr)
	}
	if m := readManifest(t, out); at(t, m, "incomplete") == "" {
		t.Error("the manifest does not say that results are missing")
	}
	_, how, ok := strings.Cut(r.stderr, "to go on: ntk ")
	want := strings.Join(args(out), " ") + " --resume"
	if !ok || how != want {
		t.Fatalf("to go on it says %q, want %q", how, want)
	}

	// Another network, other data, another seed, an array of another size.
	other := write(t, "y.npy", npy("(6, 3)", make([]float64, 18)...))
	for _, tc := range []struct {
		name   string
		models []Model
		args   []string
		want   string
	}{
		{"network", []Model{linear("line", 2, nil), linear("other", 2, nil)}, []string{"--model", "other"}, "model"},
		{"data", own, []string{"--data", other}, "data"},
		{"seed", own, []string{"--seed", "2"}, "seed"},
		{"outputs", own, []string{"--outputs", "mean"}, "tail"},
		{"order of outputs", own, []string{"--of", "1,0"}, "of"},
		{"choice of weights", own, []string{"--params", "first"}, "params"},
		// Of the same name, but not the same.
		{"function", []Model{linear("line", 2, func(y *gx.Node) *gx.Node { return gx.MulScalar(y, 2) })}, nil, "program sha256"},
	} {
		r := do(t.Context(), tc.models, append(strings.Fields(how), tc.args...)...)
		if r.status != exitFailure || !strings.Contains(r.stderr, "another computation") || !strings.Contains(r.stderr, tc.want) {
			t.Errorf("resumed with another %s: status %d, %q", tc.name, r.status, r.stderr)
		}
	}

	rewrite := func(values []float64) {
		if err := os.WriteFile(file, npy("(6, 3)", values...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rewrite(make([]float64, 18))
	r = do(t.Context(), own, strings.Fields(how)...)
	if r.status != exitFailure || !strings.Contains(r.stderr, "data sha256") {
		t.Errorf("resumed with other data in the file: status %d, %q", r.status, r.stderr)
	}
	rewrite(integers(6, 3))

	r = succeed(t, own, strings.Fields(how)...)
	if !strings.Contains(r.stderr, "2 of 6 tiles are done") {
		t.Errorf("resumed, stderr %q", r.stderr)
	}
	succeed(t, own, args(whole)...)
	_, _, got := readNPY(t, filepath.Join(out, "theta.npy"))
	_, _, theta := readNPY(t, filepath.Join(whole, "theta.npy"))
	x := integers(6, 3)
	for k, v := range theta {
		i, j, p, q := k/24, k/4%6, k/2%2, k%2
		want := 0.0
		if p == q {
			want = inner(x, 3, i, j)
		}
		if v != want || got[k] != want { // small integers: every sum is exact
			t.Fatalf("Θ[%d, %d, %d, %d] is %g, resumed %g, want %g", i, j, p, q, v, got[k], want)
		}
	}
	if _, ok := readManifest(t, out)["incomplete"]; ok {
		t.Error("the manifest still says that results are missing")
	}
	// What is finished can be resumed too: there is nothing to do.
	if r := succeed(t, own, strings.Fields(how)...); !strings.Contains(r.stderr, "6 of 6 tiles are done") {
		t.Errorf("resumed when finished, stderr %q", r.stderr)
	}
}

// TestDiagnoseInterrupted keeps the seeds that are finished.
func TestDiagnoseInterrupted(t *testing.T) {
	file := write(t, "x.npy", npy("(6, 3)", integers(6, 3)...))
	out := filepath.Join(t.TempDir(), "stopped")
	r := interruptAt(t, "seed 2: ", []Model{linear("line", 2, nil)}, "diagnose", "--model", "line", "--backend", "go",
		"--data", file, "--examples", "all", "--seeds", "3", "--out", out, "--json")
	if !strings.Contains(r.stderr, out) || !strings.HasPrefix(r.stderr, "ntk: interrupted") {
		t.Errorf("last line %q, want what is finished in %s", r.stderr, out)
	}
	j := decode(t, "ntk/diagnose/1", r.stdout)
	if seeds := at(t, j, "result.depths.0.seeds").([]any); len(seeds) != 1 || at(t, seeds[0], "seed") != 1.0 {
		t.Errorf("finished: %v, want seed 1", seeds)
	}
	if why := at(t, j, "incomplete"); why != "interrupted" {
		t.Errorf("incomplete: %v", why)
	}
	if why := at(t, readManifest(t, out), "incomplete"); why != "interrupted" {
		t.Errorf("manifest, incomplete: %v", why)
	}
	html, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil || !strings.Contains(string(html), "This report is incomplete: interrupted") {
		t.Errorf("the report does not say that it is incomplete (%v)", err)
	}
}

// TestInterruptedBefore ends with status 75 and leaves nothing behind.
func TestInterruptedBefore(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errInterrupted)
	folder := t.TempDir()
	for _, args := range []string{
		"diagnose --model mlp --backend go --examples 2 --width 4 --out " + filepath.Join(folder, "a"),
		"spectrum --model mlp --backend go --examples 2 --width 4",
		"data fetch mnist --from " + folder + " --cache " + folder,
	} {
		r := do(ctx, nil, strings.Fields(args)...)
		if r.status != exitInterrupted || !strings.Contains(r.stderr, "ntk: interrupted") || r.stdout != "" {
			t.Errorf("%s: status %d, stderr %q, stdout %q", args, r.status, r.stderr, r.stdout)
		}
	}
	for _, name := range []string{"a", "data/mnist"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}
