package predict_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/predict"
)

// An oracleCase is a case of testdata/oracles with the fields of kind predict.
type oracleCase struct {
	kerneltest.Case
	Function string   `json:"function"`
	Rate     float64  `json:"learning_rate"`
	Momentum *float64 `json:"momentum"`
	Loss     string   `json:"loss"`
	Ridge    float64  `json:"diag_reg"`
	Absolute bool     `json:"diag_reg_absolute_scale"`
}

// predictCases returns the cases of kind predict with their fields.
func predictCases(t *testing.T) []oracleCase {
	t.Helper()
	dir := os.Getenv("NTK_ORACLES")
	if dir == "" {
		dir = filepath.Join("..", "testdata", "oracles")
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []oracleCase
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	named := map[string]oracleCase{}
	for _, c := range all {
		named[c.Name] = c
	}
	var cases []oracleCase
	for _, c := range kerneltest.Oracles(t, "predict") {
		whole := named[c.Name]
		whole.Case = c // knows its folder
		cases = append(cases, whole)
	}
	return cases
}

// arrays are the arrays of a case, as matrices.
type arrays struct {
	t   *testing.T
	all map[string]*tensors.Tensor
}

func (a arrays) has(name string) bool { return a.all[name] != nil }

// matrix views an array as a matrix, leading axes as rows: [.., cols].
func (a arrays) matrix(name string) predict.Matrix {
	a.t.Helper()
	x := a.all[name]
	if x == nil {
		a.t.Fatalf("no array %s", name)
	}
	dims := x.Shape().Dimensions
	cols := dims[len(dims)-1]
	return predict.Matrix{Rows: x.Shape().Size() / cols, Cols: cols, Data: kerneltest.Floats(a.t, x)}
}

// kernel returns a kernel [n, m] as it is, and [n, m, o, o] as [n·o, m·o].
func (a arrays) kernel(name string) predict.Matrix {
	a.t.Helper()
	x := a.all[name]
	if x == nil {
		a.t.Fatalf("no array %s", name)
	}
	dims := x.Shape().Dimensions
	if len(dims) == 2 {
		return a.matrix(name)
	}
	n, m, o := dims[0], dims[1], dims[2]
	flat := kerneltest.Floats(a.t, x)
	out := predict.NewMatrix(n*o, m*o)
	for i := range n {
		for j := range m {
			for p := range o {
				for q := range o {
					out.Data[(i*o+p)*m*o+j*o+q] = flat[((i*m+j)*o+p)*o+q]
				}
			}
		}
	}
	return out
}

// reduction says which kernel an array is.
func (a arrays) reduction(name string) predict.Reduction {
	if x := a.all[name]; x != nil && x.Rank() == 4 {
		return predict.Full
	}
	return predict.PerOutput
}

func join(ms []predict.Matrix) (v []float64) {
	for _, m := range ms {
		v = append(v, m.Data...)
	}
	return v
}

// The oracle is neural-tangents 0.6.5 in float64, and DOP853 of SciPy for its ODE;
// see testdata/oracles/README.md.
func TestOracle(t *testing.T) {
	for _, c := range predictCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			a := arrays{t, c.Arrays(t)}
			switch c.Function {
			case "gradient_descent_mse":
				oracleMSE(t, c, a)
			case "gradient_descent_mse_ensemble":
				oracleEnsemble(t, c, a)
			case "gp_inference":
				oracleGP(t, c, a)
			case "max_learning_rate":
				oracleMaxRate(t, c, a)
			case "kernel_fn":
				oracleKernels(t, a)
			case "gradient_descent":
				oracleFlow(t, c, a)
			default:
				t.Errorf("no test for function %q", c.Function)
			}
		})
	}
}

