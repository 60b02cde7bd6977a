package graph

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

//go:generate go run ./internal/gen

// A front is a backends.Builder that drives an Interpreter, so that GoMLX's
// graph functions do. front_gen.go has a method for each op.
type front struct {
	it      Interpreter
	name    string
	compile func(outputs []Op) (backends.Executable, error)
	// probed, if set, takes the operand of the next Identity, which is not
	// interpreted: the way to a node's op, since nodes do not show theirs.
	probed func(Op)
	// locate, if set, adds to an error of an op on in where the user built it.
	locate func(in []Op, err error) error
}

var _ backends.Builder = (*front)(nil)

func (f *front) apply(op OpType, attrs Attrs, in ...Op) ([]Op, error) {
	if f.probed != nil && op == backends.OpTypeIdentity {
		f.probed(in[0])
		return in, nil
	}
	ss := make([]shapes.Shape, len(in))
	for i, x := range in {
		if x == nil {
			return nil, fmt.Errorf("graph: %s: input %d is nil", op, i)
		}
		ss[i] = f.it.Shape(x)
	}
	op, attrs, err := normalize(op, attrs, ss)
	if err != nil {
		return nil, err
	}
	if c, ok := attrs.(ConvertDTypeAttrs); ok && op == backends.OpTypeConvertDType && ss[0].DType == c.DType {
		return in, nil
	}
	out, err := f.it.Apply(op, attrs, in...)
	if err != nil && f.locate != nil {
		err = f.locate(in, err)
	}
	return out, err
}

// Name implements backends.Builder.
func (f *front) Name() string { return f.name }

// OpShape implements backends.Builder.
func (f *front) OpShape(op Op) (shapes.Shape, error) { return f.it.Shape(op), nil }

// Compile implements backends.Builder.
func (f *front) Compile(outputs []Op, _ []*backends.ShardingSpec) (backends.Executable, error) {
	return f.compile(outputs)
}

// Parameter implements backends.Builder.
func (f *front) Parameter(name string, shape shapes.Shape, _ *backends.ShardingSpec) (Op, error) {
	return first(f.apply(backends.OpTypeParameter, ParameterAttrs{name, shape.Clone()}))
}

// Constant implements backends.Builder.
func (f *front) Constant(flat any, dims ...int) (Op, error) {
	return first(f.apply(backends.OpTypeConstant, ConstantAttrs{cloneFlat(flat), slices.Clone(dims)}))
}

// DistributedSPMD implements backends.Builder: a Program runs on one device.
func (f *front) DistributedSPMD(int) error { return errOneDevice }

// DistributedAutoSharding implements backends.Builder.
func (f *front) DistributedAutoSharding(...backends.Mesh) error { return errOneDevice }

// DeviceAssignment implements backends.Builder.
func (f *front) DeviceAssignment(...backends.DeviceNum) error { return errOneDevice }

var errOneDevice = fmt.Errorf("graph: a recorded model runs on one device; build it without distribution")

func first(out []Op, err error) (Op, error) {
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

func first2(out []Op, err error) (Op, Op, error) {
	if err != nil {
		return nil, nil, err
	}
	return out[0], out[1], nil
}

func first3(out []Op, err error) (Op, Op, Op, error) {
	if err != nil {
		return nil, nil, nil, err
	}
	return out[0], out[1], out[2], nil
}

func list(x Op, err error) ([]Op, error)        { return []Op{x}, err }
func list2(x, y Op, err error) ([]Op, error)    { return []Op{x, y}, err }
func list3(x, y, z Op, err error) ([]Op, error) { return []Op{x, y, z}, err }
