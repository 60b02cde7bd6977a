package native

import (
	"sync"
	"unsafe"
)

// A split cuts a product into tasks: tiles of C, times parts of the inner
// length. It depends on the sizes alone, never on how many threads there are;
// that is what makes results independent of the threads.
type split struct {
	upper bool // only the triangle on and above the diagonal
	tiles []tile
	parts [][2]int // start and length of each part of the inner dimension
}

// A tile is one task: rows i…i+m and columns j…j+n of C, inner indices
// k…k+len.
type tile struct {
	i, m, j, n int
	k, len     int
}

const (
	// taskFLOPs is about 50 µs on one core: ten times what starting a task costs.
	taskFLOPs = 4e6
	// enoughTasks keeps a machine busy. With the largest tile it also bounds
	// the scratch memory of one product: 19 MB in float32, 38 MB in float64.
	enoughTasks = 32
	// minPart is the shortest part of the inner dimension. Each part but the
	// first is written to memory and added up: 1/minPart of its multiply-adds.
	minPart = 512
)

// partition splits the product of an m×k by a k×n matrix.
func partition(m, n, k int, symmetric bool) split {
	flops := 2 * float64(m) * float64(n) * float64(k)
	if symmetric {
		flops /= 2
	}
	wanted := int(min(flops/taskFLOPs, enoughTasks))

	s := split{upper: symmetric}
	parts := 1
	// Large tiles run fastest; smaller ones are taken only where the inner
	// dimension is too short to be split instead. Threads are even with three
	// eighths of the tasks wanted, and smaller tiles cost more than that.
	for _, edge := range []int{384, 256, 128, 96} {
		s.tiles = tilesOf(m, n, edge, symmetric)
		parts = max(1, min(wanted/len(s.tiles), k/minPart))
		if len(s.tiles)*parts >= wanted*3/8 {
			break
		}
	}
	s.parts = cut(k, parts)
	return s
}

// tilesOf covers an m×n matrix, or its upper triangle, with tiles of nearly
// equal size and at most about edge wide.
func tilesOf(m, n, edge int, upper bool) []tile {
	rows := cut(m, (m+edge-1)/edge)
	cols := cut(n, (n+edge-1)/edge)
	tiles := make([]tile, 0, len(rows)*len(cols))
	for r, row := range rows {
		for q, col := range cols {
			if upper && q < r {
				continue
			}
			tiles = append(tiles, tile{i: row[0], m: row[1], j: col[0], n: col[1]})
		}
	}
	return tiles
}

// cut divides 0…n into pieces of nearly equal length and returns where each
// starts and how long it is. There is always one, if only of length 0.
func cut(n, pieces int) [][2]int {
	pieces = max(1, pieces)
	out := make([][2]int, pieces)
	for p := range out {
		lo, hi := p*n/pieces, (p+1)*n/pieces
		out[p] = [2]int{lo, hi - lo}
	}
	return out
}

// run calls product for every task and leaves the sums in C. Part 0 goes
// straight into C with the caller's beta; the others go to scratch memory and
// are added in order.
func run[T real32or64](b *BLAS, pool *sync.Pool, s split, beta T, c unsafe.Pointer, ldc int, product func(t tile, beta T, c unsafe.Pointer, ldc int)) {
	tiles := len(s.tiles)
	// starts[i] is where tile i lies in the scratch memory of one part.
	starts := make([]int, tiles+1)
	for i, t := range s.tiles {
		starts[i+1] = starts[i] + t.m*t.n
	}
	var scratch []T
	if extra := (len(s.parts) - 1) * starts[tiles]; extra > 0 {
		scratch = take[T](pool, extra)
		defer pool.Put(&scratch)
	}
	// partOf returns what part p > 0 of tile i adds to C.
	partOf := func(p, i int) []T {
		base := (p - 1) * starts[tiles]
		return scratch[base+starts[i] : base+starts[i+1]]
	}

	b.parallel(tiles*len(s.parts), func(task int) {
		i, p := task%tiles, task/tiles
		t := s.tiles[i]
		t.k, t.len = s.parts[p][0], s.parts[p][1]
		if p == 0 {
			product(t, beta, at[T](c, ldc, t.i, t.j), ldc)
		} else {
			product(t, 0, unsafe.Pointer(unsafe.SliceData(partOf(p, i))), t.n)
		}
	})
	if len(s.parts) == 1 {
		return
	}
	const bands = 4 // of rows, so that one tile still occupies several threads
	b.parallel(bands*tiles, func(task int) {
		i, band := task%tiles, task/tiles
		t := s.tiles[i]
		for r := band * t.m / bands; r < (band+1)*t.m/bands; r++ {
			lo := 0
			if s.upper && t.i == t.j {
				lo = r
			}
			row := unsafe.Slice((*T)(at[T](c, ldc, t.i+r, t.j)), t.n)[lo:]
			for p := 1; p < len(s.parts); p++ {
				for q, v := range partOf(p, i)[r*t.n+lo : (r+1)*t.n] {
					row[q] += v
				}
			}
		}
	})
}

// take returns n elements from the pool, with anything in them.
func take[T real32or64](pool *sync.Pool, n int) []T {
	if kept, ok := pool.Get().(*[]T); ok && cap(*kept) >= n {
		return (*kept)[:n]
	}
	return make([]T, n)
}
