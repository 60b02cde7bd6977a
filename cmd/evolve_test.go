package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// evolveArgs trains a small network in pure Go.
func evolveArgs(more ...string) []string {
	return append([]string{
		"evolve", "--model", "mlp", "--depth", "1", "--width", "16", "--backend", "go", "--data", "digits", "--examples", "24", "--test-examples", "10",
		"--steps", "12", "--batch", "8", "--probe", "6", "--optimizer", "momentum", "--rate", "0.5",
	}, more...)
}

// TestEvolveLinear trains f(x) = w·x: the network is its own linearization, its
// kernel stays what it is, and the kernel predicts training exactly.
func TestEvolveLinear(t *testing.T) {
	own := []Model{linear("line", 10, nil)}
	r := succeed(t, own, "evolve", "--model", "line", "--backend", "go", "--dtype", "float64", "--data", "digits",
		"--examples", "20", "--test-examples", "8", "--steps", "5", "--json")
	j := decode(t, "ntk/evolve/1", r.stdout)
	points := at(t, j, "result.points").([]any)
	if len(points) != 5 { // 0, 1, 2, 4, 5
		t.Fatalf("%d points, want 5", len(points))
	}
	losses := []float64{}
	for i, p := range points {
		losses = append(losses, at(t, p, "network.loss").(float64))
		for _, gap := range []string{"linearized.gap", "linearized.test_gap", "kernel.gap", "kernel.test_gap", "kernel_distance", "flipped"} {
			if x := at(t, p, gap).(float64); !(x <= 1e-12) { // of outputs of order 1
				t.Errorf("point %d: %s is %g, want 0", i, gap, x)
			}
		}
	}
	for i := range losses[1:] {
		if !(losses[i+1] < losses[i]) {
			t.Errorf("losses %v at half the largest stable rate: they must fall", losses)
		}
	}
	if !strings.Contains(r.stderr, "half the largest that is stable") {
		t.Errorf("stderr %q does not say which rate was taken", r.stderr)
	}
}

// TestEvolveFiles stops a run, goes on as the last line says, and compares files
// with those of a run that was left alone.
func TestEvolveFiles(t *testing.T) {
	out, whole := filepath.Join(t.TempDir(), "stopped"), filepath.Join(t.TempDir(), "whole")
	r := interruptAt(t, "training: step 7 of 12", nil, evolveArgs("--out", out, "--force")...)
	if !strings.Contains(r.stdout, "report: ") {
		t.Errorf("what is finished is not shown: %q", r.stdout)
	}
	_, line, ok := strings.Cut(r.stderr, "; finished steps are kept; to go on: ntk ")
	if !ok {
		t.Fatalf("the last line %q does not say how to go on", r.stderr)
	}
	if m := readManifest(t, out); at(t, m, "incomplete") == "" {
		t.Error("the manifest does not say that results are missing")
	}
	again := succeed(t, nil, append(strings.Fields(line), "--json")...)
	alone := succeed(t, nil, evolveArgs("--out", whole, "--json")...)
	if a, b := pointsOf(t, again.stdout), pointsOf(t, alone.stdout); !reflect.DeepEqual(a, b) {
		t.Errorf("points %v, want %v", a, b)
	}
	names := []string{"weights.npz", "prediction.npz"}
	for _, s := range []int{0, 1, 2, 4, 8, 12} {
		names = append(names, fmt.Sprintf("theta-%d.npy", s))
	}
	for _, name := range names {
		if !bytes.Equal(bytesOf(t, out, name), bytesOf(t, whole, name)) {
			t.Errorf("%s differs from that of a run that was left alone", name)
		}
	}
	for _, folder := range []string{out, whole} {
		succeed(t, nil, "verify", folder)
		page := string(bytesOf(t, folder, "report.html"))
		for _, want := range []string{"Accuracy on test examples", "Velocity of Θ", "Activations flipped", "kernel at the start"} {
			if !strings.Contains(page, want) {
				t.Errorf("the report lacks %q", want)
			}
		}
	}
	// The trained weights are those that Θ after the last step is of.
	gram := filepath.Join(t.TempDir(), "gram")
	succeed(t, nil, "gram", "--model", "mlp", "--depth", "1", "--width", "16", "--backend", "go", "--data", "digits", "--examples", "34",
		"--outputs", "full", "--weights", filepath.Join(whole, "weights.npz"), "--out", gram)
	_, shape, all := readNPY(t, filepath.Join(gram, "theta.npy"))
	_, _, probe := readNPY(t, filepath.Join(whole, "theta-12.npy"))
	n, o := 6, shape[2]
	for i := range n {
		for j := range n {
			for k := range o * o {
				near(t, fmt.Sprintf("Θ[%d, %d] entry %d", i, j, k), probe[(i*n+j)*o*o+k], all[(i*shape[1]+j)*o*o+k], 1e-4) // float32, in other tiles
			}
		}
	}
	// Nothing is replaced unless asked for, nor resumed with other settings.
	if r := do(t.Context(), nil, evolveArgs("--out", whole)...); r.status != exitFailure || !strings.Contains(r.stderr, "not empty") {
		t.Errorf("status %d, stderr %q, want a refusal", r.status, r.stderr)
	}
	other := slices.Clone(evolveArgs("--out", whole, "--resume"))
	other[slices.Index(other, "0.5")] = "0.25"
	if r := do(t.Context(), nil, other...); r.status != exitFailure || !strings.Contains(r.stderr, "another computation") || !strings.Contains(r.stderr, "rate 0.25") {
		t.Errorf("status %d, stderr %q, want a refusal that names the rate", r.status, r.stderr)
	}
}

