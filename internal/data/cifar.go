package data

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// A CIFAR-10 record is a label, then the red, green and blue planes.
//
// Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny
// Images, 2009; the binary version of the data set.
const (
	cifarSide   = 32
	cifarPlane  = cifarSide * cifarSide
	cifarRecord = 1 + 3*cifarPlane
)

var cifarClasses = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

// cifarTable opens binary batches, one after the other.
func cifarTable(ctx context.Context, paths []string, o Options) (t *table, err error) {
	if o.Labels != "" && o.Labels != noLabels {
		return nil, fmt.Errorf("%s: CIFAR-10 holds its labels, %q cannot replace them", paths[0], o.Labels)
	}
	var batches []*blob
	closeAll := func() error {
		for _, b := range batches {
			b.close()
		}
		return nil
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	for _, path := range paths {
		b, err := openBlob(ctx, path, o.maxBytes())
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
	}
	t, err = cifarFrom(ctx, batches, o)
	if err != nil {
		return nil, err
	}
	t.release = closeAll
	return t, nil
}

func cifarFrom(ctx context.Context, batches []*blob, o Options) (*table, error) {
	starts := []int{0} // first example of each batch, then their number
	for _, b := range batches {
		if rest := b.size % cifarRecord; rest != 0 || b.size == 0 {
			return nil, fmt.Errorf("%s: a multiple of %d bytes expected (CIFAR-10 records), %d found, %d over",
				b.file, cifarRecord, b.size, rest)
		}
		starts = append(starts, starts[len(starts)-1]+int(b.size/cifarRecord))
	}
	n := starts[len(starts)-1]
	find := func(i int) (*blob, int64) {
		k := 0
		for i >= starts[k+1] {
			k++
		}
		return batches[k], int64(i-starts[k]) * cifarRecord
	}

	t := &table{file: batches[0].file, shape: []int{n, cifarSide, cifarSide, 3}, layout: nhwc}
	planes := make([]byte, 3*cifarPlane)
	t.row = func(dst []float64, i int) error {
		b, at := find(i)
		if err := b.readFull(planes, at+1); err != nil {
			return err
		}
		for p := range cifarPlane {
			for c := range 3 {
				dst[3*p+c] = float64(planes[c*cifarPlane+p])
			}
		}
		return nil
	}
	if o.Labels == noLabels {
		return t, nil
	}
	values := make([]float64, n)
	label := make([]byte, 1)
	for i := range values {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		b, at := find(i)
		if err := b.readBytes(values[i:i+1], label, at); err != nil {
			return nil, err
		}
		if values[i] >= float64(len(cifarClasses)) {
			return nil, fmt.Errorf("%s: record %d has label %d, expected 0..%d: not CIFAR-10, or cut within a record",
				b.file, at/cifarRecord, label[0], len(cifarClasses)-1)
		}
	}
	var err error
	if o.Task == taskRegression {
		t.labels, err = numericLabels(t.file, values, 1, true, o.Task)
	} else {
		t.labels, err = namedClasses(t.file, values, cifarClasses)
	}
	return t, err
}

// cifarBatches returns the training batches in a folder, in order; nil if
// there are none. A gap in their numbers is an error.
func cifarBatches(folder string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(globQuote(folder), "data_batch_*.bin"))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var paths []string
	for k := range found {
		path := firstFile(folder, fmt.Sprintf("data_batch_%d.bin", k+1))
		if path == "" {
			return nil, fmt.Errorf("%s: %d files data_batch_*.bin, but none for batch %d", folder, len(found), k+1)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// globQuote keeps a folder's name from being read as a pattern.
func globQuote(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}
