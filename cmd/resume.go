package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gontk/ntk/internal/tiles"
)

// nothingThere reports whether a run that was killed, or was not started, left
// nothing to go on with in a folder that has no files but ntk's; it makes the
// folder, and removes what is in the way.
func nothingThere(folder string, arrays ...string) (bool, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return false, fmt.Errorf("--out %s: %w", folder, err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return false, fmt.Errorf("--out %s: %w", folder, err)
	}
	for _, e := range entries {
		array := filepath.Join(folder, strings.TrimSuffix(e.Name(), ".journal"))
		if !isOurs(e.Name()) || slices.Contains(arrays, array) {
			return false, nil
		}
	}
	for _, path := range arrays {
		if _, err := tiles.Abandoned(path); err != nil {
			return false, fmt.Errorf("--out %s: %w", folder, err)
		}
	}
	return true, nil
}

// resumeCommand is this command line, going on; resumed says that it does already.
func (a *app) resumeCommand(resumed bool) string {
	if resumed {
		return a.command()
	}
	b := *a
	b.args = slices.DeleteFunc(slices.Clone(a.args), func(s string) bool { return s == "--force" })
	return b.command() + " --resume"
}
