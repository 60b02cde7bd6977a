package machine

import (
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// memoryStatusEx is MEMORYSTATUSEX of the Windows API.
type memoryStatusEx struct {
	length, load                 uint32
	totalPhys, availPhys         uint64
	totalPageFile, availPageFile uint64
	totalVirtual, availVirtual   uint64
	availExtendedVirtual         uint64
}

func physicalMemory() int64 {
	proc := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if proc.Find() != nil {
		return 0
	}
	var m memoryStatusEx
	m.length = uint32(unsafe.Sizeof(m))
	if ok, _, _ := proc.Call(uintptr(unsafe.Pointer(&m))); ok == 0 || m.totalPhys > math.MaxInt64 {
		return 0
	}
	return int64(m.totalPhys)
}

func cpuModel() string { return os.Getenv("PROCESSOR_IDENTIFIER") }
