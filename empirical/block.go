package empirical

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// A compiled is a compiled Program and the names of its parameters: inputs as
// "input:i", weights by parameter name.
type compiled struct {
	exec   backends.Executable
	params []string
}

// A blockExec is the compiled Program of a block of examples: f and, unless it
// is f alone, Jacobians.
type blockExec struct {
	compiled
	sel   *selection
	size  int
	parts []int // how many outputs each weight has
	stays bool  // Jacobians are not read by the host
}

// what names what e computes, for errors.
func (e *blockExec) what() string {
	if len(e.parts) == 0 {
		return "outputs"
	}
	return "Jacobians"
}

// A block holds f and the Jacobians of rows examples, where the host can read them
// or, if they are contracted there, on the device.
type block struct {
	rows  int
	f     array
	parts [][]array // for each weight, what its way needs
}

// An array is a result in host-readable memory, a device buffer that the host
// shares or a copy; or a device buffer alone.
type array struct {
	ptr  unsafe.Pointer
	flat any // keeps the memory alive
	buf  backends.Buffer
}

// jacobians compiles the Program for blocks of n examples, once.
func (f *Network) jacobians(n int, sel *selection, ways []Way) (*blockExec, error) {
	key := fmt.Sprint(n, sel.key, ways, sel.outputs.layout(ways))
	if e, ok := f.execs[key]; ok {
		return e, nil
	}
	p, err := sel.jacobianProgram(n, ways)
	if err != nil {
		return nil, err
	}
	e := &blockExec{sel: sel, size: n, stays: f.staysOnDevice(ways)}
	if e.compiled, err = f.compiled(p); err != nil {
		return nil, err
	}
	for i, w := range sel.weights {
		parts := 2
		if ways[i] == Materialize || !w.product() {
			parts = 1
		}
		e.parts = append(e.parts, parts)
	}
	f.execs[key] = e
	return e, nil
}

// compiled compiles p for f's backend and dtype.
func (f *Network) compiled(p *graph.Program) (c compiled, err error) {
	for i := range p.Params {
		c.params = append(c.params, p.ParamName(i))
	}
	c.exec, err = compile(f.backend, f.dtype, p)
	return c, err
}

// compile compiles p for backend, lowering what it lacks.
func compile(backend backends.Backend, dtype dtypes.DType, p *graph.Program) (backends.Executable, error) {
	need := lower.For(backend, dtype)
	return graph.Compile(backend, p, func(it graph.Interpreter) graph.Interpreter { return lower.New(it, need) })
}

// block runs the Program on examples from … from+rows−1 of x; a last block that
// is too short repeats its last example, and rows says what counts.
func (f *Network) block(ctx context.Context, e *blockExec, x Batch, from int) (*block, error) {
	if err := canceled(ctx); err != nil {
		return nil, err
	}
	joint := e.sel.batch > 0
	rows := min(e.size, x.Len()-from)
	first, count, lead := from, rows, []int{e.size} // of the examples to upload
	if joint {
		rows = min(e.size, e.sel.examples()-from)
		first, count, lead = 0, x.Len(), []int{1, x.Len()}
	}
	in := make([]backends.Buffer, len(e.params))
	for i, name := range e.params {
		var k int
		var b backends.Buffer
		var err error
		if name == basisName {
			b, err = f.uploadBasis(e.sel, from, e.size)
		} else if scan(name, inputName, &k) {
			b, err = uploadRows(f.backend, x[k], first, count, lead...)
		} else {
			if in[i], err = f.weight(name); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("empirical: uploading examples: %w", err)
		}
		defer func() { _ = f.backend.BufferFinalize(b) }()
		in[i] = b
	}
	out, err := e.exec.Execute(in, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("empirical: computing %s: %w", e.what(), err)
	}
	arrays := make([]array, len(out))
	for i, buf := range out {
		if e.stays && i > 0 {
			arrays[i] = array{buf: buf}
			continue
		}
		if arrays[i], err = f.host(buf); err != nil {
			return nil, fmt.Errorf("empirical: reading %s: %w", e.what(), err)
		}
	}
	b := &block{rows: rows, f: arrays[0]}
	arrays = arrays[1:]
	for _, n := range e.parts {
		b.parts = append(b.parts, arrays[:n])
		arrays = arrays[n:]
	}
	if joint {
		whole := block{rows: x.Len(), f: b.f}
		return b, whole.checkFinite(f.Outputs(), 0)
	}
	return b, b.checkFinite(f.Outputs(), from)
}

// checkFinite looks at the outputs, the cheap place where trouble shows.
func (b *block) checkFinite(outputs, from int) error {
	for i, y := range b.f.floats(b.rows * outputs) {
		if math.IsNaN(y) || math.IsInf(y, 0) {
			return fmt.Errorf("empirical: output %d of example %d is %g, %w: the network overflows at these weights, or the data do", i%outputs, from+i/outputs, y, ErrNotFinite)
		}
	}
	return nil
}

// floats copies the first n entries.
func (a array) floats(n int) []float64 {
	out := make([]float64, n)
	switch flat := a.flat.(type) {
	case []float32:
		for i := range out {
			out[i] = float64(flat[i])
		}
	case []float64:
		copy(out, flat)
	}
	return out
}

// host makes a result readable: in place where the backend shares its memory.
func (f *Network) host(buf backends.Buffer) (array, error) {
	if f.backend.HasSharedBuffers() {
		flat, err := f.backend.BufferData(buf)
		if err != nil {
			return array{}, err
		}
		return array{reflect.ValueOf(flat).UnsafePointer(), flat, buf}, nil
	}
	s, err := f.backend.BufferShape(buf)
	if err != nil {
		return array{}, err
	}
	flat := reflect.MakeSlice(reflect.SliceOf(s.DType.GoType()), s.Size(), s.Size())
	if err := f.backend.BufferToFlatData(buf, flat.Interface()); err != nil {
		return array{}, err
	}
	if err := f.backend.BufferFinalize(buf); err != nil {
		return array{}, err
	}
	return array{flat.UnsafePointer(), flat.Interface(), nil}, nil
}

func (f *Network) free(b *block) error {
	if b == nil {
		return nil
	}
	for _, a := range append(slices.Concat(b.parts...), b.f) {
		if a.buf != nil {
			if err := f.backend.BufferFinalize(a.buf); err != nil {
				return fmt.Errorf("empirical: freeing Jacobians: %w", err)
			}
		}
	}
	b.parts, b.f = nil, array{}
	return nil
}

// uploadRows uploads rows of t from from on as [lead…, …], filled up with the
// last one.
func uploadRows(backend backends.Backend, t *tensors.Tensor, from, rows int, lead ...int) (b backends.Buffer, err error) {
	size := product(lead)
	dims := append(slices.Clone(lead), t.Shape().Dimensions[1:]...)
	width := product(t.Shape().Dimensions[1:])
	cerr := t.ConstFlatData(func(flat any) {
		src := reflect.ValueOf(flat)
		dst := src.Slice(from*width, (from+rows)*width)
		if rows < size {
			padded := reflect.MakeSlice(src.Type(), size*width, size*width)
			reflect.Copy(padded, dst)
			last := src.Slice((from+rows-1)*width, (from+rows)*width)
			for r := rows; r < size; r++ {
				reflect.Copy(padded.Slice(r*width, (r+1)*width), last)
			}
			dst = padded
		}
		b, err = backend.BufferFromFlatData(0, dst.Interface(), shapes.Make(t.DType(), dims...))
	})
	if cerr != nil {
		return nil, cerr
	}
	return b, err
}
