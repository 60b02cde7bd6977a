// Package machine tells what this computer grants the process: memory,
// threads, and the rates at which it was measured to compute.
package machine

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// A probe reads what the operating system says. Its roots are fields, so
// that tests can show it another machine.
type probe struct {
	// root is prefixed to /proc and to cgroup mount points; "" is this machine.
	root string
	// env looks an environment variable up.
	env func(string) string
	// cpus is how many CPUs the scheduler's affinity mask leaves.
	cpus int
	// physical is the total memory in bytes on systems without /proc; 0
	// means unknown.
	physical int64
	// model is the CPU model on systems without /proc.
	model string
}

// here is the probe of this machine.
func here() probe {
	return probe{
		env:      os.Getenv,
		cpus:     runtime.NumCPU(),
		physical: physicalMemory(),
		model:    cpuModel(),
	}
}

// path places an absolute path under the probe's root.
func (p probe) path(elem ...string) string {
	return filepath.Join(append([]string{p.root}, elem...)...)
}

// read returns a small file's text, or "" where it cannot be read: on other
// systems, and in other cgroup versions, most of these files do not exist.
func (p probe) read(elem ...string) string {
	b, err := os.ReadFile(p.path(elem...))
	if err != nil {
		return ""
	}
	return string(b)
}

// field returns the first value of "key : value" in a file of /proc.
func field(text, key string) (string, bool) {
	for line := range strings.Lines(text) {
		k, v, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}
