package machine

import (
	"path"
	"strconv"
	"strings"
)

// A cgroup is one directory that may limit this process.
type cgroup struct {
	// dir is the directory below the probe's root; name is the group's path
	// as the process sees it.
	dir, name string
	// v2 tells the unified hierarchy from version 1.
	v2 bool
}

// cgroups returns the groups that hold the process for one controller
// ("memory", "cpu"), from its own up to the root of the mount, in both
// hierarchies: a hybrid system mounts both and limits in either.
func (p probe) cgroups(controller string) []cgroup {
	var groups []cgroup
	for line := range strings.Lines(p.read("/proc/self/cgroup")) {
		// hierarchy-ID:controller-list:path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		v2 := parts[0] == "0" && parts[1] == ""
		if !v2 && !listHas(parts[1], controller) {
			continue
		}
		groups = append(groups, p.walk(controller, v2, parts[2])...)
	}
	return groups
}

// walk returns the group called name and its ancestors within the mount.
func (p probe) walk(controller string, v2 bool, name string) []cgroup {
	mount, mountRoot := p.cgroupMount(controller, v2)
	// A container without a cgroup namespace sees its host's path, while the
	// mount shows only the part below its root.
	rel := path.Clean("/" + name)
	if mountRoot != "/" {
		switch {
		case rel == mountRoot:
			rel = "/"
		case strings.HasPrefix(rel, mountRoot+"/"):
			rel = strings.TrimPrefix(rel, mountRoot)
		default:
			rel = "/"
		}
	}
	var groups []cgroup
	for {
		groups = append(groups, cgroup{dir: path.Join(mount, rel), name: rel, v2: v2})
		if rel == "/" {
			return groups
		}
		rel = path.Dir(rel)
	}
}

// cgroupMount returns where a hierarchy is mounted and which of its groups
// is at the mount's root. Without mountinfo it assumes the usual places.
func (p probe) cgroupMount(controller string, v2 bool) (mount, root string) {
	for line := range strings.Lines(p.read("/proc/self/mountinfo")) {
		// ID parent major:minor root mount options [tags] - type source super
		left, right, ok := strings.Cut(line, " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 5 || len(r) < 3 {
			continue
		}
		if v2 && r[0] == "cgroup2" || !v2 && r[0] == "cgroup" && listHas(r[2], controller) {
			return unescape(l[4]), path.Clean("/" + unescape(l[3]))
		}
	}
	if v2 {
		return "/sys/fs/cgroup", "/"
	}
	return "/sys/fs/cgroup/" + controller, "/"
}

// listHas reports whether a comma-separated list contains an item.
func listHas(list, item string) bool {
	for s := range strings.SplitSeq(list, ",") {
		if s == item {
			return true
		}
	}
	return false
}

// unescape undoes mountinfo's octal escapes of blanks.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// value reads one number from a file of the group. It returns false where
// the file is missing or says "max".
func (p probe) value(g cgroup, file string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(p.read(g.dir, file)), 10, 64)
	return n, err == nil
}

// stat reads one line of the group's memory.stat.
func (p probe) stat(g cgroup, key string) (int64, bool) {
	for line := range strings.Lines(p.read(g.dir, "memory.stat")) {
		f := strings.Fields(line)
		if len(f) == 2 && f[0] == key {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
