package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gontk/ntk/internal/durable"
)

// SetupOptions configures [Setup].
type SetupOptions struct {
	// From is a folder that holds the wheels; empty means to download them
	// with pip. With From neither Python nor a network is needed.
	From string
	// CUDA is the major version, 12 or 13, of the CUDA plugin to install
	// beside the rest; 0 means none.
	CUDA int
	// CacheDir is the folder of ntk's cache; empty means as [CacheDir] says.
	CacheDir string
	// Progress is called with one line at each step; nil means silence.
	Progress func(string)
}

// Installed lists what Setup found or put in place.
type Installed struct {
	Libraries []Library
}

// Library is one installed native library.
type Library struct {
	Name    string // "xla-cpu", "openblas", "xla-cuda12" or "xla-cuda13"
	Package string // the Python package and version that it comes from
	Path    string // absolute
	SHA256  string // checked
	Size    int64  // bytes
	Already bool   // it was in place before
	Note    string // what else it needs; empty for nothing
}

// Setup installs the XLA CPU plugin and OpenBLAS, and a CUDA plugin if asked,
// in the cache folder, at the versions that ntk was tested with.
//
// Wheel and library are checked against pinned SHA-256 sums, and a library
// appears under its name only when it is complete and on disk: a broken or
// cancelled Setup leaves what was there before. A library that is in place and
// has the right sum is left alone. Several Setups may run at once.
//
// It fails if there is no library for this platform, if pip fails, if From
// lacks a wheel, or if a sum differs. It takes about 340 MB on disk, or
// 770 MB with CUDA.
func Setup(ctx context.Context, opts SetupOptions) (Installed, error) {
	return installer{pins: pins, python: "python3"}.run(ctx, opts)
}

// An installer is Setup with what tests replace: the table of pins and the
// Python interpreter.
type installer struct {
	pins   []pin
	python string
}

func (in installer) run(ctx context.Context, opts SetupOptions) (Installed, error) {
	say := opts.Progress
	if say == nil {
		say = func(string) {}
	}
	wanted, err := in.wanted(opts.CUDA)
	if err != nil {
		return Installed{}, err
	}
	cache, err := CacheDir(opts.CacheDir)
	if err != nil {
		return Installed{}, err
	}

	var done Installed
	for _, p := range wanted {
		path := p.path(cache)
		lib := Library{Name: p.name, Package: p.pkg + " " + p.version, Path: path, SHA256: p.sum, Size: p.size, Note: p.note}
		lib.Already, err = present(ctx, path, p)
		switch {
		case err != nil:
		case lib.Already:
			say(fmt.Sprintf("%s: already installed and verified: %s", p.name, path))
		default:
			err = in.install(ctx, p, path, opts.From, say)
		}
		if err != nil {
			return done, fmt.Errorf("native: setup of %s: %w", p.name, err)
		}
		if p.note != "" {
			say(fmt.Sprintf("%s: %s", p.name, p.note))
		}
		done.Libraries = append(done.Libraries, lib)
	}
	return done, nil
}

// wanted selects the pins to install on this platform.
func (in installer) wanted(cuda int) ([]pin, error) {
	var wanted []pin
	foundCUDA := cuda == 0
	for _, p := range in.pins {
		if !p.runsHere() || p.cuda != 0 && p.cuda != cuda {
			continue
		}
		foundCUDA = foundCUDA || p.cuda == cuda
		wanted = append(wanted, p)
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("native: there are no native libraries for %s/%s: ntk runs there on its pure-Go backend, with nothing to set up", runtime.GOOS, runtime.GOARCH)
	}
	if !foundCUDA {
		return nil, fmt.Errorf("native: there is no plugin for CUDA %d: want 12, 13, or 0 for none", cuda)
	}
	return wanted, nil
}

// present reports whether path already is the library that p pins, by its full
// sum, and renews its record.
func present(ctx context.Context, path string, p pin) (bool, error) {
	if verifySum(ctx, path, p) != nil {
		return false, ctx.Err()
	}
	if recorded(path, p) {
		return true, nil
	}
	return true, writeRecord(path, p)
}

func (in installer) install(ctx context.Context, p pin, path, from string, say func(string)) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(dir) // which fails, as it should, unless dir is empty
		}
	}()
	removeStale(dir)

	wheel := filepath.Join(from, p.wheel)
	if from == "" {
		tmp, err := os.MkdirTemp(dir, durable.Partial)
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		say(fmt.Sprintf("%s: downloading %s %s with pip", p.name, p.pkg, p.version))
		if err := in.download(ctx, p, tmp); err != nil {
			return err
		}
		wheel = filepath.Join(tmp, p.wheel)
	}
	say(fmt.Sprintf("%s: unpacking %s (%d MB)", p.name, p.wheel, p.size>>20))
	if err := unpack(ctx, wheel, p, path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w; the folder must hold the wheel of %s %s under this name", err, p.pkg, p.version)
		}
		return err
	}
	if err := writeRecord(path, p); err != nil {
		return err
	}
	say(fmt.Sprintf("%s: installed %s", p.name, path))
	return nil
}

// removeStale removes what a killed Setup left in dir. Anything younger than a
// day may belong to one that runs now.
func removeStale(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), durable.Partial) && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
