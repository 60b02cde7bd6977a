package native

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// DeviceMemory returns how many bytes of memory the GPU has that b computes on, the
// first one, as NVIDIA's nvidia-smi tells, and false for a backend that computes in
// the host's memory or if nobody tells.
func (b *Backend) DeviceMemory() (int64, bool) {
	if b.Kind != KindXLACUDA {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits").Output()
	if err != nil {
		return 0, false
	}
	return mebibytes(string(out))
}

// mebibytes reads the first line of nvidia-smi's answer.
func mebibytes(text string) (int64, bool) {
	line, _, _ := strings.Cut(text, "\n")
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil || n < 1 || n > 1<<32 {
		return 0, false
	}
	return n << 20, true
}
