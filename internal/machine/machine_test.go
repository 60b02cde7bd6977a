package machine

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fake returns a probe of a machine made of the given files, with 8 CPUs
// and an empty environment.
func fake(t *testing.T, files map[string]string) probe {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return probe{root: root, env: func(string) string { return "" }, cpus: 8}
}

// meminfo16 is a machine of 16 GiB, 12 of them available.
const meminfo16 = "MemTotal:       16777216 kB\nMemFree:  1024 kB\nMemAvailable:   12582912 kB\n"

// unlimitedV1 is what version 1 writes for "no limit" with 4 KiB pages.
const unlimitedV1 = "9223372036854771712\n"

const gib = 1 << 30

func TestMemoryLimit(t *testing.T) {
	for _, tc := range []struct {
		name   string
		files  map[string]string
		want   int64
		source string
	}{
		{"no cgroup", map[string]string{"proc/meminfo": meminfo16}, 16 * gib, "physical memory"},
		{"nothing at all", nil, 0, "unknown"},
		{"v2, own group", map[string]string{
			"proc/meminfo":                     meminfo16,
			"proc/self/cgroup":                 "0::/job\n",
			"sys/fs/cgroup/job/memory.max":     "4294967296\n",
			"sys/fs/cgroup/job/memory.high":    "max\n",
			"sys/fs/cgroup/cgroup.controllers": "memory cpu\n",
		}, 4 * gib, "cgroup v2 memory.max of /job"},
		{"v2, an ancestor is tighter", map[string]string{
			"proc/meminfo":                            meminfo16,
			"proc/self/cgroup":                        "0::/slurm/job/step\n",
			"sys/fs/cgroup/slurm/memory.max":          "8589934592\n",
			"sys/fs/cgroup/slurm/job/memory.max":      "2147483648\n",
			"sys/fs/cgroup/slurm/job/step/memory.max": "max\n",
		}, 2 * gib, "cgroup v2 memory.max of /slurm/job"},
		{"v2, memory.high", map[string]string{
			"proc/meminfo":                meminfo16,
			"proc/self/cgroup":            "0::/a\n",
			"sys/fs/cgroup/a/memory.max":  "4294967296\n",
			"sys/fs/cgroup/a/memory.high": "3221225472\n",
		}, 3 * gib, "cgroup v2 memory.high of /a"},
		{"v2, a limit above physical memory", map[string]string{
			"proc/meminfo":               meminfo16,
			"proc/self/cgroup":           "0::/a\n",
			"sys/fs/cgroup/a/memory.max": "99999999999999\n",
		}, 16 * gib, "physical memory"},
		{"v2, a container's namespace: the root itself", map[string]string{
			"proc/meminfo":             meminfo16,
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "1073741824\n",
		}, gib, "cgroup v2 memory.max of /"},
		{"v1", map[string]string{
			"proc/meminfo":     meminfo16,
			"proc/self/cgroup": "5:cpuset:/x\n4:cpu,memory:/a/b\n0::/\n",
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": unlimitedV1,
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes":   "1073741824\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":     unlimitedV1,
		}, gib, "cgroup v1 memory.limit_in_bytes of /a"},
		{"v1, unlimited with 64 KiB pages", map[string]string{
			"proc/meminfo":     meminfo16,
			"proc/self/cgroup": "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854710272\n",
		}, 16 * gib, "physical memory"},
		{"v1, no namespace: the mount shows a part of the host's path", map[string]string{
			"proc/meminfo":                    meminfo16,
			"proc/self/cgroup":                "4:memory:/pods/p1/c1\n",
			"proc/self/mountinfo":             "35 31 0:32 /pods/p1 /cg\\040mem ro,nosuid shared:9 - cgroup cgroup rw,memory\n",
			"cg mem/c1/memory.limit_in_bytes": unlimitedV1,
			"cg mem/memory.limit_in_bytes":    "5368709120\n",
		}, 5 * gib, "cgroup v1 memory.limit_in_bytes of /"},
		{"v1, the tight ancestor is outside the mount", map[string]string{
			"proc/meminfo":        meminfo16,
			"proc/self/cgroup":    "4:memory:/pods/p1/c1\n",
			"proc/self/mountinfo": "35 31 0:32 /pods/p1/c1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": unlimitedV1,
			"sys/fs/cgroup/memory/memory.stat":           "cache 1\nhierarchical_memory_limit 1610612736\n",
		}, 1536 << 20, "cgroup v1 hierarchical_memory_limit of /"},
		{"malformed files limit nothing", map[string]string{
			"proc/meminfo":             meminfo16,
			"proc/self/cgroup":         "garbage\n:\n0::\n",
			"proc/self/mountinfo":      "1 2 - \n - cgroup2\n",
			"sys/fs/cgroup/memory.max": "-5\n",
		}, 16 * gib, "physical memory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, source := fake(t, tc.files).memoryLimit()
			if got != tc.want || source != tc.source {
				t.Errorf("memoryLimit: %d (%s), want %d (%s)", got, source, tc.want, tc.source)
			}
		})
	}
}

