package empirical

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/cost"
)

// A minibatch is how many examples an execution covers, and the bytes that takes.
type minibatch struct {
	n    int
	need int64
}

// mostActive bounds what the activations of a minibatch may take, 512 MiB:
// larger ones gain no speed and make Ctrl-C and progress coarse.
const mostActive = 512 << 20

// batch returns the size of a minibatch for k lanes and the bytes needed, which
// exceed the budget if not even the smallest fits.
func (a *Operator) batch(k int) (n int, need int64, err error) {
	if b, ok := a.batches[k]; ok {
		return b.n, b.need, nil
	}
	b := minibatch{n: a.x.Len()}
	if a.opts.Joint {
		b.need, err = a.peak(b.n, k)
	} else {
		b, err = a.independentBatch(k)
	}
	if err != nil {
		return 0, 0, err
	}
	a.batches[k] = b
	return b.n, b.need, nil
}

// independentBatch plans minibatches whose bytes grow by as much with each
// example as with the second.
func (a *Operator) independentBatch(k int) (minibatch, error) {
	one, err := a.peak(1, k)
	if err != nil {
		return minibatch{}, err
	}
	two, err := a.peak(2, k)
	if err != nil {
		return minibatch{}, err
	}
	most, slope := a.x.Len(), max(two-one, 1)
	fixed := one - slope
	n := min(a.opts.Block, most)
	if a.opts.Block <= 0 {
		n = int(min(int64(most), max(1, (a.budget.Bytes-fixed)/slope), max(1, mostActive/slope)))
		// Equal minibatches: a short last one would be filled up for nothing.
		count := (most + n - 1) / n
		n = (most + count - 1) / count
	}
	return minibatch{n, fixed + slope*int64(n)}, nil
}

// peak returns the bytes that n examples and k lanes take, in either direction.
func (a *Operator) peak(n, k int) (bytes int64, err error) {
	for _, kind := range []kind{pulls, pushes} {
		p, err := a.program(kind, n, k)
		if err != nil {
			return 0, err
		}
		bytes = max(bytes, cost.Peak(p))
	}
	return bytes, nil
}

// lanesAtOnce returns how many of count lanes go through the data together: as
// many as the budget holds, in chunks of one size.
func (a *Operator) lanesAtOnce(count int) (int, error) {
	for chunks := 1; ; chunks++ {
		k := (count + chunks - 1) / chunks
		_, need, err := a.batch(k)
		if err != nil || need <= a.budget.Bytes || k == 1 {
			return k, err
		}
	}
}

// A chunk are the lanes that go through the data together, filled up with
// copies of nothing to k.
type chunk struct {
	a     *Operator
	lanes []lane
	k, n  int // lanes and examples of an execution
	total int // minibatches of all chunks, for progress
}

// inChunks calls do for one chunk of lanes after the other. Each passes over the
// data so many times.
func (a *Operator) inChunks(lanes []lane, passes int, do func(*chunk) error) error {
	k, err := a.lanesAtOnce(len(lanes))
	if err != nil {
		return err
	}
	n, _, err := a.batch(k)
	if err != nil {
		return err
	}
	chunks := (len(lanes) + k - 1) / k
	a.start, a.done = time.Now(), 0
	c := &chunk{a: a, k: k, n: n, total: chunks * passes * ((a.x.Len() + n - 1) / n)}
	for len(lanes) > 0 {
		m := min(k, len(lanes))
		c.lanes, lanes = lanes[:m], lanes[m:]
		if err := do(c); err != nil {
			return err
		}
	}
	return nil
}

// kind says what a Program does.
type kind string

const (
	pulls  kind = "pull"           // u = Jᵀv
	pushes kind = "push"           // J(ηu)
	plain  kind = "push, no rates" // Ju
)

// program records the Program of a kind for minibatches of n and k lanes.
func (a *Operator) program(kind kind, n, k int) (*graph.Program, error) {
	if kind == pulls {
		p, err := a.f.reverse(n, a.sel.weights)
		if err != nil {
			return nil, err
		}
		return pullProgram(p, k)
	}
	rec, err := graph.Record(a.f.ctx, a.f.model, batched(a.f.inputs, n)...)
	if err != nil {
		return nil, err
	}
	return pushProgram(rec.Program.Prune(), k, a.sel.weights, kind == pushes)
}

// compiled returns the Program of a kind, compiled once.
func (c *chunk) compiled(kind kind) (compiled, error) {
	key := fmt.Sprint(kind, c.n, c.k)
	if e, ok := c.a.execs[key]; ok {
		return e, nil
	}
	p, err := c.a.program(kind, c.n, c.k)
	if err != nil {
		return compiled{}, err
	}
	e, err := c.a.f.compiled(p)
	if err != nil {
		return compiled{}, err
	}
	c.a.execs[key] = e
	return e, nil
}

