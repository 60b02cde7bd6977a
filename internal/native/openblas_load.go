//go:build (linux || darwin) && (amd64 || arm64)

package native

import (
	"fmt"
	"os"
	"strings"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/cpu"
)

// coreEnv names the processor that OpenBLAS takes its kernels for.
const coreEnv = "OPENBLAS_CORETYPE"

// coreType returns the value of coreEnv. OpenBLAS 0.3.34 does not know processors
// newer than itself and takes kernels for AVX2 then; those for AVX-512 are up to
// twice as fast where the processor has it.
func coreType() string {
	if set, ok := os.LookupEnv(coreEnv); ok {
		return set
	}
	if x := cpu.X86; x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512CD {
		return "SkylakeX"
	}
	return ""
}

// setEnv sets the variables that have a value, and returns what puts the old
// ones back.
func setEnv(vars map[string]string) (restore func(), err error) {
	var undo []func()
	restore = func() {
		for _, f := range undo {
			f()
		}
	}
	for name, value := range vars {
		if value == "" {
			continue
		}
		before, had := os.LookupEnv(name)
		undo = append(undo, func() {
			if had {
				_ = os.Setenv(name, before)
			} else {
				_ = os.Unsetenv(name)
			}
		})
		if err := os.Setenv(name, value); err != nil {
			restore()
			return nil, err
		}
	}
	return restore, nil
}

// loadOpenBLAS opens the library and finds its functions.
func loadOpenBLAS(path string) (*BLAS, error) {
	// OpenBLAS reads these when it is loaded. Its threads spin while they wait,
	// so none are wanted.
	restore, err := setEnv(map[string]string{"OPENBLAS_NUM_THREADS": "1", coreEnv: coreType()})
	if err != nil {
		return nil, err
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	restore()
	if err != nil {
		return nil, err
	}

	prefix := "scipy_"
	if _, err := purego.Dlsym(handle, prefix+"cblas_sgemm"); err != nil {
		prefix = ""
	}
	var (
		single     cblas[float32]
		double     cblas[float64]
		factor     clapack
		getConfig  func() string
		getCore    func() string
		setThreads func(n int32)
	)
	for _, f := range []struct {
		fn   any
		name string
	}{
		{&single.gemm, "cblas_sgemm"},
		{&single.syrk, "cblas_ssyrk"},
		{&double.gemm, "cblas_dgemm"},
		{&double.syrk, "cblas_dsyrk"},
		{&factor.trsm, "cblas_dtrsm"},
		{&factor.syevd, "LAPACKE_dsyevd"},
		{&factor.potrf, "LAPACKE_dpotrf"},
		{&getConfig, "openblas_get_config"},
		{&getCore, "openblas_get_corename"},
		{&setThreads, "openblas_set_num_threads"},
	} {
		address, err := purego.Dlsym(handle, prefix+f.name)
		if err != nil {
			return nil, fmt.Errorf("it has no %s%s: want a build with CBLAS and LAPACKE", prefix, f.name)
		}
		purego.RegisterFunc(f.fn, address)
	}

	b := newBLAS("OpenBLAS")
	b.path, b.config, b.core = path, strings.TrimSpace(getConfig()), getCore()
	if strings.Contains(b.config, "USE64BITINT") {
		return nil, fmt.Errorf("it counts in 64 bits (%s): want a build with 32-bit integers", b.config)
	}
	setThreads(1)
	b.limit = func(threads int) { setThreads(int32(threads)) }
	b.single, b.double, b.lapack = single.kernels(), double.kernels(), factor.factorizations()
	return b, nil
}
