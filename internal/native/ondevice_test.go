package native_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/native"
)

// TestOnDevice adds 1 to three numbers on every device, and asks the whole backend
// where argument and result are.
func TestOnDevice(t *testing.T) {
	b := kerneltest.Backend(t)
	shape := shapes.Make(dtypes.Float32, 3)
	for device := range b.Devices {
		one, err := b.OnDevice(device)
		if err != nil {
			t.Fatal(err)
		}
		build := one.GoMLX.Builder("one more")
		x, err := build.Parameter("x", shape, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := build.Constant([]float32{1, 1, 1}, 3)
		if err != nil {
			t.Fatal(err)
		}
		y, err := build.Add(x, c)
		if err != nil {
			t.Fatal(err)
		}
		e, err := build.Compile([]backends.Op{y}, nil)
		if err != nil {
			t.Fatal(err)
		}
		in, err := one.GoMLX.BufferFromFlatData(0, []float32{1, 2, 4}, shape)
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Execute([]backends.Buffer{in}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, buffer := range []backends.Buffer{in, out[0]} {
			at, err := b.GoMLX.BufferDeviceNum(buffer)
			if err != nil || at != backends.DeviceNum(device) {
				t.Errorf("device %d: a buffer is on device %d (%v)", device, at, err)
			}
			if known, err := one.GoMLX.BufferDeviceNum(buffer); err != nil || known != 0 {
				t.Errorf("device %d: it calls itself %d (%v), want 0", device, known, err)
			}
		}
		got := make([]float32, 3)
		if err := one.GoMLX.BufferToFlatData(out[0], got); err != nil || !slices.Equal(got, []float32{2, 3, 5}) {
			t.Errorf("device %d: %v (%v), want 2, 3, 5", device, got, err)
		}
		if other, err := b.OnDevice((device + 1) % b.Devices); err != nil {
			t.Error(err)
		} else if _, err := other.GoMLX.BufferDeviceNum(in); b.Devices > 1 && (err == nil || !strings.Contains(err.Error(), "is given to device")) {
			t.Errorf("device %d: another device takes its buffer (%v)", device, err)
		}
		e.Finalize()
		one.Close()
	}
	for _, device := range []int{-1, b.Devices} {
		if _, err := b.OnDevice(device); err == nil {
			t.Errorf("device %d of %d: no error", device, b.Devices)
		}
	}
	if b.Kind == native.KindGo {
		t.Logf("pure Go: one device")
	}
}
