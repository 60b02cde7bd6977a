// Package ntk_test holds the tests of the repository as a whole.
package ntk_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gontk/ntk/"

// arrows lists, for each room of the project, the rooms that it may import.
// Everything may import internal, whose rooms import what stands here.
var arrows = map[string][]string{
	"graph":     nil,
	"dual":      nil,
	"spectral":  nil,
	"models":    {"graph", "dual"},
	"empirical": {"graph", "spectral"},
	"limits":    {"graph", "dual", "empirical"},
	"predict":   {"spectral"},
	"train":     {"graph", "empirical", "predict"},
	"diagnose":  {"models", "empirical", "limits", "train", "predict"},
	"cmd":       {"graph", "dual", "spectral", "models", "empirical", "limits", "predict", "train", "diagnose"},
	"examples":  {"graph", "models", "empirical", "limits", "predict", "train", "diagnose", "cmd"},
	"bench":     {"graph", "models", "empirical", "limits", "predict", "train", "diagnose"},

	"internal/data":       {"internal/npy"},
	"internal/durable":    nil,
	"internal/kerneltest": {"internal/native"},
	"internal/machine":    {"internal/durable"},
	"internal/native":     {"internal/durable"},
	"internal/npy":        nil,
	"internal/npz":        {"internal/npy"},
	"internal/queue":      {"internal/tiles"},
	"internal/report":     nil,
	"internal/tiles":      {"internal/durable", "internal/npy"},
}

// TestImports reads every import of ours and fails on an arrow that is not in
// the map. Tests may also import models and internal packages.
func TestImports(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || !strings.Contains(path, string(filepath.Separator)) {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := roomOf(filepath.ToSlash(filepath.Dir(path)))
		allowed, known := arrows[from]
		if !known {
			t.Errorf("%s: room %q is not on the map", path, from)
			return nil
		}
		seen++
		for _, imp := range f.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			if !strings.HasPrefix(p, module) {
				if n := imp.Name; n != nil && n.Name == "." {
					t.Errorf("%s: imports %s with a dot", path, p)
				}
				continue
			}
			to := roomOf(strings.TrimPrefix(p, module))
			switch {
			case to == from, slices.Contains(allowed, to), isInternal(to) && !isInternal(from):
			case strings.HasSuffix(path, "_test.go") && (to == "models" || isInternal(to)):
			default:
				t.Errorf("%s: %s imports %s; the map has no such arrow", path, from, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("no Go files read")
	}
}

func isInternal(room string) bool { return strings.HasPrefix(room, "internal/") }

// roomOf returns the first element of a folder, and the first two of those
// under internal.
func roomOf(dir string) string {
	room, rest, _ := strings.Cut(dir, "/")
	if room == "internal" {
		next, _, _ := strings.Cut(rest, "/")
		return room + "/" + next
	}
	return room
}
