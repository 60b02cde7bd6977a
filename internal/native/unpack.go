package native

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/gontk/ntk/internal/durable"
)

// unpack checks the sum of a wheel, takes the library that p pins out of it,
// checks that too, and puts it at path. Only the pinned entry is read, at most
// its pinned size, and no name in the wheel becomes a name on disk.
func unpack(ctx context.Context, wheel string, p pin, path string) error {
	f, err := os.Open(wheel)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum, err := readerSum(ctx, f)
	if err != nil {
		return err
	}
	if sum != p.wheelSum {
		return fmt.Errorf("%s is not the wheel of %s %s, or is damaged: its SHA-256 is %s, want %s; download it again",
			wheel, p.pkg, p.version, sum, p.wheelSum)
	}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	for _, entry := range archive.File {
		if entry.Name == p.entry {
			return extract(ctx, entry, p, path)
		}
	}
	return fmt.Errorf("%s does not hold %s", wheel, p.entry)
}

func extract(ctx context.Context, entry *zip.File, p pin, path string) error {
	if entry.UncompressedSize64 != uint64(p.size) {
		return fmt.Errorf("%s has %d bytes, want %d", entry.Name, entry.UncompressedSize64, p.size)
	}
	r, err := entry.Open()
	if err != nil {
		return fmt.Errorf("%s: %w", entry.Name, err)
	}
	defer r.Close()
	return durable.Replace(path, 0o755, func(f *os.File) error {
		h := sha256.New()
		// One byte more than pinned is enough to know that there are too many.
		n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(contextReader{ctx, r}, p.size+1))
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", entry.Name, err)
		}
		if n != p.size {
			return fmt.Errorf("%s unpacks to %d bytes, want %d", entry.Name, n, p.size)
		}
		if sum := hex.EncodeToString(h.Sum(nil)); sum != p.sum {
			return fmt.Errorf("%s has SHA-256 %s, want %s", entry.Name, sum, p.sum)
		}
		return nil
	})
}