// pull returns u = Jᵀv of every lane, one buffer [k, …] for each weight.
func (c *chunk) pull(ctx context.Context) (sums []backends.Buffer, err error) {
	f := c.a.f
	e, err := c.compiled(pulls)
	if err != nil {
		return nil, err
	}
	for _, w := range c.a.sel.weights {
		s := w.variable.Shape()
		b, err := graph.Upload(f.backend, filled(f.dtype, append([]int{c.k}, s.Dimensions...), 0))
		if err != nil {
			return nil, fmt.Errorf("empirical: uploading zeros: %w", err)
		}
		sums = append(sums, b)
	}
	defer func() {
		if err != nil {
			_ = f.freeAll(sums)
			sums = nil
		}
	}()
	for from := 0; from < c.a.x.Len(); from += c.n {
		v, err := c.cotangents(from)
		if err != nil {
			return sums, err
		}
		out, err := c.execute(ctx, e, from, v, sums)
		if ferr := f.backend.BufferFinalize(v); err == nil {
			err = ferr
		}
		if err != nil {
			return sums, err
		}
		if err := f.freeAll(sums); err != nil {
			return out, err
		}
		sums = out
	}
	return sums, nil
}

// push adds J(ηu), or Ju without rates, to the lanes' results and frees u.
func (c *chunk) push(ctx context.Context, u []backends.Buffer, rates bool) (err error) {
	f := c.a.f
	defer func() {
		if ferr := f.freeAll(u); err == nil {
			err = ferr
		}
	}()
	e, err := c.compiled(c.a.pushing(rates))
	if err != nil {
		return err
	}
	for from := 0; from < c.a.x.Len(); from += c.n {
		out, err := c.execute(ctx, e, from, nil, u)
		if err != nil {
			return err
		}
		y, err := f.host(out[0])
		if err != nil {
			return fmt.Errorf("empirical: reading a product of J with a vector: %w", err)
		}
		err = c.add(from, y.floats(c.k*c.n*f.Outputs()))
		if ferr := f.free(&block{f: y}); err == nil {
			err = ferr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pushing returns the kind of Ju, with rates where a learning rate is not 1.
func (a *Operator) pushing(rates bool) kind {
	for _, w := range a.sel.weights {
		if rates && w.eta != 1 {
			return pushes
		}
	}
	return plain
}

// execute runs e on the examples from from on. vectors are its sums or tangents.
func (c *chunk) execute(ctx context.Context, e compiled, from int, cotangent backends.Buffer, vectors []backends.Buffer) ([]backends.Buffer, error) {
	if err := canceled(ctx); err != nil {
		return nil, err
	}
	a := c.a
	examples, release, err := a.examples(from, c.n)
	if err != nil {
		return nil, err
	}
	defer release()
	in := make([]backends.Buffer, len(e.params))
	for i, name := range e.params {
		var k int
		switch {
		case name == cotangentName:
			in[i] = cotangent
		case scan(name, inputName, &k):
			in[i] = examples[k]
		case scan(name, sumName, &k), scan(name, tangentName, &k):
			in[i] = vectors[k]
		default:
			if in[i], err = a.f.weight(name); err != nil {
				return nil, err
			}
		}
	}
	out, err := e.exec.Execute(in, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("empirical: multiplying J with a vector: %w", err)
	}
	a.done++
	a.opts.options().report("NTK-vector product", a.done, c.total, a.start)
	return out, nil
}

// scan reads the number behind prefix.
func scan(name, prefix string, k *int) bool {
	if !strings.HasPrefix(name, prefix) {
		return false
	}
	_, err := fmt.Sscan(name[len(prefix):], k)
	return err == nil
}

// cotangents uploads what the lanes' vectors are on the examples from from on,
// [k, n, O], and zeros where a last minibatch is too short.
func (c *chunk) cotangents(from int) (backends.Buffer, error) {
	sel, o := c.a.sel, c.a.f.Outputs()
	z := make([]float64, c.k*c.n*o)
	for i, l := range c.lanes {
		for n := from; n < min(from+c.n, c.a.x.Len()); n++ {
			row := z[(i*c.n+n-from)*o:][:o]
			for r := l.from; r < l.to; r++ {
				v := l.v[l.at(n, r, sel.rows)]
				for j, b := range sel.basis[r*o:][:o] {
					row[j] += v * b
				}
			}
		}
	}
	b, err := graph.UploadFloats(c.a.f.backend, c.a.f.dtype, z, c.k, c.n, o)
	if err != nil {
		return nil, fmt.Errorf("empirical: uploading a vector: %w", err)
	}
	return b, nil
}

// add adds y [k, n, O] = J(ηu) of the examples from from on to the results.
func (c *chunk) add(from int, y []float64) error {
	sel, o := c.a.sel, c.a.f.Outputs()
	for i, l := range c.lanes {
		for n := from; n < min(from+c.n, c.a.x.Len()); n++ {
			row := y[(i*c.n+n-from)*o:][:o]
			for r := l.from; r < l.to; r++ {
				s := 0.0
				for j, b := range sel.basis[r*o:][:o] {
					if b != 0 { // an output that is not chosen may overflow
						s += b * row[j]
					}
				}
				if s-s != 0 {
					return fmt.Errorf("empirical: the product's entry of example %d is %g, %w: the gradient overflows, or the vector does; try float64, smaller weights or scaled data", n, s, ErrNotFinite)
				}
				l.dst[l.at(n, r, sel.rows)] += l.scale * s
			}
		}
	}
	return nil
}

func (f *Network) freeAll(buffers []backends.Buffer) error {
	var err error
	for _, b := range buffers {
		if ferr := f.backend.BufferFinalize(b); ferr != nil && err == nil {
			err = fmt.Errorf("empirical: freeing a vector: %w", ferr)
		}
	}
	return err
}
