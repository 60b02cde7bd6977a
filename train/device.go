package train

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// variable returns the context's variable behind a parameter.
func (t *Trainer) variable(param string) (*mlctx.Variable, error) {
	v := t.ctx.GetVariableByScopeAndName(mlctx.VariableScopeAndNameFromParameterName(param))
	if v == nil {
		return nil, fmt.Errorf("train: variable %s is gone from the context", param)
	}
	return v, nil
}

// buffer returns a variable on the device, which gets the context's value first.
func (t *Trainer) buffer(param string) (backends.Buffer, error) {
	if b, ok := t.state[param]; ok {
		return b, nil
	}
	v, err := t.variable(param)
	if err != nil {
		return nil, err
	}
	x, err := v.Value()
	if err != nil {
		return nil, err
	}
	b, err := graph.Upload(t.backend, x)
	if err == nil {
		t.state[param] = b
	}
	return b, err
}

// put replaces a variable on the device.
func (t *Trainer) put(param string, b backends.Buffer) error {
	old, ok := t.state[param]
	t.state[param] = b
	if !ok {
		return nil
	}
	if err := t.backend.BufferFinalize(old); err != nil {
		return fmt.Errorf("train: freeing %s: %w", param, err)
	}
	return nil
}
