package graph_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/ml/layers"
)

// untested says of exported functions of GoMLX's pkg/ml/layers and below it,
// or of whole packages of it, why no test of layers here calls them.
var untested = map[string]string{
	"kan":      "needs module github.com/gomlx/bsplines, which this one does not",
	"bsplines": "needs module github.com/gomlx/bsplines, which this one does not",

	"layers.AssertQuantilesForPWLCalibrationValid": "builds nothing",
	"layers.MustNormalizeByName":                   "package fnn calls it",
	"layers.MaskedNormalizeFromContext":            "NormalizeFromContext calls it",
	"layers.DropoutNormalize":                      "Dropout calls it",
	"layers.DropPathFromContext":                   "it is DropPath",
	"layers.AddL2Regularization":                   "deprecated for regularizers.L2",
	"layers.AddL2RegularizationStatic":             "deprecated for regularizers.L2",
	"activations.FromName":                         "builds nothing",
	"activations.Relu":                             "Apply calls it",
	"activations.LeakyRelu":                        "Apply calls it",
	"activations.Swish":                            "Apply calls it",
	"activations.Selu":                             "Apply calls it",
	"activations.Gelu":                             "Apply calls it",
	"activations.GeluApproximate":                  "Apply calls it",
	"activations.TypeString":                       "builds nothing",
	"activations.TypeStrings":                      "builds nothing",
	"batchnorm.ResetWeights":                       "builds nothing",
	"batchnorm.UpdateAverages":                     "builds nothing",
	"lstm.NewWithWeights":                          "New with given weights",
	"lstm.DirectionTypeString":                     "builds nothing",
	"lstm.DirectionTypeStrings":                    "builds nothing",
	"lstm.DirectionTypeValues":                     "builds nothing",
	"regularizers.FromContext":                     "Dense calls it",
	"regularizers.L1":                              "FromContext calls it",
	"regularizers.L2":                              "FromContext calls it",
	"regularizers.Combine":                         "FromContext calls it",
	"vnn.ReluFromContext":                          "vnn.New calls it",
}

// TestEveryLayerIsTested reads GoMLX's source and fails if a function that
// GoMLX exports among its layers is neither called in layers_test.go nor among
// those that need not be.
func TestEveryLayerIsTested(t *testing.T) {
	file, _ := runtime.FuncForPC(reflect.ValueOf(layers.Dense).Pointer()).FileLine(0)
	root := filepath.Dir(file)
	if _, err := os.Stat(root); err != nil {
		t.Skipf("GoMLX's source is not where it was compiled (-trimpath?): %v", err)
	}
	exported := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() {
				exported[f.Name.Name+"."+fn.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(exported) < 40 { // GoMLX v0.26.0 has more
		t.Errorf("%d functions found in %s", len(exported), root)
	}
	tests, err := parser.ParseFile(token.NewFileSet(), "layers_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	ast.Inspect(tests, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := s.X.(*ast.Ident); ok {
				called[pkg.Name+"."+s.Sel.Name] = true
			}
		}
		return true
	})
	for name := range exported {
		pkg, _, _ := strings.Cut(name, ".")
		_, exempt := untested[name]
		_, whole := untested[pkg]
		switch {
		case called[name] && exempt:
			t.Errorf("%s is tested and listed as untested", name)
		case !called[name] && !exempt && !whole:
			t.Errorf("%s is neither tested nor listed as untested", name)
		}
	}
	for name := range untested {
		if strings.Contains(name, ".") && !exported[name] {
			t.Errorf("%s is listed as untested, GoMLX does not export it", name)
		}
	}
}