func TestAvailable(t *testing.T) {
	v2 := map[string]string{
		"proc/meminfo":                   meminfo16,
		"proc/self/cgroup":               "0::/a\n",
		"sys/fs/cgroup/a/memory.max":     "8589934592\n",
		"sys/fs/cgroup/a/memory.current": "4294967296\n",
		"sys/fs/cgroup/a/memory.stat":    "anon 1\ninactive_file 1073741824\n",
	}
	if got, ok := fake(t, v2).available(); !ok || got != 5*gib { // 8 − (4 − 1)
		t.Errorf("v2: %d %v, want 5 GiB", got, ok)
	}
	v2["sys/fs/cgroup/a/memory.max"] = "1073741824\n" // below what is used
	if got, ok := fake(t, v2).available(); !ok || got != 0 {
		t.Errorf("v2 over its limit: %d %v, want 0", got, ok)
	}
	if got, ok := fake(t, map[string]string{"proc/meminfo": meminfo16}).available(); !ok || got != 12*gib {
		t.Errorf("no cgroup: %d %v, want 12 GiB", got, ok)
	}
	if got, ok := fake(t, nil).available(); ok || got != 0 {
		t.Errorf("nothing known: %d %v, want 0 false", got, ok)
	}
}

func TestThreads(t *testing.T) {
	v2 := func(max string) map[string]string {
		return map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": max}
	}
	v1 := func(quota string) map[string]string {
		return map[string]string{
			"proc/self/cgroup":                              "3:cpu,cpuacct:/a\n",
			"proc/self/mountinfo":                           "1 2 0:3 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
			"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us":  quota,
			"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
		}
	}
	const mask = "CPUs of the affinity mask"
	for _, tc := range []struct {
		name   string
		files  map[string]string
		slurm  string
		want   int
		source string
	}{
		{"affinity", nil, "", 8, mask},
		{"v2, an ancestor's quota", v2("200000 100000\n"), "", 2, "cgroup v2 cpu.max of /a"},
		{"v2, rounded up", v2("150000 100000\n"), "", 2, "cgroup v2 cpu.max of /a"},
		{"v2, below one CPU", v2("10000 100000\n"), "", 1, "cgroup v2 cpu.max of /a"},
		{"v2, none", v2("max 100000\n"), "", 8, mask},
		{"v2, more than there are", v2("6400000 100000\n"), "", 8, mask},
		{"v2, malformed", v2("7\n"), "", 8, mask},
		{"v1", v1("300000\n"), "", 3, "cgroup v1 cpu.cfs_quota_us of /a"},
		{"v1, none", v1("-1\n"), "", 8, mask},
		{"Slurm", nil, "4", 4, "SLURM_CPUS_PER_TASK"},
		{"Slurm above the quota", v2("200000 100000\n"), "4", 2, "cgroup v2 cpu.max of /a"},
		{"Slurm, malformed", nil, "many", 8, mask + `; SLURM_CPUS_PER_TASK="many" is no positive number, ignored`},
		{"Slurm, zero", nil, "0", 8, mask + `; SLURM_CPUS_PER_TASK="0" is no positive number, ignored`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := fake(t, tc.files)
			p.env = func(key string) string { return map[string]string{"SLURM_CPUS_PER_TASK": tc.slurm}[key] }
			if got, source := p.threads(); got != tc.want || source != tc.source {
				t.Errorf("threads: %d (%s), want %d (%s)", got, source, tc.want, tc.source)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	x86 := fake(t, map[string]string{
		"proc/meminfo": meminfo16,
		"proc/cpuinfo": "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel name\t: other\n",
	})
	s := x86.describe()
	if want := "AMD EPYC (family 25, model 17)"; s.CPU != want {
		t.Errorf("CPU %q, want %q", s.CPU, want)
	}
	if s.Cores != 8 || s.Threads != 8 || s.Memory != 16*gib || s.MemoryLimit != 16*gib || s.Go != runtime.Version() {
		t.Errorf("summary %+v", s)
	}
	if line := s.String(); strings.Contains(line, "\n") || !strings.Contains(line, "16 GiB") {
		t.Errorf("String: %q", line)
	}
	arm := fake(t, map[string]string{"proc/cpuinfo": "CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"})
	if got, want := arm.cpu(), runtime.GOARCH+" (implementer 0x41, part 0xd0c)"; got != want {
		t.Errorf("CPU %q, want %q", got, want)
	}
}

// TestHere checks this machine's own answers for consistency.
func TestHere(t *testing.T) {
	if n, source := Threads(); n < 1 || n > runtime.NumCPU() || source == "" {
		t.Errorf("Threads: %d (%s)", n, source)
	}
	if runtime.GOOS != "linux" {
		t.Skip("RSS and memory limits are read from /proc, which this system lacks")
	}
	limit, source := MemoryLimit()
	if limit <= 0 || source == "" {
		t.Fatalf("MemoryLimit: %d (%s)", limit, source)
	}
	if avail, ok := Available(); !ok || avail <= 0 || avail > limit {
		t.Errorf("Available: %d %v of %d", avail, ok, limit)
	}
	peak, ok1 := PeakRSS()
	rss, ok2 := RSS()
	// The kernel batches its counters per thread, so a reading of either may
	// lag by some pages; 4 MiB is far above any batch.
	if !ok1 || !ok2 || rss <= 0 || peak < rss-4<<20 {
		t.Errorf("RSS %d %v, peak %d %v", rss, ok2, peak, ok1)
	}
	t.Log(Describe())
}
