package empirical

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
)

// residents are examples that stay on the device, in minibatches of n.
type residents struct {
	n       int
	buffers map[int][]backends.Buffer // by the first example
}

// examples returns the inputs of the n examples from from on, filled up with the
// last one, and what to call when they are no longer read. All examples stay on
// the device if the budget has room for them beside a minibatch.
func (a *Operator) examples(from, n int) (in []backends.Buffer, release func(), err error) {
	if a.data != nil && a.data.n != n {
		if err := a.dropData(); err != nil {
			return nil, nil, err
		}
	}
	if a.data != nil && a.data.buffers[from] != nil {
		return a.data.buffers[from], func() {}, nil
	}
	for _, t := range a.x {
		b, err := uploadRows(a.f.backend, t, from, min(n, a.x.Len()-from), n)
		if err != nil {
			_ = a.f.freeAll(in)
			return nil, nil, fmt.Errorf("empirical: uploading examples: %w", err)
		}
		in = append(in, b)
	}
	if !a.stays() {
		return in, func() { _ = a.f.freeAll(in) }, nil
	}
	if a.data == nil {
		a.data = &residents{n: n, buffers: map[int][]backends.Buffer{}}
	}
	a.data.buffers[from] = in
	return in, func() {}, nil
}

// stays reports whether the budget has room for all examples.
func (a *Operator) stays() bool {
	var data, need int64
	for _, t := range a.x {
		data += int64(t.Shape().Memory())
	}
	for _, b := range a.batches {
		need = max(need, b.need)
	}
	return need+data <= a.budget.Bytes
}

// dropData frees the examples on the device.
func (a *Operator) dropData() error {
	if a.data == nil {
		return nil
	}
	var err error
	for _, in := range a.data.buffers {
		if ferr := a.f.freeAll(in); err == nil {
			err = ferr
		}
	}
	a.data = nil
	return err
}
