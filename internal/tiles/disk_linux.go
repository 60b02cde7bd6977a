package tiles

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve makes the file system keep size bytes for f, so that a full disk or
// quota is found before any work. File systems that cannot promise it find out
// at the first write. The file's length stays.
func reserve(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
			return err
		default: // done, or not to be had here
			return nil
		}
	}
}
