package native

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// SearchOptions says where to look for a library.
type SearchOptions struct {
	// Path names the file; empty means the environment, then the folders.
	Path string
	// CacheDir is the folder of ntk's cache; empty means as [CacheDir] says.
	CacheDir string
}

// Found is a library's file and what led to it.
type Found struct {
	Path string // absolute
	From string // "option", the name of an environment variable, "cache" or a folder
}

// FindPlugin returns the file of an XLA PJRT plugin for a platform, "cpu" or
// "cuda". It checks the file but does not load it. A file named by option or
// by environment serves whatever its platform is.
//
// It fails with [ErrNotFound] if there is none, listing the places searched;
// with another error if a file named by option or environment is missing or is
// no plugin, or if the one in the cache is damaged.
func FindPlugin(platform string, opts SearchOptions) (Found, error) {
	if platform != "cpu" && platform != "cuda" {
		return Found{}, fmt.Errorf("native: no XLA plugin for platform %q: want \"cpu\" or \"cuda\"", platform)
	}
	named, ok, err := findNamed("XLA plugin", opts.Path, EnvPlugin, pluginSymbol)
	if ok || err != nil {
		return named, err
	}

	var searched []string
	for _, dir := range filepath.SplitList(os.Getenv(EnvPluginDir)) {
		if dir == "" {
			continue
		}
		searched = append(searched, dir)
		if path := pluginIn(dir, platform); path != "" {
			return Found{Path: path, From: EnvPluginDir}, nil
		}
	}
	var wanted []pin
	for _, p := range pins {
		if p.symbol == pluginSymbol && (p.cuda != 0) == (platform == "cuda") {
			wanted = append(wanted, p)
		}
	}
	found, dir, err := findCached(wanted, opts.CacheDir)
	if found.Path != "" || err != nil {
		return found, err
	}
	searched = append(searched, dir)
	for _, dir := range gomlxDirs() {
		searched = append(searched, dir)
		if path := pluginIn(dir, platform); path != "" {
			return Found{Path: path, From: dir}, nil
		}
	}
	return Found{}, fmt.Errorf("native: XLA plugin for %s %w in %s; run `ntk setup`, or set %s to the plugin's file",
		platform, ErrNotFound, strings.Join(searched, ", "), EnvPlugin)
}

// FindOpenBLAS returns the file of OpenBLAS. It checks the file but does not
// load it. It fails as [FindPlugin] does.
func FindOpenBLAS(opts SearchOptions) (Found, error) {
	named, ok, err := findNamed("OpenBLAS", opts.Path, EnvOpenBLAS, openblasSymbols...)
	if ok || err != nil {
		return named, err
	}
	var wanted []pin
	for _, p := range pins {
		if p.name == "openblas" {
			wanted = append(wanted, p)
		}
	}
	found, dir, err := findCached(wanted, opts.CacheDir)
	if found.Path != "" || err != nil {
		return found, err
	}
	return Found{}, fmt.Errorf("native: OpenBLAS %w in %s; run `ntk setup`, or set %s to its file", ErrNotFound, dir, EnvOpenBLAS)
}

// findNamed returns the file that an option or else an environment variable
// names. ok is false if neither does.
func findNamed(what, option, env string, symbols ...string) (found Found, ok bool, err error) {
	found = Found{Path: option, From: "option"}
	if option == "" {
		found = Found{Path: os.Getenv(env), From: env}
	}
	if found.Path == "" {
		return Found{}, false, nil
	}
	given := found.Path
	if found.Path, err = resolve(given); err == nil {
		err = checkLibrary(found.Path, symbols...)
	}
	if err != nil {
		return Found{}, false, fmt.Errorf("native: %s %q (named by %s) cannot be used: %w; name another file, or none to use what `ntk setup` installs",
			what, given, found.From, err)
	}
	return found, true, nil
}

// resolve returns path absolute and without symbolic links, so that one plugin
// is not loaded twice under two names.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// findCached returns the first of pins that is installed, and the folder that
// it searched.
func findCached(wanted []pin, cacheDir string) (Found, string, error) {
	cache, err := CacheDir(cacheDir)
	if err != nil {
		return Found{}, "", err
	}
	for _, p := range wanted {
		path := p.path(cache)
		if _, err := os.Stat(path); !p.runsHere() || os.IsNotExist(err) {
			continue
		}
		if err := verify(path, p); err != nil {
			return Found{}, "", fmt.Errorf("native: %w; run `ntk setup` to install it anew", err)
		}
		resolved, err := resolve(path)
		if err != nil {
			return Found{}, "", fmt.Errorf("native: %w", err)
		}
		return Found{Path: resolved, From: "cache"}, "", nil
	}
	return Found{}, filepath.Join(cache, "native"), nil
}

// gomlxDirs are the folders where GoMLX's own installer puts plugins, in the
// order in which go-xla searches them.
func gomlxDirs() []string {
	var dirs []string
	if home, err := os.UserHomeDir(); err == nil {
		lib := filepath.Join(home, ".local", "lib")
		dirs = append(dirs, filepath.Join(lib, "go-xla"), filepath.Join(lib, "go-xla", "nvidia"), filepath.Join(lib, "gomlx", "pjrt"))
	}
	return append(dirs, "/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia", "/usr/local/lib/gomlx/pjrt")
}

// pluginNames are the file names under which go-xla looks for a plugin. The
// installer of GoMLX adds the version to the platform: cpu_v0.83.1.
var pluginNames = regexp.MustCompile(`^(?:pjrt_c_api_(.+)_plugin|pjrt[-_]plugin[-_](.+))\.so$`)

// pluginIn returns the first usable plugin for platform in dir, or "". An
// unversioned name comes before versioned ones.
func pluginIn(dir, platform string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var versioned string
	for _, e := range entries {
		if e.Type()&(fs.ModeDir|fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0 {
			continue
		}
		m := pluginNames.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		name := m[1] + m[2]
		exact := name == platform
		if !exact && (versioned != "" || !strings.HasPrefix(name, platform+"_")) {
			continue
		}
		path, err := resolve(filepath.Join(dir, e.Name()))
		if err != nil || checkLibrary(path, pluginSymbol) != nil {
			continue
		}
		if exact {
			return path
		}
		versioned = path
	}
	return versioned
}
