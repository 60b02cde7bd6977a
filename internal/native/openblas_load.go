//go:build (linux || darwin) && (amd64 || arm64)

package native

import (
	"fmt"
	"os"
	"strings"

	"github.com/ebitengine/purego"
)

// loadOpenBLAS opens the library and finds its functions.
func loadOpenBLAS(path string) (*BLAS, error) {
	// OpenBLAS starts its threads when it is loaded, by this variable. They
	// spin while they wait, so none are wanted.
	const threadsEnv = "OPENBLAS_NUM_THREADS"
	before, had := os.LookupEnv(threadsEnv)
	if err := os.Setenv(threadsEnv, "1"); err != nil {
		return nil, err
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if had {
		_ = os.Setenv(threadsEnv, before)
	} else {
		_ = os.Unsetenv(threadsEnv)
	}
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
