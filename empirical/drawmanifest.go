package empirical

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/tiles"
)

// manifest says all that the bits of a block of draws depend on. How many
// blocks there are, and when to stop, is not among it: a run may be extended.
func (r *drawRun) manifest(f *Network) (tiles.Manifest, error) {
	program, err := f.programHash()
	if err != nil {
		return nil, err
	}
	// The weights of the first seed tell how all are drawn, of whatever
	// distribution or initializer, and those that are not drawn.
	if err := f.Redraw(r.opts.First); err != nil {
		return nil, err
	}
	weights, err := f.weightsHash()
	if err != nil {
		return nil, err
	}
	blas, err := r.opts.Options.blas()
	if err != nil {
		return nil, err
	}
	x2 := "x1"
	if r.x2 != nil {
		if x2, err = batchHash(r.x2); err != nil {
			return nil, err
		}
	}
	x1, err := batchHash(r.x1)
	if err != nil {
		return nil, err
	}
	o := r.opts.Options
	return tiles.Manifest{
		"program sha256": program,
		"weights sha256": weights, // at the first seed
		"x1 sha256":      x1,
		"x2 sha256":      x2,
		"first seed":     fmt.Sprint(r.opts.First),
		"draws a block":  fmt.Sprint(r.opts.BlockDraws),
		"outputs":        o.Outputs.String(),
		"of":             fmt.Sprint(o.Of),
		"joint":          fmt.Sprint(o.Joint),
		"params":         strings.Join(o.Params, " "),
		"ways":           fmt.Sprint(r.plan.ways),
		"examples a run": fmt.Sprint(r.plan.Block),
		"nngp":           fmt.Sprint(r.opts.NNGP),
		"dtype":          f.dtype.String(),
		"backend":        f.backend.Name(),
		"blas":           blas.Name(),
	}, nil
}

// programHash returns the SHA-256 of f's Program, its constants and the
// learning rates of its weights.
func (f *Network) programHash() (string, error) {
	h := sha256.New()
	if err := f.Program().Fingerprint(h); err != nil {
		return "", fmt.Errorf("empirical: %w", err)
	}
	for _, w := range f.gradient.weights {
		d, _ := graph.Of(f.ctx, w.variable)
		fmt.Fprintln(h, w.name, d.Eta)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// weightsHash returns the SHA-256 of all variables but the state of GoMLX's
// random numbers, which a draw leaves behind.
func (f *Network) weightsHash() (string, error) {
	h := sha256.New()
	for v := range f.ctx.IterVariables() {
		if v.Name() == mlctx.RNGStateVariableName {
			continue
		}
		t, err := v.Value()
		if err != nil {
			return "", fmt.Errorf("empirical: value of %s: %w", v.ScopeAndName(), err)
		}
		fmt.Fprintln(h, v.ScopeAndName(), v.Trainable)
		if err := hashTensor(h, t); err != nil {
			return "", fmt.Errorf("empirical: hashing %s: %w", v.ScopeAndName(), err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func batchHash(b Batch) (string, error) {
	h := sha256.New()
	for _, t := range b {
		if err := hashTensor(h, t); err != nil {
			return "", fmt.Errorf("empirical: hashing examples: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashTensor(h hash.Hash, t *tensors.Tensor) error {
	fmt.Fprintln(h, t.Shape())
	var err error
	cerr := t.ConstFlatData(func(flat any) { err = binary.Write(h, binary.LittleEndian, flat) })
	if cerr != nil {
		return cerr
	}
	return err
}

// sameDraws returns an error wrapping [tiles.ErrMismatch] that names what
// differs between what is there and this run.
func sameDraws(where string, there, run tiles.Manifest) error {
	differ := there.Differences(run, "there", "in this run")
	if len(differ) == 0 {
		return nil
	}
	return fmt.Errorf("empirical: %w: %s: %s; go on with the same, or choose another folder",
		tiles.ErrMismatch, where, strings.Join(differ, ", "))
}
