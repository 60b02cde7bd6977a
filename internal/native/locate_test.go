package native

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestFindPluginOrder(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("plugins are .so files here only on linux")
	}
	cache := isolate(t)
	plugin := fakeELF(pluginSymbol)
	p := fakePin()
	fakeWheel(t, &p, plugin)
	usePins(t, p)

	find := func(opts SearchOptions) Found {
		t.Helper()
		found, err := FindPlugin("cpu", opts)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if _, err := FindPlugin("cpu", SearchOptions{}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), cache) || !strings.Contains(err.Error(), "ntk setup") {
		t.Errorf("nothing installed: got %v", err)
	}

	// From the last place to the first: each hides those before it.
	home := os.Getenv("HOME")
	gomlx := writeFile(t, filepath.Join(home, ".local/lib/go-xla/pjrt_c_api_cpu_v0.83.1_plugin.so"), plugin)
	if got := find(SearchOptions{}); got.Path != gomlx || got.From != filepath.Dir(gomlx) {
		t.Errorf("GoMLX's folder: got %+v", got)
	}
	exact := writeFile(t, filepath.Join(home, ".local/lib/go-xla/pjrt_c_api_cpu_plugin.so"), plugin)
	if got := find(SearchOptions{}); got.Path != exact {
		t.Errorf("unversioned before versioned: got %+v", got)
	}
	cached := writeFile(t, p.path(cache), plugin)
	if got := find(SearchOptions{}); got.Path != cached || got.From != "cache" {
		t.Errorf("cache: got %+v", got)
	}
	empty := t.TempDir()
	dir := t.TempDir()
	inDir := writeFile(t, filepath.Join(dir, "pjrt-plugin-cpu.so"), plugin)
	writeFile(t, filepath.Join(dir, "pjrt_c_api_cuda_plugin.so"), plugin)
	t.Setenv(EnvPluginDir, empty+string(filepath.ListSeparator)+dir)
	if got := find(SearchOptions{}); got.Path != inDir || got.From != EnvPluginDir {
		t.Errorf("%s: got %+v", EnvPluginDir, got)
	}
	named := writeFile(t, filepath.Join(t.TempDir(), "any-name.so"), plugin)
	t.Setenv(EnvPlugin, named)
	if got := find(SearchOptions{}); got.Path != named || got.From != EnvPlugin {
		t.Errorf("%s: got %+v", EnvPlugin, got)
	}
	if got := find(SearchOptions{Path: cached}); got.Path != cached || got.From != "option" {
		t.Errorf("option: got %+v", got)
	}
	if _, err := FindPlugin("tpu", SearchOptions{}); err == nil {
		t.Error("platform tpu: got no error")
	}
}

func TestNamedFileIsUsedOrAnError(t *testing.T) {
	isolate(t)
	dir := t.TempDir()
	plugin := fakeELF(pluginSymbol)
	p := fakePin()
	fakeWheel(t, &p, plugin)
	usePins(t, p)
	cache, _ := CacheDir("")
	writeFile(t, p.path(cache), plugin) // which must not take the named one's place

	for name, path := range map[string]string{
		"missing":      filepath.Join(dir, "missing.so"),
		"a folder":     dir,
		"text":         writeFile(t, filepath.Join(dir, "text.so"), []byte("not a library")),
		"empty":        writeFile(t, filepath.Join(dir, "empty.so"), nil),
		"cut short":    writeFile(t, filepath.Join(dir, "short.so"), plugin[:len(plugin)-100]),
		"other symbol": writeFile(t, filepath.Join(dir, "other.so"), fakeELF("SomethingElse")),
	} {
		if runtime.GOOS != "linux" && name != "missing" && name != "a folder" {
			continue // the content is looked at on linux only
		}
		check := func(from string, err error) {
			t.Helper()
			if err == nil || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), from) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s by %s: got %v, want one line naming both", name, from, err)
			}
		}
		_, err := FindPlugin("cpu", SearchOptions{Path: path})
		check("option", err)
		_, err = FindOpenBLAS(SearchOptions{Path: path})
		check("option", err)
		_, err = DefaultBLAS(path, func(s string) { t.Errorf("warned: %s", s) })
		check("option", err)
		_, err = Open(Options{Plugin: path, Warn: func(s string) { t.Errorf("warned: %s", s) }})
		if err == nil {
			t.Errorf("%s: Open gave no error", name)
		}
		t.Setenv(EnvPlugin, path)
		_, err = FindPlugin("cpu", SearchOptions{})
		check(EnvPlugin, err)
		t.Setenv(EnvPlugin, "")
	}
}

func TestDamagedCacheIsAnError(t *testing.T) {
	cache := isolate(t)
	plugin := fakeELF(pluginSymbol)
	p := fakePin()
	fakeWheel(t, &p, plugin)
	usePins(t, p)
	path := writeFile(t, p.path(cache), plugin)
	if err := writeRecord(path, p); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() []byte{
		"one bit":   func() []byte { b := append([]byte(nil), plugin...); b[len(b)/2] ^= 1; return b },
		"cut short": func() []byte { return plugin[:len(plugin)/2] },
	} {
		writeFile(t, path, spoil())
		_, err := FindPlugin("cpu", SearchOptions{})
		if err == nil || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: got %v, want an error that says damaged", name, err)
		}
	}
}

func TestCacheDir(t *testing.T) {
	isolate(t)
	t.Setenv("XDG_CACHE_HOME", "")
	dir := t.TempDir()
	t.Setenv(EnvCache, dir)
	if got, err := CacheDir(""); err != nil || got != dir {
		t.Errorf("%s: got %q, %v, want %q", EnvCache, got, err, dir)
	}
	if got, err := CacheDir("/x"); err != nil || got != filepath.Clean("/x") {
		t.Errorf("option: got %q, %v", got, err)
	}
	t.Setenv(EnvCache, "")
	if got, err := CacheDir(""); err != nil || filepath.Base(got) != "ntk" {
		t.Errorf("user's cache: got %q, %v", got, err)
	}
}

func TestOpenBLASInfo(t *testing.T) {
	b := installedOpenBLAS(t)
	if b.Name() != "OpenBLAS" || !filepath.IsAbs(b.Path()) || !strings.Contains(b.Config(), "OpenBLAS") || b.Core() == "" {
		t.Errorf("got %q %q %q %q", b.Name(), b.Path(), b.Config(), b.Core())
	}
	if again, err := OpenBLAS(b.Path()); err != nil || again != b {
		t.Errorf("opened again: %p, %v, want %p", again, err, b)
	}
}

func TestDefaultBLASWithoutOpenBLAS(t *testing.T) {
	isolate(t)
	var warnings []string
	b, err := DefaultBLAS("", func(s string) { warnings = append(warnings, s) })
	if err != nil || b.Name() != "gonum" || len(warnings) != 1 {
		t.Errorf("got %v, %v, warnings %q, want gonum and one warning", b, err, warnings)
	}
}
