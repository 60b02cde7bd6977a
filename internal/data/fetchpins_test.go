package data

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The scripts name the sets they write and, for CIFAR-10, their sums: the
// pinned sums must be of these files and no others.
func TestPinsAgreeWithScripts(t *testing.T) {
	pins, err := readPins(pinnedSums)
	if err != nil {
		t.Fatal(err)
	}
	if len(pins) != len(suppliers) {
		t.Errorf("%d sets pinned, %d can be fetched", len(pins), len(suppliers))
	}
	read := func(name string) string {
		code, err := scripts.ReadFile("scripts/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(code)
	}
	var want []pin
	for _, m := range regexp.MustCompile(`"(\w+_batch(?:_\d)?|test_batch)": "([0-9a-f]{64})"`).FindAllStringSubmatch(read("fetch-cifar10.py"), -1) {
		want = append(want, pin{m[1] + ".bin", m[2]})
	}
	if len(want) != 6 || !slices.Equal(pins["cifar10"], want) {
		t.Errorf("cifar10: pinned %v\nin the script %v", pins["cifar10"], want)
	}

	var sets []string
	for _, m := range regexp.MustCompile(`(?m)^    "([\w-]+)": \("`).FindAllStringSubmatch(read("fetch-uci.py"), -1) {
		sets = append(sets, m[1])
	}
	slices.Sort(sets)
	names, err := UCINames()
	if err != nil || len(names) != 59 || !slices.Equal(names, sets) {
		t.Errorf("uci: names %q, %v\nin the script %q", names, err, sets)
	}
	if len(pins["uci"]) != len(names)+1 {
		t.Errorf("uci: %d files for %d sets and the index", len(pins["uci"]), len(names))
	}
	for _, set := range []string{"mnist", "fashion-mnist"} {
		if len(pins[set]) != 4 {
			t.Errorf("%s: %d files pinned, want images and labels of two parts", set, len(pins[set]))
		}
	}
}

func TestReadPinsRefuses(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for _, line := range []string{sum, sum + "  file", sum + " mnist/file", sum[1:] + "  mnist/file", "g" + sum[1:] + "  mnist/file"} {
		if _, err := readPins(line + "\n"); err == nil || !strings.Contains(err.Error(), "expected") {
			t.Errorf("%q: error %v", line, err)
		}
	}
}

const testIndex = "name,n,missing\niris,3,0\nholes,3,2\n"

func TestOpenUCI(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("NTK_DATA", "")
	write(t, cache, "uci/INDEX.csv", []byte(testIndex))
	write(t, cache, "uci/iris.csv", []byte("x1,x2,class\n1,5,0\n1,7,1\n4,6,1\n"))
	write(t, cache, "uci/holes.csv", []byte("x1,class\n1,0\n2,1\n3,1\n"))

	s := open(t, "uci/iris", Options{CacheDir: cache})
	// Means 2, 6; standard deviations √2, √(2/3).
	want := []float64{-0.7071067811865475, -1.224744871391589, -0.7071067811865475, 1.224744871391589, 1.414213562373095, 0}
	for i, v := range s.X {
		if d := v - want[i]; !(d < 1e-15 && d > -1e-15) { // differs in the last bit only
			t.Errorf("X = %v, want %v", s.X, want)
			break
		}
	}
	if !slices.Equal(s.Y, []float64{0, 1, 1}) || s.Classes != 2 || s.Layout != "" || s.Source == "" || s.License == "" {
		t.Errorf("set %+v", s)
	}
	if want := "nominal inputs, if any, as level numbers; each feature standardized over these examples"; s.Note != want {
		t.Errorf("note %q, want %q", s.Note, want)
	}

	s = open(t, "uci/holes", Options{CacheDir: cache, Standardize: "none", Labels: "none"})
	if !slices.Equal(s.X, []float64{1, 2, 3}) || s.Y != nil {
		t.Errorf("X = %v, Y = %v", s.X, s.Y)
	}
	if want := "nominal inputs, if any, as level numbers; 2 missing values of the whole set replaced by their input's mean; not standardized"; s.Note != want {
		t.Errorf("note %q, want %q", s.Note, want)
	}

	// A file keeps its own defaults.
	if s := open(t, filepath.Join(cache, "uci/iris.csv"), Options{}); s.Note != "not standardized" {
		t.Errorf("note of the file %q", s.Note)
	}
}

func TestOpenUCIRefused(t *testing.T) {
	cache, broken := t.TempDir(), t.TempDir()
	t.Setenv("NTK_DATA", "")
	write(t, cache, "uci/INDEX.csv", []byte(testIndex))
	for _, tc := range []struct {
		name, index string
		o           Options
		want        string
	}{
		{"uci/nope", "", Options{CacheDir: cache}, `no UCI set is called "nope": ` + filepath.Join(cache, "uci/INDEX.csv") + " lists the 2 there are"},
		{"uci/iris", "", Options{CacheDir: cache}, "iris.csv: no such file"},
		{"uci/iris", "", Options{CacheDir: cache, Labels: "x1"}, `uci/iris has its own labels, "x1" cannot replace them`},
		{"uci/iris", "", Options{CacheDir: "elsewhere"}, `uci is not in elsewhere/uci or /usr/share/datasets/uci: "ntk data fetch uci" gets it`},
		{"uci", "", Options{CacheDir: cache}, "uci is a collection: uci/NAME opens one"},
		{"uci/iris", "size,n\n", Options{CacheDir: broken}, "columns name (the first) and missing expected"},
		{"uci/iris", " ", Options{CacheDir: broken}, "columns name"},
	} {
		if tc.index != "" {
			write(t, broken, "uci/INDEX.csv", []byte(tc.index))
		}
		_, err := Open(t.Context(), tc.name, tc.o)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %+v: error %v, want one line with %q", tc.name, tc.o, err, tc.want)
		}
	}
}
