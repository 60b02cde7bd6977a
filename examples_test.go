package ntk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// publicPackages are those that other programs import.
var publicPackages = []string{
	"graph", "graph/axes", "graph/cost", "graph/jvp", "graph/lower", "graph/simplify", "graph/vmap", "dual", "spectral", "models", "models/onnx", "models/weights", "empirical", "limits", "predict", "train", "diagnose", "cmd",
}

// TestExamples wants in every public package an Example with output, which go
// test runs, and no public package that the list lacks.
func TestExamples(t *testing.T) {
	for _, dir := range publicPackages {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, path := range files {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Example") {
					continue
				}
				output := false
				for _, c := range f.Comments {
					output = output || c.Pos() > fn.Pos() && c.End() < fn.End() && strings.Contains(c.Text(), "Output:")
				}
				if output {
					found++
				} else {
					t.Errorf("%s: %s has no output: nobody runs it", path, fn.Name.Name)
				}
			}
		}
		if found == 0 {
			t.Errorf("package %s has no Example", dir)
		}
	}
	for _, dir := range packages(t) {
		room, _, _ := strings.Cut(dir, "/")
		switch room {
		case "internal", "bench", "examples":
			continue
		}
		if dir != "." && dir != "cmd/ntk" && !strings.Contains(dir, "/internal/") && !slices.Contains(publicPackages, dir) {
			t.Errorf("package %s is not on the list of public packages", dir)
		}
	}
}

// packages lists the folders that hold Go files of the module.
func packages(t *testing.T) (dirs []string) {
	t.Helper()
	var visit func(dir string)
	visit = func(dir string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		code := false
		for _, e := range entries {
			name := e.Name()
			switch {
			case e.IsDir() && !strings.HasPrefix(name, ".") && name != "testdata":
				visit(filepath.Join(dir, name))
			case strings.HasSuffix(name, ".go"):
				code = true
			}
		}
		if code {
			dirs = append(dirs, filepath.ToSlash(dir))
		}
	}
	visit(".")
	return dirs
}
