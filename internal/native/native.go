// Package native finds, installs and opens the native libraries that ntk
// computes with: an XLA PJRT plugin behind GoMLX, and OpenBLAS.
//
// Neither is linked. Both are opened at run time from a file, and both have a
// pure-Go stand-in, so that a program built without cgo still runs.
//
// The order in which a library is looked for is
//
//	XLA plugin: option, NTK_XLA_PLUGIN (a file), PJRT_PLUGIN_LIBRARY_PATH
//	            (folders), ntk's cache, GoMLX's own folders
//	OpenBLAS:   option, NTK_OPENBLAS (a file), ntk's cache
//
// A file named by option or by environment is used or is an error: nothing
// else takes its place.
package native

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Names of the environment variables that ntk reads.
const (
	EnvPlugin    = "NTK_XLA_PLUGIN"           // file of the XLA PJRT plugin
	EnvOpenBLAS  = "NTK_OPENBLAS"             // file of OpenBLAS
	EnvCache     = "NTK_CACHE"                // folder of ntk's cache
	EnvPluginDir = "PJRT_PLUGIN_LIBRARY_PATH" // folders with PJRT plugins, as GoMLX reads it
)

// ErrNotFound says that a library is in none of the places searched.
var ErrNotFound = errors.New("not found")

// CacheDir returns the absolute folder of ntk's cache: dir if it is not empty,
// else NTK_CACHE, else the folder "ntk" in the user's cache folder. It creates
// nothing. It fails if all three are unknown.
func CacheDir(dir string) (string, error) {
	if dir == "" {
		dir = os.Getenv(EnvCache)
	}
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("native: no cache folder: %w; set %s to a folder", err, EnvCache)
		}
		dir = filepath.Join(user, "ntk")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("native: cache folder %q: %w", dir, err)
	}
	return abs, nil
}