func oracleMSE(t *testing.T, c oracleCase, a arrays) {
	opts := predict.DynamicsOptions{Ridge: c.Ridge, RelativeRidge: !c.Absolute, Interpolate: true}
	opts.Kernel = a.reduction("k_train_train")
	for _, start := range []string{"", "zero_"} {
		f0, g0 := predict.Matrix{}, predict.Matrix{}
		if start == "" {
			f0, g0 = a.matrix("f0_train"), a.matrix("f0_test")
		} else if !a.has("zero_train") {
			continue
		}
		d, err := predict.NewDynamics(t.Context(), blas(t), a.kernel("k_train_train"), f0, a.matrix("y_train"), opts)
		if err != nil {
			t.Fatal(err)
		}
		filters := flows(t, d, c.Rate, a.matrix("t").Data...)
		train, err := d.Train(filters...)
		if err != nil {
			t.Fatal(err)
		}
		test, err := d.Test(t.Context(), a.kernel("k_test_train"), g0, filters...)
		if err != nil {
			t.Fatal(err)
		}
		c.Check(t, start+"train", join(train), a.all[start+"train"])
		c.Check(t, start+"test", join(test), a.all[start+"test"])
		if start != "" {
			continue
		}
		end := flows(t, d, c.Rate, math.Inf(1))
		if train, err = d.Train(end...); err != nil {
			t.Fatal(err)
		}
		if test, err = d.Test(t.Context(), a.kernel("k_test_train"), g0, end...); err != nil {
			t.Fatal(err)
		}
		c.Check(t, "train_inf", join(train), a.all["train_inf"])
		c.Check(t, "test_inf", join(test), a.all["test_inf"])
		if notes := d.Report.Notes(); len(notes) > 0 {
			t.Errorf("a well-conditioned kernel has notes %q", notes)
		}
	}
}

func flows(t *testing.T, d *predict.Dynamics, rate float64, times ...float64) (out []predict.Filter) {
	t.Helper()
	for _, s := range times {
		f, err := d.Flow(rate, s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func oracleMaxRate(t *testing.T, c oracleCase, a arrays) {
	size := a.matrix("y_train_size").Data[0]
	for array, kernel := range map[string]string{"max_lr": "ntk_train_train", "max_lr_full": "ntk_full"} {
		theta := a.kernel(kernel)
		opts := predict.DynamicsOptions{Size: size}
		y := predict.NewMatrix(theta.Rows, 1)
		d, err := predict.NewDynamics(t.Context(), blas(t), theta, y, y, opts)
		if err != nil {
			t.Fatal(err)
		}
		var got []float64
		for _, mu := range a.matrix("momentum").Data {
			got = append(got, d.MaxRateHeavyBall(mu))
		}
		c.Check(t, array, got, a.all[array])
		if d.MaxRate() != d.MaxRateHeavyBall(0) {
			t.Errorf("largest rate %g differs from that at momentum 0, %g", d.MaxRate(), d.MaxRateHeavyBall(0))
		}
	}
}

// oracleKernels reads kernels of one family: that of train and test together is
// positive semidefinite.
func oracleKernels(t *testing.T, a arrays) {
	for _, name := range []string{"nngp", "ntk"} {
		tt, xt, xx := a.kernel(name+"_train_train"), a.kernel(name+"_test_train"), a.kernel(name+"_test_test")
		n, m := tt.Rows, xx.Rows
		whole := predict.NewMatrix(n+m, n+m)
		for i := range n {
			copy(whole.Row(i), tt.Row(i))
			for j := range m {
				whole.Row(i)[n+j] = xt.Row(j)[i]
			}
		}
		for i := range m {
			copy(whole.Row(n+i), xt.Row(i))
			copy(whole.Row(n + i)[n:], xx.Row(i))
		}
		modes, err := predict.NewModes(t.Context(), blas(t), whole)
		if err != nil {
			t.Fatal(err)
		}
		if !modes.PSD() {
			t.Errorf("%s of all examples has the eigenvalue %g", name, modes.Min())
		}
	}
}
