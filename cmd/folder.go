package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gontk/ntk/internal/durable"
	"github.com/gontk/ntk/internal/tiles"
)

const manifestName = "manifest.json"

// ours are the patterns of the files that verbs write into --out, those that a
// kill leaves included.
var ours = []string{
	"manifest*.json", "report.html", "theta*.npy", "theta*.npy.partial", "theta*.npy.journal",
	"theta*.npy.journal.new",
	"nngp.npy", "nngp.npy.partial", "nngp.npy.journal", "nngp.npy.journal.new",
	"nngp-*.npy", "nngp-*.npy.partial", "nngp-*.npy.journal", "nngp-*.npy.journal.new",
	"ntk.npy", "ntk.npy.partial", "ntk.npy.journal", "ntk.npy.journal.new",
	"checkpoint.npz", "prediction.npz", "weights.npz",
	durable.Partial + "checkpoint.npz-*", durable.Partial + "prediction.npz-*", durable.Partial + "weights.npz-*",
	durable.Partial + "manifest*.json-*", durable.Partial + "report.html-*",
	"predictions.npy", "classes.npy", "variances.npy", "kernel*.npy",
	durable.Partial + "predictions.npy-*", durable.Partial + "classes.npy-*", durable.Partial + "variances.npy-*", durable.Partial + "kernel*.npy-*",
	queueFolder,
}

// isOurs reports whether a file has a name of ours.
func isOurs(name string) bool {
	for _, pattern := range ours {
		if ok, _ := filepath.Match(pattern, name); ok { // the patterns are good
			return true
		}
	}
	return false
}

// newFolder makes the folder of --out ready. One that has files is refused
// unless force is set; then those that ntk wrote are removed, and no others.
func newFolder(path string, force bool) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(path, 0o755); err != nil {
			return fmt.Errorf("--out %s: %w", path, err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("--out %s: %w", path, err)
	case len(entries) == 0:
		return nil
	case !force:
		return fmt.Errorf("--out %s exists and is not empty; choose another folder, or --force to replace the results in it", path)
	}
	for _, pattern := range ours {
		old, err := filepath.Glob(filepath.Join(globEscape(path), pattern))
		if err != nil {
			return fmt.Errorf("--out %s: %w", path, err)
		}
		for _, f := range old {
			remove := os.Remove
			if pattern == queueFolder {
				remove = os.RemoveAll
			}
			if err := remove(f); err != nil {
				return fmt.Errorf("--out %s: %w", path, err)
			}
		}
	}
	return nil
}

// globEscape keeps a folder's own name from being read as a pattern.
func globEscape(path string) string {
	var b []rune
	for _, r := range path {
		if r == '*' || r == '?' || r == '[' || (r == '\\' && os.PathSeparator != '\\') {
			b = append(b, '[', r, ']')
			continue
		}
		b = append(b, r)
	}
	return string(b)
}

// writeArray writes a whole Gram array as a .npy file in float64.
func writeArray(path string, n int, tail []int, values []float64) error {
	w, err := tiles.CreateNPY(path, tiles.Spec{N1: n, N2: n, Tail: tail, DType: tiles.Float64}, nil)
	if err != nil {
		return err
	}
	for _, t := range w.Spec().Tiles() {
		if err := w.WriteTile(t, values); err != nil {
			_ = w.Close()
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	// Nothing resumes a file that was written at once.
	return os.Remove(path + ".journal")
}
