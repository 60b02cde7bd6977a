package native

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// square runs x·x on a backend, for a 2×2 matrix.
func square(t *testing.T, b *Backend) {
	t.Helper()
	got, err := gx.ExecOnce(b.GoMLX, func(x *gx.Node) *gx.Node { return gx.Dot(x, x) }, [][]float32{{1, 2}, {3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(got.Value()); s != "[[7 10] [15 22]]" {
		t.Errorf("%s: x·x is %s", b.Kind, s)
	}
}

func TestOpenGo(t *testing.T) {
	b, err := Open(Options{Backend: Go})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Kind != KindGo || b.Plugin != "" || b.Devices != 1 {
		t.Errorf("got %+v", b)
	}
	square(t, b)
}

func TestOpenAutoWithoutPlugin(t *testing.T) {
	isolate(t)
	if _, err := FindPlugin("cpu", SearchOptions{}); !errors.Is(err, ErrNotFound) {
		t.Skip("this machine has a plugin in a system folder")
	}
	if hasNVIDIA() {
		t.Skip("with a GPU there is a warning about that, too")
	}
	var warnings []string
	b, err := Open(Options{Warn: func(s string) { warnings = append(warnings, s) }})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Kind != KindGo || len(warnings) != 1 || strings.Contains(warnings[0], "\n") {
		t.Errorf("kind %q, warnings %q, want go and one line", b.Kind, warnings)
	}
	for _, backend := range []string{XLA, CUDA} {
		if _, err := Open(Options{Backend: backend}); err == nil {
			t.Errorf("%s without a plugin: got no error", backend)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(Options{Backend: "tpu"}); err == nil || !strings.Contains(err.Error(), "tpu") {
		t.Errorf("unknown backend: got %v", err)
	}
	if _, err := Open(Options{Backend: Go, Plugin: "x.so"}); err == nil {
		t.Error("pure Go with a plugin: got no error")
	}
}

// installedPlugin returns XLA's CPU plugin, or skips.
func installedPlugin(t *testing.T) Found {
	t.Helper()
	if !canXLA {
		t.Skip(errNoXLA)
	}
	found, err := FindPlugin("cpu", SearchOptions{})
	if errors.Is(err, ErrNotFound) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOpenXLA(t *testing.T) {
	found := installedPlugin(t)
	var open []*Backend
	for _, opts := range []Options{{Backend: XLA}, {Backend: XLA, Plugin: found.Path}} {
		b, err := Open(opts)
		if err != nil {
			t.Fatal(err)
		}
		if b.Kind != KindXLACPU || b.Plugin != found.Path || b.Devices < 1 || !strings.HasPrefix(b.API, "0.") {
			t.Errorf("got %+v", b)
		}
		if !b.GoMLX.HasSharedBuffers() {
			t.Error("the CPU client shares no buffers")
		}
		open = append(open, b)
	}
	// Two at once, and the second after the first is closed.
	square(t, open[0])
	square(t, open[1])
	open[0].Close()
	square(t, open[1])
	open[1].Close()

	if _, err := Open(Options{Backend: CUDA, Plugin: found.Path}); err == nil || !strings.Contains(err.Error(), "CUDA") {
		t.Errorf("CUDA with a CPU plugin: got %v", err)
	}
}

func TestOpenBrokenPlugin(t *testing.T) {
	if !canXLA {
		t.Skip(errNoXLA)
	}
	dir := t.TempDir()
	// It exports the right symbol and cannot be loaded.
	hollow := writeFile(t, filepath.Join(dir, "hollow_cpu.so"), fakeELF(pluginSymbol))
	comma := writeFile(t, filepath.Join(dir, "a,b", "cpu.so"), fakeELF(pluginSymbol))
	for _, path := range []string{hollow, comma} {
		if _, err := Open(Options{Plugin: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error naming it", path, err)
		}
	}
}

func TestOpenTruncatedPlugin(t *testing.T) {
	found := installedPlugin(t)
	whole, err := os.Open(found.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	start := make([]byte, 1<<20)
	if _, err := whole.Read(start); err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, filepath.Join(t.TempDir(), "cpu.so"), start)
	if _, err := Open(Options{Plugin: path}); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("got %v, want an error that says cut short", err)
	}
}

// A Gram matrix is computed on the memory of XLA's CPU client itself.
func TestSyrkOnDeviceBuffer(t *testing.T) {
	installedPlugin(t)
	blas := installedOpenBLAS(t)
	b, err := Open(Options{Backend: XLA})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	buffer, err := b.GoMLX.BufferFromFlatData(0, []float32{1, 2, 3, 4, 5, 6}, shapes.Make(dtypes.Float32, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.GoMLX.BufferFinalize(buffer); err != nil {
			t.Error(err)
		}
	}()
	data, err := b.GoMLX.BufferData(buffer)
	if err != nil {
		t.Fatal(err)
	}
	a := data.([]float32)
	c := []float32{0, 0, 7, 0}
	if err := blas.Syrk32(2, 3, 1, unsafe.Pointer(&a[0]), 3, 0, unsafe.Pointer(&c[0]), 2); err != nil {
		t.Fatal(err)
	}
	// (1 2 3)² = 14, (1 2 3)·(4 5 6) = 32, (4 5 6)² = 77; 7 is left alone.
	if want := []float32{14, 32, 7, 77}; !slices.Equal(c, want) {
		t.Errorf("got %v, want %v", c, want)
	}
}
