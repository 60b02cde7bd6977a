package data

import (
	"archive/zip"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Names an archive may give its arrays.
var (
	npzExamples = []string{"x", "X", "x_train"}
	npzLabels   = []string{"y", "Y", "y_train"}
)

// npzTable opens an archive of .npy arrays.
func npzTable(ctx context.Context, path string, o Options) (*table, error) {
	b, err := openBlob(ctx, path, o.maxBytes())
	if err != nil {
		return nil, err
	}
	defer b.close()
	return npzFrom(ctx, b, o)
}

func npzFrom(ctx context.Context, b *blob, o Options) (*table, error) {
	archive, err := zip.NewReader(b, b.size)
	if err != nil {
		return nil, fmt.Errorf("%s: not a .npz file, or cut short: %w", b.file, err)
	}
	x, err := npzMember(ctx, b, archive, npzExamples, o)
	if err != nil {
		return nil, err
	}
	if x == nil {
		return nil, fmt.Errorf("%s: no array called %s, but %s", b.file, strings.Join(npzExamples, " or "), npzContents(archive))
	}
	t, err := x.table()
	if err != nil || o.Labels == noLabels {
		return t, err
	}
	names := npzLabels
	if o.Labels != "" {
		names = []string{o.Labels}
	}
	y, err := npzMember(ctx, b, archive, names, o)
	if err != nil {
		return nil, err
	}
	if y == nil {
		if o.Labels != "" {
			return nil, fmt.Errorf("%s: no array called %s for the labels, but %s", b.file, o.Labels, npzContents(archive))
		}
		return t, nil
	}
	t.labels, err = y.labels(o.Task)
	t.file = b.file
	return t, err
}

// npzMember reads the one array that has one of names; nil if none has.
func npzMember(ctx context.Context, b *blob, archive *zip.Reader, names []string, o Options) (*npyArray, error) {
	var found *zip.File
	for _, f := range archive.File {
		if !slices.Contains(names, strings.TrimSuffix(f.Name, ".npy")) {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%s: arrays %s and %s: which is meant?", b.file, found.Name, f.Name)
		}
		found = f
	}
	if found == nil {
		return nil, nil
	}
	member := fmt.Sprintf("%s(%s)", b.file, found.Name)
	r, err := found.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", member, err)
	}
	defer r.Close()
	// The size that the archive states is not trusted: what counts is what
	// arrives, under the limit.
	content, err := readAll(ctx, member, r, o.maxBytes())
	if err != nil {
		return nil, err
	}
	return readNpyArray(ctx, bytesBlob(member, content), o.maxBytes())
}

func npzContents(archive *zip.Reader) string {
	if len(archive.File) == 0 {
		return "nothing"
	}
	var names []string
	for _, f := range archive.File {
		names = append(names, strings.TrimSuffix(f.Name, ".npy"))
		if len(names) == 10 && len(archive.File) > 10 {
			names = append(names, fmt.Sprintf("%d more", len(archive.File)-10))
			break
		}
	}
	return strings.Join(names, ", ")
}
