package machine

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Threads returns how many threads to compute with by default, at least 1,
// and who says so: the smallest of the CPUs of the scheduler's affinity
// mask, the cgroup CPU quota (rounded up: a fraction of a CPU is used by
// throttling one thread) and Slurm's SLURM_CPUS_PER_TASK.
//
// A SLURM_CPUS_PER_TASK that is no positive number is ignored, and source
// says so.
func Threads() (n int, source string) { return here().threads() }

func (p probe) threads() (int, string) {
	n, source := max(p.cpus, 1), "CPUs of the affinity mask"
	if quota, from := p.cpuQuota(); quota > 0 {
		if q := math.Max(math.Ceil(quota), 1); q < float64(n) {
			n, source = int(q), from
		}
	}
	if s := p.env("SLURM_CPUS_PER_TASK"); s != "" {
		tasks, err := strconv.Atoi(strings.TrimSpace(s))
		switch {
		case err != nil || tasks < 1:
			source += fmt.Sprintf("; SLURM_CPUS_PER_TASK=%q is no positive number, ignored", s)
		case tasks < n:
			n, source = tasks, "SLURM_CPUS_PER_TASK"
		}
	}
	return n, source
}

// cpuQuota returns the smallest cgroup CPU quota, in CPUs, and who sets it;
// 0 means none.
func (p probe) cpuQuota() (quota float64, source string) {
	for _, g := range p.cgroups("cpu") {
		q, file := p.quotaV1(g), "cpu.cfs_quota_us"
		if g.v2 {
			q, file = p.quotaV2(g), "cpu.max"
		}
		if q > 0 && (quota == 0 || q < quota) {
			quota, source = q, version(g)+" "+file+" of "+g.name
		}
	}
	return quota, source
}

// quotaV2 reads "quota period" or "max period", in microseconds.
func (p probe) quotaV2(g cgroup) float64 {
	f := strings.Fields(p.read(g.dir, "cpu.max"))
	if len(f) != 2 {
		return 0
	}
	quota, err1 := strconv.ParseInt(f[0], 10, 64)
	period, err2 := strconv.ParseInt(f[1], 10, 64)
	if err1 != nil || err2 != nil || quota <= 0 || period <= 0 {
		return 0
	}
	return float64(quota) / float64(period)
}

// quotaV1 reads two files in microseconds; a quota of -1 is none.
func (p probe) quotaV1(g cgroup) float64 {
	quota, ok1 := p.value(g, "cpu.cfs_quota_us")
	period, ok2 := p.value(g, "cpu.cfs_period_us")
	if !ok1 || !ok2 || quota <= 0 || period <= 0 {
		return 0
	}
	return float64(quota) / float64(period)
}
