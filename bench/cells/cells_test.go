package cells

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type number struct {
	Value float64 `json:"value"`
}

// squares are cells that count how often they are computed.
func squares(computed *int) []Cell[number] {
	var all []Cell[number]
	for i, name := range []string{"one", "two", "three"} {
		x := float64(i + 1)
		all = append(all, Cell[number]{Name: name, Args: []string{"square", name}, Compute: func(context.Context) (*number, error) {
			*computed++
			return &number{x * x}, nil
		}})
	}
	return all
}

// TestRun counts what is computed: what is there is not, what is of something else is,
// and so is what failed or was stopped.
func TestRun(t *testing.T) {
	o := Options{Folder: t.TempDir(), Progress: new(bytes.Buffer)}
	run := func(ctx context.Context, o Options, change func([]Cell[number])) (all []Cell[number], computed, failed int, err error) {
		all = squares(&computed)
		if change != nil {
			change(all)
		}
		failed, err = Run(ctx, all, o)
		return all, computed, failed, err
	}
	want := func(step string, all []Cell[number], values ...float64) {
		t.Helper()
		for i, v := range values {
			switch r := all[i].Result; {
			case v == 0 && r != nil:
				t.Errorf("%s: %s has %v, want none", step, all[i].Name, *r)
			case v != 0 && (r == nil || r.Value != v):
				t.Errorf("%s: %s has %v, want %g", step, all[i].Name, r, v)
			}
		}
	}

	only := o
	only.Only = "t"
	all, computed, failed, err := run(t.Context(), only, func(all []Cell[number]) {
		all[1].Compute = func(context.Context) (*number, error) { return nil, errors.New("no square") }
	})
	if err != nil || failed != 1 || computed != 1 {
		t.Errorf("a failure: computed %d, failed %d, error %v; want 1, 1 and none", computed, failed, err)
	}
	want("a failure", all, 0, 0, 9)

	ctx, cancel := context.WithCancel(t.Context())
	_, computed, _, err = run(ctx, o, func(all []Cell[number]) {
		all[1].Compute = func(context.Context) (*number, error) { cancel(); return nil, context.Canceled }
	})
	if err == nil || !strings.Contains(err.Error(), "two") || computed != 1 {
		t.Errorf("stopped: computed %d, error %v; want 1, and an error that names two", computed, err)
	}

	all, computed, failed, err = run(t.Context(), o, nil)
	if err != nil || failed != 0 || computed != 1 {
		t.Errorf("goes on: computed %d, failed %d, error %v; want 1, 0 and none", computed, failed, err)
	}
	want("goes on", all, 1, 4, 9)

	read := o
	read.Read = true
	all, computed, _, err = run(t.Context(), read, func(all []Cell[number]) { all[0].Args = []string{"cube", "one"} })
	if err != nil || computed != 0 {
		t.Errorf("reads: computed %d, error %v; want 0 and none", computed, err)
	}
	want("reads", all, 0, 4, 9)

	if err := os.WriteFile(filepath.Join(o.Folder, "two.json"), []byte(`{"args": [`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err = run(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), "two.json") {
		t.Errorf("half a file: error %v, want one that names two.json", err)
	}
}

// TestInsert holds that the tables stand between their lines, and nothing else changes.
func TestInsert(t *testing.T) {
	path := filepath.Join(t.TempDir(), "training.md")
	text := "# Before\n<!-- end -->\n<!-- written by make results -->\nold\n<!-- end -->\nafter\n<!-- end -->\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Insert(path, "results", "new\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if want := strings.Replace(text, "old", "new", 1); err != nil || string(got) != want {
		t.Errorf("%q, error %v; want %q", got, err, want)
	}
	if err := os.WriteFile(path, []byte("# Before\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Insert(path, "results", "new\n"); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a document without the lines: error %v", err)
	}
}
