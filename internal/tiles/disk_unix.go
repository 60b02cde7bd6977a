//go:build linux || darwin

package tiles

import (
	"errors"
	"math"
	"math/bits"
	"os"

	"golang.org/x/sys/unix"
)

// freeSpace returns the bytes that the file system of dir still takes, and
// false where it does not tell.
func freeSpace(dir string) (int64, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Bsize <= 0 {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(s.Bsize), s.Bavail)
	if hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64, true
	}
	return int64(lo), true
}

// lock takes f for this process alone, until it closes f. It reports whether
// another process holds it. File systems that cannot lock (some network
// ones) let everybody in.
func lock(f *os.File) (taken bool) {
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
}
