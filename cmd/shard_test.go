package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/durable"
)

// TestShards computes Θ in shards, joins them, and compares the bytes with those
// of one process.
func TestShards(t *testing.T) {
	file := write(t, "x.npy", npy("(11, 3)", integers(11, 3)...))
	own := []Model{linear("line", 2, nil)}
	args := func(out string, more ...string) []string {
		return append(strings.Fields("gram --model line --backend go --quiet --outputs full --examples all --data "+file+" --out "+out), more...)
	}
	for _, n := range []int{1, 3, 4} {
		for _, packed := range []string{"--packed=false", "--packed"} {
			folder := filepath.Join(t.TempDir(), "theta")
			for i := n; i >= 1; i-- { // in any order
				r := succeed(t, own, args(folder, "--json", "--shard", fmt.Sprintf("%d/%d", i, n))...)
				j := decode(t, "ntk/gram/1", r.stdout)
				if at(t, j, "shard") != fmt.Sprintf("%d/%d", i, n) || at(t, j, "shares") != nil {
					t.Errorf("shard %v, shares %v", at(t, j, "shard"), at(t, j, "shares"))
				}
			}
			r := succeed(t, nil, "merge", folder, "--json", "--quiet", packed)
			if j := decode(t, "ntk/merge/1", r.stdout); at(t, j, "shards") != float64(n) {
				t.Errorf("merged %v", j)
			}
			whole := filepath.Join(t.TempDir(), "whole")
			succeed(t, own, args(whole, packed)...)
			if !sameFile(t, filepath.Join(folder, "theta.npy"), filepath.Join(whole, "theta.npy")) {
				t.Errorf("%d shards, %s: theta.npy differs from that of one process", n, packed)
			}
			succeed(t, nil, "verify", folder)
			// Again: nothing to do, by any of them.
			succeed(t, own, args(folder, "--resume", "--shard", fmt.Sprintf("%d/%d", n, n))...)
			succeed(t, nil, "merge", folder, packed)
			// Under other names, to another folder.
			out := filepath.Join(t.TempDir(), "joined")
			succeed(t, nil, "merge", folder, packed, "--out", out)
			if !sameFile(t, filepath.Join(out, "theta.npy"), filepath.Join(whole, "theta.npy")) {
				t.Errorf("%d shards, %s, --out: theta.npy differs", n, packed)
			}
		}
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// TestShardsRefused joins nothing that is not all of one matrix, and writes over
// no shard unasked.
func TestShardsRefused(t *testing.T) {
	file := write(t, "x.npy", npy("(6, 3)", integers(6, 3)...))
	own := []Model{linear("line", 2, nil)}
	folder := t.TempDir()
	args := func(i string, more ...string) []string {
		return append(strings.Fields("gram --model line --backend go --quiet --examples all --data "+file+" --out "+folder+" --shard "+i), more...)
	}
	succeed(t, own, args("1/2")...)
	r := do(t.Context(), own, "merge", folder)
	if r.status != exitFailure || !strings.Contains(r.stderr, "is missing") {
		t.Errorf("one of two: %d, %q", r.status, r.stderr)
	}
	r = do(t.Context(), own, args("1/2")...)
	if r.status != exitFailure || !strings.Contains(r.stderr, "--resume") || !strings.Contains(r.stderr, "--force") {
		t.Errorf("again: %d, %q", r.status, r.stderr)
	}
	succeed(t, own, args("2/2", "--seed", "2")...)
	r = do(t.Context(), own, "merge", folder)
	if r.status != exitFailure || !strings.Contains(r.stderr, `"seed"`) || !strings.Contains(r.stderr, `"weights sha256"`) {
		t.Errorf("of two seeds: %d, %q", r.status, r.stderr)
	}
	succeed(t, own, args("2/2", "--force")...)
	succeed(t, own, "merge", folder)
	// Six examples in blocks of one: 21 tiles. Of one weight of three rows, the
	// rows of the grid with 6 and 5 tiles cost half of all, blocks of examples nearly nothing.
	if r := succeed(t, own, args("1/2", "--explain")...); !regexp.MustCompile(`shard 1/2: tiles 0 to (9|10|11) of 0 to 20\n`).MatchString(r.stdout) {
		t.Errorf("--explain says %q", r.stdout)
	}
}

// TestResumeFromNothing: --resume starts where there is nothing yet, whatever a
// kill left before there was anything to lose.
func TestResumeFromNothing(t *testing.T) {
	file := write(t, "x.npy", npy("(2, 2)", 1, 2, 3, 4))
	own := []Model{linear("line", 1, nil)}
	for _, left := range [][]string{nil, {}, {"theta.npy.partial"}, {"theta.npy.partial", "theta.npy.journal.new"}, {durable.Partial + "manifest.json-123"}} {
		out := filepath.Join(t.TempDir(), "theta")
		if left != nil {
			if err := os.Mkdir(out, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range left {
			if err := os.WriteFile(filepath.Join(out, name), []byte("cut of"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r := succeed(t, own, strings.Fields("gram --model line --backend go --examples all --resume --data "+file+" --out "+out)...)
		if !strings.Contains(r.stderr, "starting from the beginning") {
			t.Errorf("left %v: stderr %q", left, r.stderr)
		}
		if _, _, theta := readNPY(t, filepath.Join(out, "theta.npy")); len(theta) != 4 || theta[1] != 11 {
			t.Errorf("left %v: Θ is %v", left, theta)
		}
	}
}
