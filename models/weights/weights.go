// Package weights keeps the variables of a GoMLX context in files: .npz of NumPy,
// .safetensors, and the checkpoints of GoMLX, which it reads.
package weights

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Errors that Load wraps, so that a caller can tell what does not agree.
var (
	// ErrNames says that the file lacks variables of the network or has others.
	ErrNames = errors.New("names")
	// ErrShape says that a variable has another shape in the file.
	ErrShape = errors.New("shape")
	// ErrDType says that a variable has another dtype in the file.
	ErrDType = errors.New("dtype")
)

// A format reads and writes one kind of file.
type format struct {
	write func(path string, names []string, values map[string]*tensors.Tensor) error
	// read hands over what is in the file. It may read less of the file than
	// there is as soon as something does not agree with want.
	read func(path string, want map[string]shapes.Shape) (map[string]*tensors.Tensor, error)
}

var formats = map[string]format{
	".npz":         {writeNPZ, readNPZ},
	".safetensors": {writeSafetensors, readSafetensors},
}

func formatOf(path string) (format, error) {
	f, ok := formats[strings.ToLower(filepath.Ext(path))]
	if !ok {
		return format{}, fmt.Errorf("weights: %s: the name must end in .npz or .safetensors", path)
	}
	return f, nil
}

// Name is what a variable is called in a file: its scope and name without the
// leading separator, such as p0/W.
func Name(v *mlctx.Variable) string {
	return strings.TrimPrefix(v.ScopeAndName(), mlctx.ScopeSeparator)
}

// variables returns what a file holds of a context, by name: all of it but the
// state of GoMLX's random generator.
func variables(ctx *mlctx.Context) (map[string]*mlctx.Variable, error) {
	all := map[string]*mlctx.Variable{}
	for v := range ctx.IterVariables() {
		if v.Name() != mlctx.RNGStateVariableName {
			all[Name(v)] = v
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("weights: the context has no variables: build the network first")
	}
	return all, nil
}

// shapesOf returns the shapes of variables, by name.
func shapesOf(vars map[string]*mlctx.Variable) map[string]shapes.Shape {
	m := map[string]shapes.Shape{}
	for name, v := range vars {
		m[name] = v.Shape()
	}
	return m
}

// Save writes all variables of ctx, trainable or not, to a file whose name ends in
// .npz or .safetensors; the file appears when it is complete, in place of another.
// It returns an error if a variable has no value yet.
func Save(path string, ctx *mlctx.Context) error {
	f, err := formatOf(path)
	if err != nil {
		return err
	}
	vars, err := variables(ctx)
	if err != nil {
		return err
	}
	values := map[string]*tensors.Tensor{}
	for name, v := range vars {
		if !v.HasValue() {
			return fmt.Errorf("weights: %s has no value yet: draw it or load it", name)
		}
		if values[name], err = v.Value(); err != nil {
			return fmt.Errorf("weights: value of %s: %w", name, err)
		}
	}
	if err := f.write(path, slices.Sorted(maps.Keys(values)), values); err != nil {
		return fmt.Errorf("weights: writing %s: %w", path, err)
	}
	return nil
}

// Load sets all variables of ctx, which the network must have made, to the values
// in a file whose name ends in .npz or .safetensors, as Save wrote it or another
// program did with the same names. A Network that has used the context before
// needs Sync afterwards.
//
// The names must be the same ([ErrNames]), and each variable's shape ([ErrShape])
// and dtype ([ErrDType]); the error names what differs, and nothing is set. Sizes
// are compared before memory is taken.
func Load(path string, ctx *mlctx.Context) error {
	f, err := formatOf(path)
	if err != nil {
		return err
	}
	vars, err := variables(ctx)
	if err != nil {
		return err
	}
	got, err := f.read(path, shapesOf(vars))
	if err != nil {
		return fmt.Errorf("weights: %s: %w", path, err)
	}
	return set(path, vars, got)
}

// set sets variables whose names, shapes and dtypes agree.
func set(path string, vars map[string]*mlctx.Variable, got map[string]*tensors.Tensor) error {
	if err := agree(shapesOf(vars), slices.Collect(maps.Keys(got))); err != nil {
		return fmt.Errorf("weights: %s: %w", path, err)
	}
	names := slices.Sorted(maps.Keys(vars))
	for _, name := range names {
		if err := fits(name, got[name].Shape(), vars[name].Shape()); err != nil {
			return fmt.Errorf("weights: %s: %w", path, err)
		}
	}
	for _, name := range names {
		if err := vars[name].SetValue(got[name]); err != nil {
			return fmt.Errorf("weights: setting %s: %w", name, err)
		}
	}
	return nil
}

// agree compares the names in a file with those of the network.
func agree(want map[string]shapes.Shape, got []string) error {
	in := map[string]bool{}
	var extra, missing []string
	for _, name := range got {
		in[name] = true
		if _, ok := want[name]; !ok {
			extra = append(extra, name)
		}
	}
	for name := range want {
		if !in[name] {
			missing = append(missing, name)
		}
	}
	switch {
	case len(missing) > 0 && len(extra) > 0:
		return fmt.Errorf("%w do not agree: the network has %s, the file has %s instead", ErrNames, listed(missing), listed(extra))
	case len(missing) > 0:
		return fmt.Errorf("%w do not agree: the file lacks %s", ErrNames, listed(missing))
	case len(extra) > 0:
		return fmt.Errorf("%w do not agree: the network lacks %s", ErrNames, listed(extra))
	}
	return nil
}

// listed writes at most five names, in order.
func listed(names []string) string {
	const most = 5
	slices.Sort(names)
	quoted := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	text := strings.Join(quoted, ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

// fits compares a variable in a file with that of the network.
func fits(name string, got, want shapes.Shape) error {
	if !slices.Equal(got.Dimensions, want.Dimensions) {
		return fmt.Errorf("%w of %q is %v in the file, %v in the network", ErrShape, name, got.Dimensions, want.Dimensions)
	}
	if got.DType != want.DType {
		return fmt.Errorf("%w of %q is %s in the file, %s in the network: convert the file, or compute in %[3]s", ErrDType, name, got.DType, want.DType)
	}
	return nil
}
