package limits_test

import (
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/limits"
)

// The recursion of one hidden layer, by hand: Θ_1 = K_1, then two terms.
func TestExplain(t *testing.T) {
	l, err := limits.Derive(mlctx.New(), graph.One(decisive[0].f), []shapes.Shape{shapes.Make(dtypes.Float64, 2)}, limits.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := l.Explain()
	t.Log("\n" + text)
	for _, want := range []string{
		"/U on", "/W on", "/v on", "over 64 entries", "max(x0, 0) (relu, closed form)",
		"Θ = 1·Σ M + τ²·Σ Θ", "decisive_test.go", "different values",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}
