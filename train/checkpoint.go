package train

import (
	"fmt"
	"path"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/internal/tiles"
)

// A checkpoint is what a run goes on from, beside the variables of every network,
// which are the arrays network/scope/name of its file.
type checkpoint struct {
	// What says what the computation depends on.
	What tiles.Manifest `json:"what"`
	// Step counts the steps that were taken.
	Step int `json:"step"`
	// Points are the measurements so far.
	Points []Point `json:"points"`
}

// write writes the checkpoint with all variables of networks, by their names.
func (c *checkpoint) write(file string, networks map[string]*Trainer) error {
	return writeArchive(file, c, func(yield func(string, *tensors.Tensor) error) error {
		for name, t := range sorted(networks) {
			if err := t.Sync(); err != nil {
				return err
			}
			for v := range t.ctx.IterVariables() {
				x, err := v.Value()
				if err == nil {
					err = yield(arrayName(name, v.ScopeAndName()), x)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func arrayName(network, variable string) string {
	return path.Join(network, strings.TrimPrefix(variable, "/"))
}

// readCheckpoint sets the variables of networks, which must have made them, to
// what a file of write has. It returns an error that wraps ErrCheckpoint if the
// file is damaged, or of a computation that depends on something else than what,
// and sets nothing then.
func readCheckpoint(file string, what tiles.Manifest, networks map[string]*Trainer) (*checkpoint, error) {
	c := &checkpoint{}
	a, err := openArchive(file, c)
	if err != nil {
		return nil, err
	}
	defer a.close()
	if err := agree(file, c.What, what); err != nil {
		return nil, err
	}
	var sets []func() error
	for name, t := range sorted(networks) {
		for v := range t.ctx.IterVariables() {
			x, err := a.array(arrayName(name, v.ScopeAndName()), v.Shape())
			if err != nil {
				return nil, err
			}
			sets = append(sets, func() error { return v.SetValue(x) })
		}
	}
	for _, set := range sets {
		if err := set(); err != nil {
			return nil, fmt.Errorf("train: %s: %w", file, err)
		}
	}
	for _, t := range networks {
		if err := t.forget(); err != nil {
			return nil, err
		}
		t.done = c.Step
	}
	return c, nil
}

// agree compares what a file's computation depends on with this one's.
func agree(file string, its, ours tiles.Manifest) error {
	if d := its.Differences(ours, "there", "now"); len(d) > 0 {
		return fmt.Errorf("train: %s: %w of another computation: %s", file, ErrCheckpoint, strings.Join(d, "; "))
	}
	return nil
}
