//go:build cgo && linux && amd64

package native

import (
	"sync"

	"github.com/ebitengine/purego"
)

// keepFreed tells the C library to keep memory that XLA frees for its next
// arrays: pages that were given back to the system cost more to get again, one
// fault for 4 KiB, than a small array to compute.
//
// Up to 64 MiB are kept at the end of each heap, and arrays above 32 MiB are
// given back as ever. C libraries other than glibc do without.
var keepFreed = sync.OnceFunc(func() {
	address, err := purego.Dlsym(purego.RTLD_DEFAULT, "mallopt")
	if err != nil {
		return
	}
	var mallopt func(parameter, value int32) int32
	purego.RegisterFunc(&mallopt, address)
	const trimThreshold, mmapThreshold = -1, -3 // glibc's malloc.h
	mallopt(mmapThreshold, 32<<20)
	mallopt(trimThreshold, 64<<20)
})
