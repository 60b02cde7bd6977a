package cmd

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/native"
)

// TestGramDevices compares what several devices of one process make with what one
// makes, byte by byte, in a run that is left alone and in one that is stopped and
// goes on.
func TestGramDevices(t *testing.T) {
	b := kerneltest.Backend(t)
	if b.Kind == native.KindGo || b.Devices < 2 {
		t.Skipf("%s has %d devices, and this test wants two", b, b.Devices)
	}
	n := min(b.Devices, 3)
	flags := "gram --model cnn --width 4 --depth 1 --data digits --examples 30 --outputs full --backend xla --block 5"
	args := func(more ...string) []string { return append(strings.Fields(flags), more...) }
	alone := filepath.Join(t.TempDir(), "alone")
	succeed(t, nil, args("--quiet", "--out", alone)...)
	for _, stopped := range []bool{false, true} {
		out := filepath.Join(t.TempDir(), "theta")
		more := args("--devices", fmt.Sprint(n), "--out", out)
		if stopped {
			interruptAt(t, "tile 4 of 21", nil, more...)
			more = append(more, "--resume")
		}
		r := succeed(t, nil, append(more, "--json")...)
		decode(t, "ntk/gram/1", r.stdout)
		if !sameFile(t, filepath.Join(out, "theta.npy"), filepath.Join(alone, "theta.npy")) {
			t.Errorf("stopped %v: theta.npy differs from that of one device", stopped)
		}
		if tiles, twice := counts(t, filepath.Join(out, "theta.npy")); tiles != 21 || twice != 0 {
			t.Errorf("stopped %v: the journal has %d tiles, %d twice, want 21", stopped, tiles, twice)
		}
		succeed(t, nil, "verify", out)
	}
}
