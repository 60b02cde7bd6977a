package native

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gontk/ntk/internal/durable"
)

// A record stands beside an installed library. While size and time of the
// library agree with it, the library need not be hashed anew to be trusted.
type record struct {
	SHA256   string    `json:"sha256"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Package  string    `json:"package"`
}

func recordPath(library string) string { return library + ".json" }

// writeRecord records that library is what p pins.
func writeRecord(library string, p pin) error {
	info, err := os.Stat(library)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(record{
		SHA256:   p.sum,
		Size:     info.Size(),
		Modified: info.ModTime(),
		Package:  p.pkg + "==" + p.version,
	}, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(recordPath(library), append(data, '\n'))
}

// recorded reports whether the record beside library vouches for it.
func recorded(library string, p pin) bool {
	info, err := os.Stat(library)
	if err != nil || info.Size() != p.size {
		return false
	}
	data, err := os.ReadFile(recordPath(library))
	if err != nil {
		return false
	}
	var r record
	if json.Unmarshal(data, &r) != nil {
		return false
	}
	return r.SHA256 == p.sum && r.Size == info.Size() && r.Modified.Equal(info.ModTime())
}

// verify returns an error unless library is the file that p pins. It reads the
// whole file only if no record vouches for it.
func verify(library string, p pin) error {
	if recorded(library, p) {
		return nil
	}
	return verifySum(context.Background(), library, p)
}

// verifySum returns an error unless library has the size and the SHA-256 sum
// that p pins.
func verifySum(ctx context.Context, library string, p pin) error {
	info, err := os.Stat(library)
	if err != nil {
		return err
	}
	if info.Size() != p.size {
		return fmt.Errorf("%s is damaged: it has %d bytes, %s %s has %d", library, info.Size(), p.pkg, p.version, p.size)
	}
	sum, err := fileSum(ctx, library)
	if err != nil {
		return err
	}
	if sum != p.sum {
		return fmt.Errorf("%s is damaged: its SHA-256 is %s, that of %s %s is %s", library, sum, p.pkg, p.version, p.sum)
	}
	return nil
}

// fileSum returns the SHA-256 sum of a file, hexadecimal.
func fileSum(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readerSum(ctx, f)
}

func readerSum(ctx context.Context, r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, contextReader{ctx, r}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// A contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
