package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A job is one set on its way into the cache.
type job struct {
	tmp  string // folder to work in, beside the destination, removed at the end
	set  string // folder in tmp for the set's files, which becomes the set
	pins []pin
	say  func(string)
}

// copyFrom copies the set's files from a folder, and nothing else from there.
func (j job) copyFrom(ctx context.Context, folder string) error {
	for _, p := range j.pins {
		err := copyFile(ctx, filepath.Join(j.set, p.file), filepath.Join(folder, p.file))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s lacks %s, one of the %d files expected there", folder, p.file, len(j.pins))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(ctx context.Context, dst, src string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, cancelReader{ctx, in})
	return errors.Join(err, out.Close())
}

// keepOnly moves the set's files out of a folder that holds more.
func (j job) keepOnly(folder string) error {
	for _, p := range j.pins {
		err := os.Rename(filepath.Join(folder, p.file), filepath.Join(j.set, p.file))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("what was fetched lacks %s, one of the %d files expected", p.file, len(j.pins))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// CIFAR-10's numbers of examples.
const (
	cifarTrain = 50000
	cifarTest  = 10000
)

// cut keeps the first train and test examples of CIFAR-10's files; 0 keeps all.
func (j job) cut(train, test int) error {
	if train > 0 {
		paths, err := cifarBatches(j.set)
		if err != nil {
			return err
		}
		if err := cutRecords(paths, train); err != nil {
			return err
		}
	}
	if test > 0 {
		return cutRecords([]string{filepath.Join(j.set, "test_batch.bin")}, test)
	}
	return nil
}

// cutRecords keeps the first n records of files that follow each other.
func cutRecords(paths []string, n int) error {
	left := int64(n) * cifarRecord
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		switch {
		case left == 0:
			err = os.Remove(path)
		case left < info.Size():
			err = os.Truncate(path, left)
		}
		if err != nil {
			return err
		}
		left -= min(left, info.Size())
	}
	return nil
}

// install puts the set's files on disk and gives their folder its name. What
// is at dest is set aside, to go with j.tmp; damage says what is wrong with it.
func (j job) install(ctx context.Context, dest string, damage error) error {
	entries, err := os.ReadDir(j.set)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := flush(filepath.Join(j.set, e.Name())); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	aside := filepath.Join(j.tmp, "replaced")
	err = os.Rename(dest, aside)
	replacing := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if replacing {
		j.say(fmt.Sprintf("replacing what was there: %v", damage))
	}
	err = os.Rename(j.set, dest)
	if err == nil {
		return nil
	}
	if verify(ctx, dest, j.pins) == nil {
		return nil // another Fetch was faster
	}
	if replacing {
		err = errors.Join(err, os.Rename(aside, dest))
	}
	return err
}

// flush waits until a file is on disk.
func flush(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
