// Package data loads labelled data sets as plain Go values.
package data

import (
	"context"
	"fmt"
	"math"
)

// A Set is a labelled data set held in memory. It is read-only by convention:
// several sets may share the slices of one.
type Set struct {
	Name string

	// X holds the examples along axis 0, row-major; Shape is [N, ...], for
	// example [N, 64] for vectors and [N, 8, 8, 1] for images.
	X     []float64
	Shape []int

	// Y holds one class index 0..Classes-1 per example if Classes > 0, else
	// the regression targets, one or more per example, row-major. It is nil
	// where there are no labels.
	Y          []float64
	Classes    int
	ClassNames []string

	// Source and License say where the data come from. Note says what was
	// done to them, in words: order, standardization, axes, what the labels
	// were taken for.
	Source, License, Note string

	// Layout is "nhwc" or "nchw" for images, empty for anything else.
	Layout string
}

// Options configures Open.
type Options struct {
	// Examples is how many to keep: the first of the file, or of a random
	// order if Seed is not 0. 0 keeps all; more than there are is an error.
	Examples int

	// Seed, if not 0, puts the examples in the random order it names. The
	// first k examples of an order are the same for any Examples >= k.
	Seed uint64

	// Layout is the axis order images get: "nhwc", "nchw", or empty for
	// the order they come in.
	Layout string

	// Standardize says how the chosen examples are scaled; standard
	// deviations divide by the count, not by the count less one:
	//
	//	"none"     as they come
	//	"pixel"    per channel: subtract the mean, divide by the standard deviation
	//	"feature"  per column: the same
	//	"unit"     scale each example of d values to norm √d
	//
	// Empty means "pixel" for images, "feature" for uci/NAME and "none" for
	// anything else; the Note says which. What is constant becomes 0, and
	// the Note counts it.
	Standardize string

	// Labels says where the labels are. For a CSV file it is a column's name
	// or "#k", the k-th column from 1 (default: the last); for a .npz an
	// array (default: y); for a .npy another .npy (default: none); for an
	// IDX file another IDX file (default: the one beside it, "images" in its
	// name replaced by "labels"). "none" reads no labels. Data sets with a
	// name keep their own.
	Labels string

	// Task is "classes" or "regression", what the labels are for. Empty
	// means classes for integers and text, regression for other numbers.
	Task string

	// CacheDir holds the fetched data sets, one folder each; empty for none.
	CacheDir string

	// MaxBytes bounds X; 0 means 16 GiB. A larger set is an error, found
	// before it is allocated.
	MaxBytes int64
}

const defaultMaxBytes = 16 << 30

func (o Options) maxBytes() int64 {
	if o.MaxBytes == 0 {
		return defaultMaxBytes
	}
	// Room for the multiples of it that decompression allows.
	return min(o.MaxBytes, math.MaxInt64/8)
}

// noLabels is the value of Options.Labels that asks for none.
const noLabels = "none"

func (o Options) validate() error {
	switch {
	case o.Examples < 0:
		return fmt.Errorf("data: cannot keep %d examples", o.Examples)
	case o.MaxBytes < 0:
		return fmt.Errorf("data: the limit of %d bytes is negative", o.MaxBytes)
	}
	if err := oneOf("layout", o.Layout, "", nhwc, nchw); err != nil {
		return err
	}
	if err := oneOf("task", o.Task, "", taskClasses, taskRegression); err != nil {
		return err
	}
	return oneOf("standardization", o.Standardize, "", scaleNone, scalePixel, scaleFeature, scaleUnit)
}

// Open loads a data set. The name is one of
//
//   - digits, which is part of the program: 1797 images of 8×8 pixels;
//   - mnist, fashion-mnist, cifar10 and, for their test sets, mnist-test,
//     fashion-mnist-test, cifar10-test: fetched before into a folder of the
//     set's name in o.CacheDir, in $NTK_DATA or in Debian's folder of data sets;
//   - uci/NAME, for example uci/iris: a small set for classification from the
//     UCI repository, fetched before as uci; uci/INDEX.csv there lists them;
//   - the path of a .npy, .npz, .csv, .tsv, IDX (gzip or not) or CIFAR-10
//     .bin file, or of a folder with the training part of MNIST or CIFAR-10.
//
// To open a file called like a data set, write ./digits.
//
// Images come as [N, height, width, channels] unless o.Layout says otherwise.
// An array of four axes is an image in that order, or in nchw if only its
// second axis has the size of a channel axis (1, 3 or 4); the Note tells.
//
// It returns an error for anything that would need a guess or a repair: an
// unknown format, a file with too few or too many bytes, a missing, NaN or
// infinite value (naming the example and the feature, both counted from 0 in
// the file), an integer that a float64 cannot hold, no examples, fewer than
// o.Examples, a set above o.MaxBytes (a [LimitError]).
//
// It reads only the examples it keeps from files that are not compressed.
func Open(ctx context.Context, name string, o Options) (*Set, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	t, err := openTable(ctx, name, o)
	if err != nil {
		return nil, err
	}
	defer t.close()
	s, err := t.choose(ctx, o)
	if err != nil {
		return nil, err
	}
	how := o.Standardize
	if how == "" {
		how = t.scale
	}
	if err := s.standardize(ctx, how); err != nil {
		return nil, err
	}
	if o.Layout == "" {
		return s, nil
	}
	return s.WithLayout(o.Layout)
}
