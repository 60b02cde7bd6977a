//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// syncFolder makes the names of files in dir durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil // one may write into folders that one may not list
	}
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	err = d.Sync()
	// Some network file systems cannot, and need not.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
