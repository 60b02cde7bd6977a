package tiles

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// Memory is a [Writer] that holds the whole array.
type Memory struct {
	spec   layout
	ledger *ledger
	f32    []float32
	f64    []float64
}

var _ Writer = (*Memory)(nil)

// addressable is the most bytes to ask Go's allocator for, which panics
// above 2⁴⁸ on 64-bit systems.
const addressable = min(math.MaxInt, 1<<47)

// NewMemory allocates the array, filled with zeros. It returns [ErrSpec] for
// an invalid spec or one beyond the address space. Whether the array fits
// the memory there is, the caller checks before, by [Spec.Bytes].
func NewMemory(spec Spec) (*Memory, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	spec = spec.normal()
	n := spec.Bytes()
	if n > addressable {
		return nil, fmt.Errorf("%w: an array of shape %v in %s takes %d bytes, beyond the address space; write it to a file",
			ErrSpec, spec.Shape(), spec.DType, n)
	}
	m := &Memory{spec: spec.layout(), ledger: newLedger(spec.count())}
	if spec.DType == Float32 {
		m.f32 = make([]float32, n/4)
	} else {
		m.f64 = make([]float64, n/8)
	}
	return m, nil
}

// Spec implements [Writer].
func (m *Memory) Spec() Spec { return m.spec.Spec.normal() }

// Bytes returns the size of the array in bytes.
func (m *Memory) Bytes() int64 { return m.spec.Bytes() }

// Data returns the array itself, row-major, as a []float32 or []float64
// according to the spec. Tiles that are not done are zero. It must not be
// read while a tile is being written.
func (m *Memory) Data() any {
	if m.spec.DType == Float32 {
		return m.f32
	}
	return m.f64
}

// Done implements [Writer].
func (m *Memory) Done(t Tile) bool {
	i, err := m.spec.index(t)
	return err == nil && m.ledger.isStored(i)
}

// WriteTile implements [Writer].
func (m *Memory) WriteTile(t Tile, data []float64) error {
	i, err := m.spec.check(t, data)
	if err != nil {
		return err
	}
	if ok, err := m.ledger.begin(i); !ok {
		return err
	}
	for _, r := range m.spec.regions(t) {
		if r.source == mirrored && m.spec.tail() == 1 && m.f64 != nil && !m.spec.Packed {
			m.mirror(r, data)
			continue
		}
		m.fill(r, data)
	}
	m.ledger.end(i, stored)
	return nil
}

// fill writes the rows of a region, some by each processor: a tile may take
// less time to compute than to copy.
func (m *Memory) fill(r region, data []float64) {
	workers := min(runtime.GOMAXPROCS(0), r.Rows)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			tail := m.spec.tail()
			width := int64(r.Cols * tail)
			var row []float64
			for i := int(next.Add(1)) - 1; i < r.Rows; i = int(next.Add(1)) - 1 {
				at, skip := m.spec.place(r, i)
				if m.spec.DType == Float64 && skip == 0 {
					m.spec.fillRow(m.f64[at:at+width], data, r, i)
					continue
				}
				if row == nil {
					row = make([]float64, width)
				}
				m.spec.fillRow(row, data, r, i)
				if m.spec.DType == Float64 {
					copy(m.f64[at:], row[skip*tail:])
					continue
				}
				for k, v := range row[skip*tail:] {
					m.f32[at+int64(k)] = float32(v)
				}
			}
		})
	}
	wg.Wait()
}

// mirror is fill of a mirrored region without a tail. Eight rows at a time, it reads
// whole cache lines of the tile.
func (m *Memory) mirror(r region, data []float64) {
	const together = 8
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), r.Rows) {
		wg.Go(func() {
			var rows [together][]float64
			for {
				from := together * int(next.Add(1)-1)
				if from >= r.Rows {
					return
				}
				n := min(together, r.Rows-from)
				for i := range n {
					at, _ := m.spec.place(r, from+i)
					rows[i] = m.f64[at:][:r.Cols]
				}
				for j := range r.Cols {
					source := data[j*r.Rows+from:][:n]
					for i, x := range source {
						rows[i][j] = x
					}
				}
			}
		})
	}
	wg.Wait()
}

// Close implements [Writer]. Data stays.
func (m *Memory) Close() error {
	m.ledger.close()
	return nil
}
