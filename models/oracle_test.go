package models_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"

	"github.com/gontk/ntk/models"
)

// oracles is the folder of reference values: that of NTK_ORACLES or our own.
func oracles() (dir string, own bool) {
	if dir := os.Getenv("NTK_ORACLES"); dir != "" {
		return dir, false
	}
	return "../testdata/oracles", true
}

// An oracleCase is an entry of index.json.
type oracleCase struct {
	Name, File, Kind, Parameterization string
	Layers                             json.RawMessage
	InputShape                         []int `json:"input_shape"`
	Params                             []string
	Arrays                             map[string][]int
}

func oracleCases(t *testing.T) []oracleCase {
	t.Helper()
	dir, _ := oracles()
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []oracleCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// spec writes the case as a Spec.
func (c oracleCase) spec() (*models.Spec, error) {
	text, err := json.Marshal(map[string]any{
		"name": c.Name, "layers": c.Layers, "parameterization": c.Parameterization, "input_shape": c.InputShape,
	})
	if err != nil {
		return nil, err
	}
	return models.ParseSpec(strings.NewReader(string(text)))
}

func (c oracleCase) arrays(t *testing.T) map[string]nd {
	t.Helper()
	dir, _ := oracles()
	npz, err := numpy.FromNpzFile(filepath.Join(dir, c.File))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]nd{}
	for name, x := range npz {
		out[name] = nd{x.Shape().Dimensions, tensors.MustCopyFlatData[float64](x)}
	}
	return out
}

// TestOracleForward: f of every finite network that neural-tangents evaluated
// in float64, with its parameters. Both sum in some order, at most 10³ terms a
// layer: 1e-12 would do; 1e-9 is what the kernels of the set are given with.
func TestOracleForward(t *testing.T) {
	n := 0
	for _, c := range oracleCases(t) {
		if c.Kind != "empirical" && c.Kind != "evolution" {
			continue
		}
		n++
		t.Run(c.Name, func(t *testing.T) {
			s, err := c.spec()
			if err != nil {
				t.Fatal(err)
			}
			infos, err := s.Params()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			a := c.arrays(t)
			for _, p := range infos {
				got = append(got, p.Name)
				if !slices.Equal(p.Shape, a[p.Name].dims) {
					t.Errorf("%s has shape %v, want %v", p.Name, p.Shape, a[p.Name].dims)
				}
			}
			if !slices.Equal(got, c.Params) {
				t.Fatalf("arrays %v, want %v", got, c.Params)
			}
			pairs := [][2]string{{"x1", "f1"}, {"x2", "f2"}}
			if c.Kind == "evolution" { // train, test at step 0 are f at the given parameters
				pairs = [][2]string{{"x_train", "train"}, {"x_test", "test"}}
			}
			for _, pair := range pairs {
				x, ok := a[pair[0]]
				want := a[pair[1]]
				if !ok { // no x2: x2 is x1
					continue
				}
				if c.Kind == "evolution" {
					want = nd{want.dims[1:], want.data[:size(want.dims[1:])]}
				}
				if e := relErr(forward(t, s, a, x), want); !(e <= 1e-9) {
					t.Errorf("%s: relative error %g, want ≤ 1e-9", pair[1], e)
				}
			}
		})
	}
	if _, own := oracles(); own && n < 35 {
		t.Errorf("only %d finite networks in the set, want 35", n)
	} else if n == 0 {
		t.Skip("the folder of NTK_ORACLES has no finite network")
	}
}

// refused says whether the case has a layer that no finite network computes.
func (c oracleCase) refused(t *testing.T) bool {
	t.Helper()
	var layers any
	if err := json.Unmarshal(c.Layers, &layers); err != nil {
		t.Fatal(err)
	}
	seen := map[string]map[string]bool{}
	opsIn(layers, seen)
	return seen["exp_normalized"] != nil
}

// TestOracleSpecs: every architecture of the set is read, built and recorded,
// but those with exp_normalized, which are refused by that name.
func TestOracleSpecs(t *testing.T) {
	built, refused := 0, 0
	for _, c := range oracleCases(t) {
		if c.Layers == nil {
			continue
		}
		s, err := c.spec()
		if c.refused(t) {
			refused++
			if want := `op "exp_normalized" cannot be built`; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", c.Name, err, want)
			}
			continue
		}
		built++
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		r := record(t, s, 2)
		out, err := s.OutputShape()
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Program.Outputs[0].Shape.Dimensions; !slices.Equal(got, append([]int{2}, out...)) {
			t.Errorf("%s: output %v, the spec says %v per example", c.Name, got, out)
		}
		for _, v := range r.Variables {
			if !v.Tagged {
				t.Errorf("%s: %s has no distribution", c.Name, v.ScopeAndName())
			}
		}
	}
	t.Logf("%d architectures built, %d refused", built, refused)
	if _, own := oracles(); own && (built < 100 || refused != 1) {
		t.Errorf("%d architectures built and %d refused, want 100 or more and 1", built, refused)
	}
}
