package native

import (
	"path/filepath"
	"runtime"
)

// A pin fixes one library that Setup installs: the wheel that carries it, the
// library inside, and the SHA-256 sums of both.
type pin struct {
	name     string // what messages and the cache call it
	platform string // "GOOS/GOARCH" that it runs on
	pkg      string // Python package
	version  string
	wheel    string // file name of the wheel
	wheelSum string // SHA-256 of the wheel, hexadecimal
	entry    string // path of the library inside the wheel
	size     int64  // bytes of the library
	sum      string // SHA-256 of the library, hexadecimal
	file     string // file name under which it is installed
	symbol   string // a function that it must export
	cuda     int    // CUDA major version; 0 means that it needs no GPU
	note     string // what else it needs; empty for nothing
}

// pins are the versions that ntk was tested with.
//
// GoMLX looks for plugins as pjrt_c_api_<name>_plugin.so. go-xla v0.1.4 speaks
// PJRT API 0.83: the CPU plugin speaks 0.81 and the CUDA plugins 0.85, the
// nearest that are published.
var pins = []pin{
	{
		name:     "xla-cpu",
		platform: "linux/amd64",
		pkg:      "xla-cpu-pjrt",
		version:  "0.0.1",
		wheel:    "xla_cpu_pjrt-0.0.1-py3-none-manylinux_2_27_x86_64.whl",
		wheelSum: "55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc",
		entry:    "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
		size:     259284552,
		sum:      "88c3f28c5900f48ad4a82cab9e79bba9537809743395e341485f8794268820dc",
		file:     "pjrt_c_api_cpu_plugin.so",
		symbol:   pluginSymbol,
	},
	{
		name:     "openblas",
		platform: "linux/amd64",
		pkg:      "scipy-openblas32",
		version:  "0.3.34.481.3",
		wheel:    "scipy_openblas32-0.3.34.481.3-py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
		wheelSum: "0595f94cd58c1f8a0d90c975621f4587337a003916b1979e834ebdf2cb5d9504",
		entry:    "scipy_openblas32/lib/libscipy_openblas.so",
		size:     25127992,
		sum:      "b396d74f12ab4319e6713b3287104d64245c76c60e5bd9eaeb4b447eda66a561",
		file:     "libscipy_openblas.so",
		symbol:   "scipy_cblas_sgemm",
	},
	{
		name:     "xla-cuda12",
		platform: "linux/amd64",
		pkg:      "jax-cuda12-pjrt",
		version:  "0.8.2",
		wheel:    "jax_cuda12_pjrt-0.8.2-py3-none-manylinux_2_27_x86_64.whl",
		wheelSum: "e3bab41ca7c48e4163db9e7efd271b3aa85f0fe45f5ed0708d6bbed93a59f977",
		entry:    "jax_plugins/xla_cuda12/xla_cuda_plugin.so",
		size:     425868912,
		sum:      "31f2c8edbeb0bb806fcd2805b668fa4c6017f1cfa7dddf27db5b623dbba591af",
		file:     "pjrt_c_api_cuda_plugin.so",
		symbol:   pluginSymbol,
		cuda:     12,
		note:     "it needs NVIDIA's CUDA 12 libraries on the library path, or a folder \"nvidia\" of the nvidia-*-cu12 wheels beside its own folder",
	},
	{
		name:     "xla-cuda13",
		platform: "linux/amd64",
		pkg:      "jax-cuda13-pjrt",
		version:  "0.8.2",
		wheel:    "jax_cuda13_pjrt-0.8.2-py3-none-manylinux_2_27_x86_64.whl",
		wheelSum: "c0ebc284d4bea9c0b278017b4bb62eb871755fe582cbf22ce1fb770d30fb9af6",
		entry:    "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
		size:     359207632,
		sum:      "9715af798e04c6dc216c15a5f74d8519d06bd23805789a306b30f3d1cdd4f92e",
		file:     "pjrt_c_api_cuda_plugin.so",
		symbol:   pluginSymbol,
		cuda:     13,
		note:     "it needs NVIDIA's CUDA 13 libraries on the library path, or a folder \"nvidia\" of the nvidia wheels for CUDA 13 beside its own folder",
	},
}

// path returns where the library lies in the cache folder. The version is part
// of it, so that a newer ntk never overwrites a library that is in use.
func (p pin) path(cache string) string {
	return filepath.Join(cache, "native", p.name+"-"+p.version, p.file)
}

// runsHere reports whether the library runs on this operating system and
// processor.
func (p pin) runsHere() bool {
	return p.platform == runtime.GOOS+"/"+runtime.GOARCH
}
