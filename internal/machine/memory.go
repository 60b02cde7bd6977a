package machine

import (
	"math"
	"strconv"
	"strings"
)

// MemoryLimit returns how many bytes of memory the process may use and who
// says so: the smallest of physical memory and every cgroup limit (version
// 1 or 2) from the process's own group up to the root. It returns 0 and
// "unknown" where the system tells neither.
func MemoryLimit() (limit int64, source string) { return here().memoryLimit() }

// Available returns how many bytes the process could still allocate now:
// the smallest of the system's available memory and what each cgroup limit
// leaves, where pages that the kernel can drop at once count as free. It
// returns false where the system does not tell.
func Available() (int64, bool) { return here().available() }

// PeakRSS returns the largest resident set of this process so far, in bytes,
// and false where the system does not tell.
func PeakRSS() (int64, bool) { return here().status("VmHWM") }

// RSS returns the resident set of this process now, in bytes, and false
// where the system does not tell.
func RSS() (int64, bool) { return here().status("VmRSS") }

func (p probe) memoryLimit() (int64, string) {
	limit, source := int64(math.MaxInt64), "unknown"
	if n, ok := p.totalMemory(); ok {
		limit, source = n, "physical memory"
	}
	for _, l := range p.memoryLimits() {
		if l.bytes < limit {
			limit, source = l.bytes, l.source
		}
	}
	if source == "unknown" {
		return 0, source
	}
	return limit, source
}

// A memoryLimit is one bound that a cgroup sets.
type memoryLimit struct {
	group  cgroup
	bytes  int64
	source string
}

// unlimited is the least value that version 1 means as "no limit": the
// largest int64 rounded down to a page, whatever the page size.
const unlimited = 1 << 62

func (p probe) memoryLimits() []memoryLimit {
	var limits []memoryLimit
	add := func(g cgroup, file string, n int64, ok bool) {
		if ok && n >= 0 && n < unlimited {
			limits = append(limits, memoryLimit{g, n, version(g) + " " + file + " of " + g.name})
		}
	}
	for i, g := range p.cgroups("memory") {
		if !g.v2 {
			n, ok := p.value(g, "memory.limit_in_bytes")
			add(g, "memory.limit_in_bytes", n, ok)
			if i == 0 {
				// Ancestors may lie outside a container's mount; the kernel
				// still tells the tightest of them.
				n, ok = p.stat(g, "hierarchical_memory_limit")
				add(g, "hierarchical_memory_limit", n, ok)
			}
			continue
		}
		n, ok := p.value(g, "memory.max")
		add(g, "memory.max", n, ok)
		// Above memory.high the kernel throttles instead of killing, which
		// stops a computation just as well.
		n, ok = p.value(g, "memory.high")
		add(g, "memory.high", n, ok)
	}
	return limits
}

func (p probe) available() (int64, bool) {
	avail, known := p.meminfo("MemAvailable")
	if !known {
		avail = math.MaxInt64
	}
	for _, l := range p.memoryLimits() {
		usage, inactive := "memory.usage_in_bytes", "total_inactive_file"
		if l.group.v2 {
			usage, inactive = "memory.current", "inactive_file"
		}
		used, ok := p.value(l.group, usage)
		if !ok {
			continue
		}
		// Page cache that was read once is charged to the group but is
		// dropped before anything is killed.
		if cache, ok := p.stat(l.group, inactive); ok && cache <= used {
			used -= cache
		}
		avail, known = min(avail, max(l.bytes-used, 0)), true
	}
	if !known {
		return 0, false
	}
	return avail, true
}

// totalMemory returns the physical memory in bytes.
func (p probe) totalMemory() (int64, bool) {
	if n, ok := p.meminfo("MemTotal"); ok {
		return n, true
	}
	return p.physical, p.physical > 0
}

// meminfo and status read one line "key: 123 kB", in bytes.
func (p probe) meminfo(key string) (int64, bool) { return kilobytes(p.read("/proc/meminfo"), key) }

func (p probe) status(key string) (int64, bool) { return kilobytes(p.read("/proc/self/status"), key) }

func kilobytes(text, key string) (int64, bool) {
	v, _ := field(text, key)
	number, ok := strings.CutSuffix(v, " kB")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/1024 {
		return 0, false
	}
	return n * 1024, true
}

func version(g cgroup) string {
	if g.v2 {
		return "cgroup v2"
	}
	return "cgroup v1"
}
