//go:build cgo && linux && amd64

package native

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/go-xla/pkg/pjrt"
	"github.com/gomlx/gomlx/backends/xla"
)

// canXLA reports whether this build can open XLA plugins.
const canXLA = true

// GoMLX downloads plugins when a backend is opened by name. Programs that
// import ntk never do, wherever they open one.
func init() { xla.EnableAutoInstall(false) }

// openPlugin loads a plugin that FindPlugin has checked, and makes a client.
func openPlugin(found Found) (*Backend, error) {
	if strings.Contains(found.Path, ",") {
		return nil, fmt.Errorf("GoMLX cannot open a plugin with a comma in its path; move it, or set %s to another folder", EnvCache)
	}
	config := xla.BackendName + ":" + found.Path
	base := strings.ToLower(filepath.Base(found.Path))
	if strings.Contains(base, "cuda") {
		prepareCUDA(found.Path)
	} else if strings.Contains(base, "cpu") {
		// Host and device are one memory. GoMLX infers that from the name
		// "cpu" alone, never from a path.
		config += ",shared_buffers"
		keepFreed()
		restore, err := withoutXNNPACK(found.Path)
		if err != nil {
			return nil, err
		}
		defer restore()
	}
	b, err := newGoMLX(config)
	if err != nil {
		return nil, err
	}
	devices := b.NumDevices()
	if devices < 1 {
		b.Finalize()
		return nil, fmt.Errorf("the plugin offers no device")
	}
	plugin, err := pjrt.GetPlugin(found.Path) // the one that b uses, from a cache
	if err != nil {
		b.Finalize()
		return nil, err
	}
	major, minor := plugin.Version()
	return &Backend{
		GoMLX:   b,
		Kind:    kindOf(b.DeviceDescription(0)),
		Plugin:  found.Path,
		From:    found.From,
		API:     fmt.Sprintf("%d.%d", major, minor),
		Devices: devices,
	}, nil
}

// prepareCUDA tells XLA where ptxas and libdevice are, if NVIDIA's wheels are
// unpacked where the plugin looks for its libraries. go-xla v0.1.4 would name
// a folder of its author's; its check is switched off for that.
//
// Products of float32 keep float32: by default NVIDIA's libraries and XLA's own
// kernels round factors to 11 bits (TF32), which made Θ of a ResNet-18 wrong by
// 2·10⁻³ on an H200. A user's own NVIDIA_TF32_OVERRIDE or XLA_FLAGS stand.
func prepareCUDA(plugin string) {
	const checks, tf32, flags, dataDir = "GOPJRT_CUDA_CHECKS", "NVIDIA_TF32_OVERRIDE", "XLA_FLAGS", "--xla_gpu_cuda_data_dir"
	if os.Getenv(checks) == "" {
		_ = os.Setenv(checks, "0")
	}
	if os.Getenv(tf32) == "" {
		_ = os.Setenv(tf32, "0")
	}
	if triton := "--xla_gpu_enable_triton_gemm"; !strings.Contains(os.Getenv(flags), triton) {
		_ = os.Setenv(flags, strings.TrimSpace(os.Getenv(flags)+" "+triton+"=false"))
	}
	if strings.Contains(os.Getenv(flags), dataDir) {
		return
	}
	nvidia := filepath.Join(filepath.Dir(filepath.Dir(plugin)), "nvidia")
	for _, sub := range []string{"cuda_nvcc", "cu13"} {
		dir := filepath.Join(nvidia, sub)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			_ = os.Setenv(flags, strings.TrimSpace(os.Getenv(flags)+" "+dataDir+"="+dir))
			return
		}
	}
}
