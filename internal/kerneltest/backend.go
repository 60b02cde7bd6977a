package kerneltest

import (
	"sync"
	"testing"

	"github.com/gontk/ntk/internal/native"
)

var shared = sync.OnceValues(func() (*native.Backend, error) {
	return native.Open(native.Options{})
})

// Backend returns the best backend installed, the same for the whole test
// binary: XLA after "ntk setup", pure Go otherwise. The test says which.
func Backend(t testing.TB) *native.Backend {
	t.Helper()
	b, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("backend %s", b.Kind)
	return b
}
