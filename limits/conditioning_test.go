package limits_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

// conditioned is testdata/conditioning.json; conditioning.py says what it has.
type conditioned struct {
	Names    []string
	Inputs   map[string][][]float64
	Networks []conditionedNetwork
}

type conditionedNetwork struct {
	Op               string
	Alpha            *float64
	W, B             float64
	Float64, Float32 []conditionedValues
}

// conditionedValues are at pairs i ≤ j, row by row.
type conditionedValues struct {
	Depth    int
	K, Theta []float64
}

func readConditioned(t *testing.T) conditioned {
	t.Helper()
	text, err := os.ReadFile("testdata/conditioning.json")
	if err != nil {
		t.Fatal(err)
	}
	var c conditioned
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// limit derives the limit of depth hidden layers of the network.
func (n conditionedNetwork) limit(t *testing.T, depth, features int) *limits.Limit {
	t.Helper()
	dense := fmt.Sprintf(`{"op":"dense","width":64,"w_std":%.17g,"b_std":%.17g}`, n.W, n.B)
	activation := `{"op":"` + n.Op + `"}`
	if n.Alpha != nil {
		activation = fmt.Sprintf(`{"op":"%s","alpha":%.17g}`, n.Op, *n.Alpha)
	}
	text := `{"layers":[` + strings.Repeat(dense+","+activation+",", depth) + dense + `],"parameterization":"ntk","input_shape":[` + fmt.Sprint(features) + `]}`
	spec, err := models.ParseSpec(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := spec.Model()
	if err != nil {
		t.Fatal(err)
	}
	l, err := limits.Derive(mlctx.New(), f, []shapes.Shape{shapes.Make(dtypes.Float64, features)}, limits.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestConditioning: one hidden layer and twenty, on inputs that coincide, nearly
// coincide, are opposite, nearly opposite and zero, against values of 50 digits: pair
// by pair in float64 with inputs 1e-8 apart, and in vectors of float32 with inputs
// 1e-4 apart.
func TestConditioning(t *testing.T) {
	c := readConditioned(t)
	for _, n := range c.Networks {
		for _, v := range n.Float64 {
			t.Run(fmt.Sprintf("%s, b=%g, %d layers, float64", n.Op, n.B, v.Depth), func(t *testing.T) {
				// A layer rounds scales, variances and angles by a few 1e-16, which a
				// chaotic network (erf) magnifies: twenty leave some 1e-13.
				v.compare(t, c, n, dtypes.Float64, 1e-12, 0x1p-53)
			})
		}
		for _, v := range n.Float32 {
			t.Run(fmt.Sprintf("%s, b=%g, %d layers, float32", n.Op, n.B, v.Depth), func(t *testing.T) {
				v.compare(t, c, n, dtypes.Float32, 2e-6, 0x1p-24)
			})
		}
	}
}

// compare holds K and Θ to a relative tolerance, and their least eigenvalues to ten
// roundings of an entry in every layer.
func (v conditionedValues) compare(t *testing.T, c conditioned, n conditionedNetwork, dtype dtypes.DType, tolerance, rounding float64) {
	t.Helper()
	x := c.Inputs[strings.ToLower(dtype.String())]
	l := n.limit(t, v.Depth, len(x[0]))
	g, err := l.Gram(t.Context(), empirical.Batch{tensors.FromValue(x)}, nil, limits.GramOptions{DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	// Twenty layers of erf with w = 1.5 are chaotic: they magnify a rounding of K.
	chaotic := n.Op == "erf" && v.Depth > 1
	if compiled := dtype == dtypes.Float32 && !chaotic; strings.HasPrefix(g.Engine, "chain") != compiled || strings.Contains(g.Engine, "magnify") != (dtype == dtypes.Float32 && chaotic) {
		t.Errorf("engine %q", g.Engine)
	}
	compareConditioned(t, c.Names, "K", g.NNGP, v.K, tolerance)
	compareConditioned(t, c.Names, "Θ", g.NTK, v.Theta, tolerance)
	rounding *= 10 * float64(v.Depth+1)
	semidefinite(t, "K", g.NNGP, rounding)
	semidefinite(t, "Θ", g.NTK, rounding)
}

// compareConditioned holds every pair to a tolerance relative to √(K(x, x)·K(x', x')),
// which is K(x, x') near coincidence; what is 0 is 0.
func compareConditioned(t *testing.T, names []string, kernel string, got, want []float64, tolerance float64) {
	t.Helper()
	n, at := len(names), 0
	full, worst := make([]float64, n*n), 0.0
	for i := range n {
		for j := i; j < n; j++ {
			full[i*n+j] = want[at]
			at++
		}
	}
	for i := range n {
		for j := i; j < n; j++ {
			x, y := got[i*n+j], full[i*n+j]
			e := math.Abs(x - y)
			if scale := math.Sqrt(full[i*n+i] * full[j*n+j]); scale != 0 {
				e /= scale
			}
			worst = max(worst, e)
			if !(e <= tolerance) {
				t.Errorf("%s(%s, %s) is %.17g, want %.17g: off by %.2g", kernel, names[i], names[j], x, y, e)
			}
		}
	}
	t.Logf("%s: off by %.2g at most", kernel, worst)
}

// semidefinite holds the least eigenvalue to what rounding of entries explains.
func semidefinite(t *testing.T, kernel string, gram []float64, rounding float64) {
	t.Helper()
	n := int(math.Sqrt(float64(len(gram))))
	var eig mat.EigenSym
	if !eig.Factorize(mat.NewSymDense(n, slices.Clone(gram)), false) {
		t.Fatalf("%s: no eigenvalues", kernel)
	}
	values := eig.Values(nil)
	if least, allowed := values[0], rounding*float64(n)*slices.Max(gram); !(least >= -allowed) {
		t.Errorf("%s: least eigenvalue %.3g, want ≥ %.3g", kernel, least, -allowed)
	}
}
