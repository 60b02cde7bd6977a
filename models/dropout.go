package models

import (
	"fmt"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/ml/layers"
)

// dropout keeps units with a probability and divides them by it, in graphs
// that train; in others it does nothing.
type dropout struct {
	KeepRate float64 `json:"keep_rate" spec:"required"`
	Mode     string  `json:"mode,omitempty"`
	noArrays
}

// Op implements Layer.
func (*dropout) Op() string { return "dropout" }

func (l *dropout) shape(_ *check, in []int) ([]int, error) {
	if !(l.KeepRate > 0 && l.KeepRate <= 1) {
		return nil, fmt.Errorf("keep_rate is %v; it must be a probability above 0", l.KeepRate)
	}
	if l.Mode != "" && l.Mode != "train" && l.Mode != "test" {
		return nil, fmt.Errorf("unknown mode %q%s; known are train, test", l.Mode, didYouMean(l.Mode, []string{"train", "test"}))
	}
	return in, nil
}

func (l *dropout) build(b *builder, x *gx.Node) *gx.Node {
	if l.Mode == "test" {
		return x
	}
	return layers.DropoutStatic(b.ctx, x, 1-l.KeepRate)
}
