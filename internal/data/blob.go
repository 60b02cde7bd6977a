package data

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// A blob is the content of a file: on disk, or in memory once decompressed.
type blob struct {
	io.ReaderAt
	file  string
	size  int64
	close func() error
}

// bytesBlob is content that is in memory.
func bytesBlob(file string, content []byte) *blob {
	return &blob{bytes.NewReader(content), file, int64(len(content)), func() error { return nil }}
}

// openBlob opens a file, decompressing it to at most limit bytes if its name
// ends in .gz.
func openBlob(ctx context.Context, path string, limit int64) (*blob, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if !strings.HasSuffix(strings.ToLower(path), ".gz") {
		return &blob{f, path, info.Size(), f.Close}, nil
	}
	defer f.Close()
	content, err := gunzip(ctx, path, f, limit)
	if err != nil {
		return nil, err
	}
	return bytesBlob(path, content), nil
}

// bytes returns the whole content, which must not exceed limit.
func (b *blob) bytes(ctx context.Context, limit int64) ([]byte, error) {
	if b.size > limit {
		return nil, fmt.Errorf("%s: %d bytes, more than the limit of %d", b.file, b.size, limit)
	}
	return readAll(ctx, b.file, io.NewSectionReader(b, 0, b.size), limit)
}

// readFull fills dst from offset at.
func (b *blob) readFull(dst []byte, at int64) error {
	if n, err := b.ReadAt(dst, at); n < len(dst) {
		return fmt.Errorf("%s: %d bytes at offset %d expected, %d found: %w", b.file, len(dst), at, n, err)
	}
	return nil
}

// expectSize compares the file's size with what its header promises.
func (b *blob) expectSize(want int64, what string) error {
	if b.size == want {
		return nil
	}
	return fmt.Errorf("%s: %d bytes expected for %s, %d found", b.file, want, what, b.size)
}

func gunzip(ctx context.Context, file string, r io.Reader, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%s: not a gzip file: %w", file, err)
	}
	return readAll(ctx, file, z, limit)
}

// readAll reads r to its end. The buffer grows with what arrives, so that a
// file cannot ask for memory it does not fill.
func readAll(ctx context.Context, file string, r io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(cancelReader{ctx, r}, limit+1))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("%s: damaged or cut short after %d bytes of content: %w", file, len(content), err)
	case int64(len(content)) > limit:
		return nil, &LimitError{file + " decompressed", 0, limit}
	}
	return content, nil
}

// A cancelReader stops with its context.
type cancelReader struct {
	ctx context.Context
	r   io.Reader
}

func (c cancelReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// closeOnError closes b if the function that defers it fails.
func closeOnError(b *blob, err *error) {
	if *err != nil {
		b.close()
	}
}
