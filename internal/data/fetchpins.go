package data

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// pinnedSums are the SHA-256 sums of all fetched files, as sha256sum writes
// them: in the folder of the data sets, "sha256sum -c" reads it.
//
//go:embed sha256sums.txt
var pinnedSums string

// A pin is a file of a set and the SHA-256 sum, in hexadecimal, that it has.
type pin struct{ file, sum string }

// readPins sorts lines "SUM  SET/FILE" by set.
func readPins(sums string) (map[string][]pin, error) {
	pins := map[string][]pin{}
	for line := range strings.Lines(sums) {
		sum, path, ok := strings.Cut(strings.TrimSpace(line), "  ")
		set, file, slash := strings.Cut(path, "/")
		if raw, err := hex.DecodeString(sum); !ok || !slash || err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("data: pinned sums: \"SUM  SET/FILE\" expected, %q found", line)
		}
		pins[set] = append(pins[set], pin{file, sum})
	}
	return pins, nil
}

// verify returns an error for the first file in folder that is missing or does
// not have the sum pinned.
func verify(ctx context.Context, folder string, pins []pin) error {
	for _, p := range pins {
		sum, err := sumOf(ctx, filepath.Join(folder, p.file))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s lacks %s: %w", folder, p.file, fs.ErrNotExist)
		}
		if err != nil {
			return err
		}
		if sum != p.sum {
			return fmt.Errorf("%s has SHA-256 %s, not %s as pinned: it is damaged, cut short, or of another version", p.file, sum, p.sum)
		}
	}
	return nil
}

func sumOf(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, cancelReader{ctx, f}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
