//go:build !((linux || darwin) && (amd64 || arm64))

package native

import (
	"fmt"
	"runtime"
)

// loadOpenBLAS always fails: libraries cannot be opened without cgo here.
func loadOpenBLAS(string) (*BLAS, error) {
	return nil, fmt.Errorf("not supported on %s/%s", runtime.GOOS, runtime.GOARCH)
}
