package cmd_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"

	"github.com/gontk/ntk/cmd"
	"github.com/gontk/ntk/graph"
)

// A program with a network of its own; examples/template is one to copy.
func ExampleRun() {
	line := cmd.Func("line", "w·x", graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return layers.Dense(ctx, gx.Reshape(x, x.Shape().Dimensions[0], -1), false, 1)
	}))
	command := "gram --model line --data digits --examples 4 --outputs full"
	status := cmd.Run(context.Background(), strings.Fields(command), os.Stdout, os.Stdout, nil, line)
	fmt.Println("exit status", status)
	// Output:
	// ntk: --out is missing: the folder that theta.npy goes to; or --explain
	// exit status 2
}
