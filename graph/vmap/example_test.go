package vmap_test

import (
	"fmt"
	"log"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/vmap"
)

// The product of one vector with fixed weights, over a batch of 8 vectors, is
// one product of a matrix.
func ExampleMap() {
	param := func(it graph.Interpreter, name string, dims ...int) graph.Op {
		p, err := it.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: name, Shape: shapes.Make(dtypes.Float64, dims...)})
		if err != nil {
			log.Fatal(err)
		}
		return p[0]
	}
	one := graph.NewRecorder("one")
	y := graph.Ops{It: one}.DotGeneral(param(one, "x", 3), []int{0}, nil, param(one, "w", 3, 2), []int{0}, nil)

	rec := graph.NewRecorder("batch")
	m := vmap.New(rec, 8)
	x, w := vmap.Mapped(param(rec, "x", 8, 3)), vmap.Fixed(param(rec, "w", 3, 2))
	out, err := graph.Replay(one.Program(y), m, []graph.Op{x, w})
	if err != nil {
		log.Fatal(err)
	}
	all, err := m.Out(out[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(rec.Program(all))
	// Output:
	// program batch(%0 "x" float64[8 3], %1 "w" float64[3 2])
	//   %2 float64[8 2] = DotGeneral %0 %1 {LC=[1] RC=[0]}
	//   return %2
}
