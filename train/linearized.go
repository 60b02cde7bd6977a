package train

import (
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
)

// A Linear is a network linearized at its weights θ0, as a model with a context
// of its own, whose weights have the network's learning rates:
//
//	f_lin(θ, x) = f(θ0, x) + J(θ0, x)(θ − θ0).
type Linear struct {
	Context *mlctx.Context
	Model   graph.Model
}

// Linearized returns f linearized at the weights that its context has now, to be
// trained alongside. Errors are those of [empirical.Network.Linearize].
func Linearized(f *empirical.Network) (*Linear, error) {
	model, err := f.Linearize()
	if err != nil {
		return nil, err
	}
	l := &Linear{Context: mlctx.New(), Model: model}
	f.Context().EnumerateParams(func(scope, key string, value any) {
		l.Context.InAbsPath(scope).SetParam(key, value)
	})
	return l, nil
}
