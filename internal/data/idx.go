package data

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// An idxFile is a file of unsigned bytes in the format of MNIST.
//
// Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database.
type idxFile struct {
	*blob
	shape []int
	data  int64
}

// readIDX reads the header: two zero bytes, the type, the number of axes,
// then the size of each in four bytes, most significant first.
func readIDX(b *blob) (*idxFile, error) {
	magic := make([]byte, 4)
	if b.size < 4 {
		return nil, fmt.Errorf("%s: at least 4 bytes expected in an IDX file, %d found", b.file, b.size)
	}
	if err := b.readFull(magic, 0); err != nil {
		return nil, err
	}
	const unsignedByte = 8
	if magic[0] != 0 || magic[1] != 0 {
		return nil, fmt.Errorf("%s: not an IDX file: it starts with % x", b.file, magic)
	}
	if magic[2] != unsignedByte {
		return nil, fmt.Errorf("%s: IDX type %#02x is not supported, unsigned bytes (0x08) expected", b.file, magic[2])
	}
	axes := int(magic[3])
	if axes < 1 || axes > 3 {
		return nil, fmt.Errorf("%s: IDX file of %d axes, 1 to 3 expected", b.file, axes)
	}
	f := &idxFile{blob: b, data: int64(4 + 4*axes)}
	if b.size < f.data {
		return nil, fmt.Errorf("%s: %d bytes expected for the IDX header, %d found", b.file, f.data, b.size)
	}
	sizes := make([]byte, 4*axes)
	if err := b.readFull(sizes, 4); err != nil {
		return nil, err
	}
	for k := range axes {
		f.shape = append(f.shape, int(binary.BigEndian.Uint32(sizes[4*k:])))
	}
	total, ok := product(f.shape)
	if !ok || int64(total) > math.MaxInt64-f.data {
		return nil, fmt.Errorf("%s: shape %v is more than any file holds, %d bytes found", b.file, f.shape, b.size)
	}
	return f, b.expectSize(f.data+int64(total), fmt.Sprintf("shape %v", f.shape))
}

// table takes the file for examples: vectors, or images of one channel.
func (f *idxFile) table() (*table, error) {
	if len(f.shape) == 1 {
		return nil, fmt.Errorf("%s: one axis of %d bytes, which are labels: open the file of images", f.file, f.shape[0])
	}
	t := &table{file: f.file, shape: f.shape}
	if len(f.shape) == 3 {
		t.shape = []int{f.shape[0], f.shape[1], f.shape[2], 1}
		t.layout = nhwc
	}
	var buf []byte
	t.row = func(dst []float64, i int) error {
		if buf == nil {
			buf = make([]byte, len(dst))
		}
		return f.readBytes(dst, buf, f.data+int64(i)*int64(len(dst)))
	}
	return t, nil
}

// readBytes writes the bytes from offset at as numbers; buf is of dst's length.
func (b *blob) readBytes(dst []float64, buf []byte, at int64) error {
	if err := b.readFull(buf, at); err != nil {
		return err
	}
	for k, v := range buf {
		dst[k] = float64(v)
	}
	return nil
}

// labels reads the file as labels; names, if not nil, are all classes.
func (f *idxFile) labels(names []string, task string) (labels, error) {
	if len(f.shape) != 1 {
		return labels{}, fmt.Errorf("%s: labels of shape %v, one axis expected", f.file, f.shape)
	}
	values := make([]float64, f.shape[0])
	if err := f.readBytes(values, make([]byte, len(values)), f.data); err != nil {
		return labels{}, err
	}
	if names != nil && task != taskRegression {
		return namedClasses(f.file, values, names)
	}
	return numericLabels(f.file, values, 1, true, task)
}

// idxTable opens a file of images and that of its labels.
func idxTable(ctx context.Context, path string, names []string, o Options) (t *table, err error) {
	b, err := openBlob(ctx, path, o.maxBytes())
	if err != nil {
		return nil, err
	}
	defer closeOnError(b, &err)
	f, err := readIDX(b)
	if err != nil {
		return nil, err
	}
	if t, err = f.table(); err != nil {
		return nil, err
	}
	t.release = b.close
	beside := o.Labels
	switch beside {
	case noLabels:
		return t, nil
	case "":
		beside = besideIDX(path)
	}
	if beside == "" {
		t.notes = append(t.notes, "no file of labels beside")
		return t, nil
	}
	lb, err := openBlob(ctx, beside, o.maxBytes())
	if err != nil {
		return nil, err
	}
	defer lb.close()
	y, err := readIDX(lb)
	if err != nil {
		return nil, err
	}
	t.labels, err = y.labels(names, o.Task)
	return t, err
}

// besideIDX returns the file of labels that belongs to one of images, empty
// if there is none: "images" becomes "labels", "idx3" becomes "idx1", and
// either may be compressed.
func besideIDX(path string) string {
	folder, base := filepath.Split(path)
	if !strings.Contains(base, "images") {
		return ""
	}
	base = strings.NewReplacer("images", "labels", "idx3", "idx1").Replace(strings.TrimSuffix(base, ".gz"))
	return firstFile(folder, base, base+".gz")
}

// firstFile returns the path of the first of names that is in folder, empty
// if none is.
func firstFile(folder string, names ...string) string {
	for _, name := range names {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
	}
	return ""
}
