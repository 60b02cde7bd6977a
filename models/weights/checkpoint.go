package weights

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/checkpoints"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"

	"github.com/gontk/ntk/graph"
)

// LoadCheckpoint sets all variables of ctx, which the network must have made, to
// the values in the newest GoMLX checkpoint of a folder. Names, shapes and dtypes
// must agree as for [Load]; what training leaves besides weights (the state of
// optimizers, metrics, random generators, step counts) is passed over.
func LoadCheckpoint(dir string, ctx *mlctx.Context) error {
	vars, err := variables(ctx)
	if err != nil {
		return err
	}
	if info, err := os.Stat(dir); err != nil {
		return fmt.Errorf("weights: checkpoint: %w", err)
	} else if !info.IsDir() {
		return fmt.Errorf("weights: checkpoint %s is a file; want the folder of checkpoints", dir)
	}
	// A context of its own: the handler would stay attached to ctx.
	var got map[string]*tensors.Tensor
	cerr := graph.Catch(func() {
		var h *checkpoints.Handler
		if h, err = checkpoints.Load(mlctx.New()).Dir(dir).Done(); err == nil {
			got = h.LoadedVariables()
		}
	})
	if cerr != nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("weights: checkpoint %s: %s", dir, strings.Join(strings.Fields(err.Error()), " "))
	}
	values := map[string]*tensors.Tensor{}
	for param, t := range got {
		scope, name := mlctx.VariableScopeAndNameFromParameterName(param)
		full := strings.TrimPrefix(mlctx.JoinScope(scope, name), mlctx.ScopeSeparator)
		if _, ours := vars[full]; ours || !ofTraining(scope, name) {
			values[full] = t
		}
	}
	if len(values) == 0 {
		return fmt.Errorf("weights: checkpoint %s: %w do not agree: it has no weights, the network has %s", dir, ErrNames, listed(slices.Collect(maps.Keys(vars))))
	}
	return set(dir, vars, values)
}

// ofTraining tells what trainers keep in a context from a network's weights.
func ofTraining(scope, name string) bool {
	if name == mlctx.RNGStateVariableName || name == optimizers.GlobalStepVariableName {
		return true
	}
	for word := range strings.SplitSeq(scope, mlctx.ScopeSeparator) {
		switch word {
		case optimizers.Scope, optimizers.AdamDefaultScope, train.AccumulatedGradientsScope, strings.TrimPrefix(train.TrainerAbsoluteScope, mlctx.ScopeSeparator), "metrics":
			return true
		}
	}
	return false
}