func bytesOf(t *testing.T, folder, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEvolveRefused holds that what makes no sense is one line and status 2.
func TestEvolveRefused(t *testing.T) {
	base := []string{"evolve", "--model", "mlp", "--backend", "go", "--data", "digits", "--examples", "8"}
	numbers := write(t, "x.npy", npy("(4, 2)", integers(4, 2)...))
	for _, tc := range []struct{ args, want string }{
		{"", "--steps or --epochs"},
		{"--steps 2 --epochs 1", "--steps or --epochs"},
		{"--steps -1", "--steps -1: may not be negative"},
		{"--steps 2 --optimizer adagrad", `--optimizer "adagrad"`},
		{"--steps 2 --momentum 0.5", "--momentum is for"},
		{"--steps 2 --optimizer momentum --momentum 1", "less than 1"},
		{"--steps 2 --rate -1", "--rate -1"},
		{"--steps 2 --rate 0", "--rate 0"},
		{"--steps 2 --at 3", "--at"},
		{"--steps 2 --batch 9", "--batch 9: there are 8"},
		{"--steps 2 --probe 9", "--probe 9: there are 8"},
		{"--steps 2 --of 1", "--of and --params"},
		{"--steps 2 --loss hinge", `--loss "hinge"`},
		{"--steps 2 --resume", "--out is missing"},
		{"--steps 2 --out x --force --resume", "--force and --resume"},
		{"--steps 2 --optimizer adam --prediction yes", "says nothing of adam"},
		{"--steps 2 --data " + numbers + " --examples all --test-examples 4", "left to train on"},
		{"--steps 2 --data " + numbers + " --examples all --labels none", "no labels"},
	} {
		r := do(t.Context(), nil, append(slices.Clone(base), strings.Fields(tc.args)...)...)
		if r.status != exitUsage || !strings.Contains(r.stderr, tc.want) || strings.Count(r.stderr, "\n") != 1 || r.stdout != "" {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want %q", tc.args, r.status, r.stdout, r.stderr, tc.want)
		}
	}
}

// TestEvolveDiverges holds that a rate that is too large is one line, with the
// points before.
func TestEvolveDiverges(t *testing.T) {
	r := do(t.Context(), nil, "evolve", "--model", "mlp", "--width", "8", "--backend", "go", "--data", "digits", "--examples", "8", "--steps", "60", "--rate", "1e9",
		"--linearized=false", "--prediction", "no", "--json")
	if r.status != exitFailure || !strings.Contains(r.stderr, "take a smaller rate") && !strings.Contains(r.stderr, "not finite") {
		t.Errorf("status %d, stderr %q, want a failure that says so", r.status, r.stderr)
	}
	j := decode(t, "ntk/evolve/1", r.stdout)
	if points := at(t, j, "result.points").([]any); len(points) == 0 {
		t.Error("the points before are not shown")
	}
	if at(t, j, "incomplete") == "" {
		t.Error("it is not said that points are missing")
	}
}

// TestEvolveCommandLine holds that every field of a point that ought to be there
// is, with each optimizer and loss.
func TestEvolveCommandLine(t *testing.T) {
	for _, args := range [][]string{
		{"--optimizer", "adam", "--loss", "xent"}, {"--loss", "xent", "--mean-over", "examples"}, {"--targets", "onehot", "--mean-over", "sum", "--epochs", "1", "--steps", "0"},
	} {
		line := append([]string{
			"evolve", "--model", "mlp", "--depth", "1", "--width", "8", "--backend", "go", "--data", "digits", "--examples", "12", "--test-examples", "4",
			"--batch", "6", "--steps", "2", "--json",
		}, args...)
		j := decode(t, "ntk/evolve/1", succeed(t, nil, line...).stdout)
		last := at(t, j, "result.points").([]any)
		p := last[len(last)-1].(map[string]any)
		for name, want := range map[string]bool{"linearized": true, "kernel": args[1] != "adam"} {
			if _, ok := p[name]; ok != want {
				t.Errorf("%v: %s is there: %v, want %v", args, name, ok, want)
			}
		}
		var null []string
		for name, v := range p {
			if v == nil && name != "loss_bound" { // nothing is promised of minibatches
				null = append(null, name)
			}
		}
		if null != nil {
			t.Errorf("%v: null: %q", args, null)
		}
		if p["step"] != 2.0 || p["epochs"] != 1.0 || p["units"].(float64) != 12*8 {
			t.Errorf("%v: step %v, epochs %v, units %v, want 2, 1 and 96", args, p["step"], p["epochs"], p["units"])
		}
	}
}

// pointsOf returns the points of a run's JSON without the time they took.
func pointsOf(t *testing.T, stdout string) []any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatal(err)
	}
	points := at(t, v, "result.points").([]any)
	for _, p := range points {
		delete(p.(map[string]any), "seconds")
	}
	return points
}
