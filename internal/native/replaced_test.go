package native

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// TestReplacedWeights multiplies by one matrix after the other, each freed
// before the next is uploaded, so that some lie where the one before did, and
// compares with plain loops. With XNNPACK some of the products are those of an
// earlier matrix.
func TestReplacedWeights(t *testing.T) {
	const rows, in, out, rounds = 48, 3072, 512, 30
	installedPlugin(t)
	flags := os.Getenv("XLA_FLAGS")
	b, err := Open(Options{Backend: XLA})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if now := os.Getenv("XLA_FLAGS"); now != flags {
		t.Errorf("XLA_FLAGS is left as %q for programs that this one starts, was %q", now, flags)
	}
	exec, err := graph.NewExec(b.GoMLX, func(x, w *graph.Node) *graph.Node { return graph.Dot(x, w) })
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	r := rand.New(rand.NewPCG(1, 2))
	x, w := make([]float32, rows*in), make([]float32, in*out)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	left := tensors.FromFlatDataAndDimensions(x, rows, in)
	for round := range rounds {
		for i := range w {
			w[i] = float32(r.NormFloat64())
		}
		right := tensors.FromFlatDataAndDimensions(w, in, out)
		got, err := exec.Exec(left, right)
		if err != nil {
			t.Fatal(err)
		}
		var z []float32
		if err := got[0].ConstFlatData(func(flat any) { z = slices.Clone(flat.([]float32)) }); err != nil {
			t.Fatal(err)
		}
		for i := range rows { // one entry of each row
			j, want := (7*i+round)%out, 0.0
			for k := range in {
				want += float64(x[i*in+k]) * float64(w[k*out+j])
			}
			// Sums of 3072 products in float32: 1e-3 is far above their rounding.
			if got := float64(z[i*out+j]); !(math.Abs(got-want) <= 1e-3) {
				t.Fatalf("round %d: entry [%d, %d] is %g, want %g", round, i, j, got, want)
			}
		}
		right.FinalizeAll()
		got[0].FinalizeAll()
	}
}
