package jvp_test

import (
	"fmt"
	"log"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
)

// The derivative of sin x in the direction t is cos(x)·t, in the same pass as
// the value.
func ExampleMap() {
	param := func(it graph.Interpreter, name string) graph.Op {
		p, err := it.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: name, Shape: shapes.Make(dtypes.Float64, 3)})
		if err != nil {
			log.Fatal(err)
		}
		return p[0]
	}
	value := graph.NewRecorder("sine")
	y, err := value.Apply(backends.OpTypeSin, nil, param(value, "x"))
	if err != nil {
		log.Fatal(err)
	}

	rec := graph.NewRecorder("derivative")
	m := jvp.New(rec)
	out, err := graph.Replay(value.Program(y[0]), m, []graph.Op{jvp.Dual(param(rec, "x"), param(rec, "t"))})
	if err != nil {
		log.Fatal(err)
	}
	both := out[0].(*jvp.Value)
	fmt.Print(rec.Program(both.X, both.T))
	// Output:
	// program derivative(%0 "x" float64[3], %1 "t" float64[3])
	//   %2 float64[3] = Sin %0
	//   %3 float64[3] = Cos %0
	//   %4 float64[3] = Mul %1 %3
	//   return %2 %4
}
