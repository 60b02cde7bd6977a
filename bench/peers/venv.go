package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gontk/ntk/internal/native"
)

// pins are the versions that the benchmark compares with. On jax 0.4.30 and
// later the structured derivatives of neural-tangents 0.6.5 fail.
var pins = map[string]string{"neural-tangents": "0.6.5", "jax": "0.4.25", "jaxlib": "0.4.25"}

// companions are bounded because later ones do not load beside that jax.
var companions = []string{"numpy<2", "scipy<1.13"}

// pythonVersion is the one that the pins were tried with.
const pythonVersion = "3.11"

// checkVersions returns an error unless versions are the pins.
func checkVersions(versions map[string]string) error {
	for _, p := range slices.Sorted(maps.Keys(pins)) {
		if got := versions[p]; got != pins[p] {
			return fmt.Errorf("%s is %q, want %s", p, got, pins[p])
		}
	}
	return nil
}

// defaultVenv returns the folder of the virtual environment in ntk's cache.
func defaultVenv() (string, error) {
	cache, err := native.CacheDir("")
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "peers", "neural-tangents-"+pins["neural-tangents"]+"-jax-"+pins["jax"]), nil
}

// venv returns the Python of the virtual environment in dir, which it builds
// (2.6 GB, from the package index that pip is set to) unless it is there with
// the right versions. It fails if dir holds anything else, and if pip does.
func venv(ctx context.Context, dir, python string, progress io.Writer) (string, error) {
	bin := venvPython(dir)
	if err := venvReady(ctx, bin); err == nil {
		return bin, nil
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, "pyvenv.cfg")); err != nil {
			return "", fmt.Errorf("%s holds something, but no virtual environment; give another folder with -venv", dir)
		}
	}
	python, err := findPython(ctx, python)
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprintf(progress, "building %s with %s (once; 2.6 GB)\n", dir, python)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	if _, err := output(ctx, python, "-m", "venv", dir); err != nil {
		return "", err
	}
	install := []string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"}
	for _, p := range slices.Sorted(maps.Keys(pins)) {
		install = append(install, p+"=="+pins[p])
	}
	if _, err := output(ctx, bin, append(install, companions...)...); err != nil {
		return "", err
	}
	if err := venvReady(ctx, bin); err != nil {
		return "", fmt.Errorf("%s: %w", dir, err)
	}
	return bin, nil
}

func venvPython(dir string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, "Scripts", "python.exe")
	}
	return filepath.Join(dir, "bin", "python")
}

// venvReady returns why the Python at bin lacks a pinned package, nil if it has all.
func venvReady(ctx context.Context, bin string) error {
	if _, err := os.Stat(bin); err != nil {
		return err
	}
	const list = "import json, importlib.metadata as m; print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
	out, err := output(ctx, bin, "-c", list)
	if err != nil {
		return err
	}
	found, versions := map[string]string{}, map[string]string{}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		return fmt.Errorf("the packages of %s: %w", bin, err)
	}
	for name, v := range found { // names are free in case and in - or _
		versions[strings.ReplaceAll(strings.ToLower(name), "_", "-")] = v
	}
	return checkVersions(versions)
}

// findPython returns the Python that builds the environment: the one named, as
// it is, or the first in the path of the right version.
func findPython(ctx context.Context, named string) (string, error) {
	if named != "" {
		return exec.LookPath(named)
	}
	var found []string
	for _, name := range []string{"python" + pythonVersion, "python3", "python"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		v, err := output(ctx, path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
		if v = strings.TrimSpace(v); err == nil && v == pythonVersion {
			return path, nil
		}
		found = append(found, name+" "+v)
	}
	return "", fmt.Errorf("no Python %s (found: %s); install it, or name one with -python", pythonVersion, strings.Join(found, ", "))
}

// output runs a command and returns what it prints; an error has its last line.
func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = 2 * time.Second // a child may hold the pipe open
	stderr := &tail{}
	cmd.Stderr = stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			return "", fmt.Errorf("%s %s: %w%s", name, strings.Join(args, " "), err, stderr.last())
		}
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return string(out), nil
}
