// Package durable writes files that are there whole or not at all, whatever is
// killed or loses power in between.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Partial begins the names of files that are still being written. A kill may
// leave some, beside the file that they were to become.
const Partial = ".partial-"

// Replace makes path hold all of what write wrote; until then, and if it fails,
// path holds what it held before. The folder must exist. An error of write is
// returned as it is.
func Replace(path string, mode fs.FileMode, write func(f *os.File) error) error {
	name, err := written(path, mode, write)
	if err != nil {
		return err
	}
	if err := Rename(name, path); err != nil {
		_ = os.Remove(name) // what failed first is what the caller hears
		return err
	}
	return nil
}

// Write is [Replace] with content that is there, for all to read.
func Write(path string, content []byte) error { return Replace(path, readable, all(content)) }

// New is [Write] to a file that does not exist. It returns an error that wraps
// [fs.ErrExist], and changes nothing, if another process was first. On file
// systems without hard links two at the same time may both succeed, and one
// file stays.
func New(path string, content []byte) error {
	name, err := written(path, readable, all(content))
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(name) }()
	err = os.Link(name, path)
	if err == nil {
		return syncFolder(filepath.Dir(path))
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return Rename(name, path)
}

// readable is the mode of files that everybody may read.
const readable = 0o644

func all(content []byte) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.Write(content)
		return err
	}
}

// written writes a file beside path, durably, and returns its name.
func written(path string, mode fs.FileMode, write func(*os.File) error) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), Partial+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return "", err
	}
	if err = f.Chmod(mode); err != nil {
		return "", err
	}
	// Before the name: else a power loss could leave the name of an empty file.
	if err = f.Sync(); err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// Rename gives a file another name in its folder, in place of a file that has
// it, and makes that durable.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}
