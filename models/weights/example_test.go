package weights_test

import (
	"fmt"
	"os"
	"path/filepath"

	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/models/weights"
)

func Example() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "net.safetensors")

	trained := mlctx.New()
	trained.In("p0").VariableWithValue("W", []float32{1, 2})
	if err := weights.Save(path, trained); err != nil {
		fmt.Println(err)
		return
	}

	net := mlctx.New()
	v := net.In("p0").VariableWithValue("W", []float32{0, 0})
	if err := weights.Load(path, net); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(weights.Name(v), v.MustValue().Value())
	// Output: p0/W [1 2]
}
