package machine

import (
	"fmt"
	"runtime"
	"strings"
)

// A Summary describes the machine for reports and manifests. It names no
// host and no user.
type Summary struct {
	// CPU is the processor model; Cores counts the CPUs this process may run on.
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	// Threads is the default thread count, ThreadsSource who sets it, and
	// CPUQuota the cgroup quota in CPUs, 0 for none.
	Threads       int     `json:"threads"`
	ThreadsSource string  `json:"threads_source"`
	CPUQuota      float64 `json:"cpu_quota,omitempty"`
	// Memory is physical memory and MemoryLimit what the process may use of
	// it, in bytes; 0 means unknown.
	Memory       int64  `json:"memory"`
	MemoryLimit  int64  `json:"memory_limit"`
	MemorySource string `json:"memory_source"`
	// OS, Arch and Go are runtime.GOOS, GOARCH and the Go version.
	OS   string `json:"os"`
	Arch string `json:"arch"`
	Go   string `json:"go"`
}

// Describe returns the Summary of this machine.
func Describe() Summary { return here().describe() }

func (p probe) describe() Summary {
	s := Summary{
		CPU: p.cpu(), Cores: p.cpus,
		OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(),
	}
	s.Threads, s.ThreadsSource = p.threads()
	s.CPUQuota, _ = p.cpuQuota()
	s.Memory, _ = p.totalMemory()
	s.MemoryLimit, s.MemorySource = p.memoryLimit()
	return s
}

// String returns the summary in one line.
func (s Summary) String() string {
	return fmt.Sprintf("%s, %d cores, %d threads (%s), %s of memory (%s), %s/%s, %s",
		s.CPU, s.Cores, s.Threads, s.ThreadsSource,
		FormatBytes(s.MemoryLimit), s.MemorySource, s.OS, s.Arch, s.Go)
}

// cpu returns the processor's model, with the numbers that tell processors
// apart where a hypervisor shortens the name ("AMD EPYC").
func (p probe) cpu() string {
	info := p.read("/proc/cpuinfo")
	name, ok := field(info, "model name")
	keys := [][2]string{{"cpu family", "family"}, {"model", "model"}}
	if !ok { // ARM kernels give numbers only
		name = runtime.GOARCH
		keys = [][2]string{{"CPU implementer", "implementer"}, {"CPU part", "part"}}
	}
	var numbers []string
	for _, k := range keys {
		if v, ok := field(info, k[0]); ok {
			numbers = append(numbers, k[1]+" "+v)
		}
	}
	switch {
	case len(numbers) > 0:
		return name + " (" + strings.Join(numbers, ", ") + ")"
	case !ok && p.model != "":
		return p.model
	}
	return name
}
