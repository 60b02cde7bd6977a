package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A namedSet is one that is fetched into a folder of its name.
type namedSet struct {
	name            string // of the folder
	idx             bool   // MNIST's files, else CIFAR-10's
	classes         []string
	source, license string
}

var namedSets = []namedSet{{
	name: "mnist", idx: true,
	classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	source:  "The MNIST database of handwritten digits, Y. LeCun, C. Cortes, C. Burges, 1998",
	license: "CC BY-SA 3.0",
}, {
	name: "fashion-mnist", idx: true,
	classes: []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"},
	source:  "Fashion-MNIST, H. Xiao, K. Rasul, R. Vollgraf, 2017, arXiv:1708.07747",
	license: "MIT",
}, {
	name:    "cifar10",
	classes: cifarClasses,
	source:  "CIFAR-10, A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
	license: "none stated; cite the source",
}}

// testSuffix after a set's name asks for its test part.
const testSuffix = "-test"

// findNamed returns the set that name asks for, and whether its test part.
func findNamed(name string) (set namedSet, test, ok bool) {
	base, test := strings.CutSuffix(name, testSuffix)
	k := slices.IndexFunc(namedSets, func(s namedSet) bool { return s.name == base })
	if k < 0 {
		return namedSet{}, false, false
	}
	return namedSets[k], test, true
}

// open looks for the set's files and opens them.
func (s namedSet) open(ctx context.Context, test bool, o Options) (*table, error) {
	if o.Labels != "" && o.Labels != noLabels {
		return nil, fmt.Errorf("data: %s has its own labels, %q cannot replace them", s.name, o.Labels)
	}
	folder, err := s.folder(o)
	if err != nil {
		return nil, err
	}
	t, err := openPart(ctx, folder, s, test, o)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, fmt.Errorf("data: %s lacks files of %s: \"ntk data fetch %s\" gets them", folder, s.part(test), s.name)
	}
	if t.labels.values == nil && o.Labels != noLabels {
		t.close()
		return nil, fmt.Errorf("data: %s lacks the labels of %s: \"ntk data fetch %s\" gets them", folder, s.part(test), s.name)
	}
	t.name, t.source, t.license = s.part(test), s.source, s.license
	if full := s.examples(test); t.shape[0] != full {
		t.notes = append(t.notes, fmt.Sprintf("the files hold %d of the %d examples of %s", t.shape[0], full, t.name))
	}
	return t, nil
}

// examples returns how many examples the published set has.
func (s namedSet) examples(test bool) int {
	switch {
	case test:
		return 10000
	case s.idx:
		return 60000
	}
	return cifarTrain
}

func (s namedSet) part(test bool) string {
	if test {
		return s.name + testSuffix
	}
	return s.name
}

// folder returns the first folder of the set's name there is.
func (s namedSet) folder(o Options) (string, error) {
	var looked []string
	// Debian's data set packages install into the last.
	for _, parent := range []string{o.CacheDir, os.Getenv("NTK_DATA"), "/usr/share/datasets"} {
		if parent == "" {
			continue
		}
		folder := filepath.Join(parent, s.name)
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder, nil
		}
		looked = append(looked, folder)
	}
	return "", fmt.Errorf("data: %s is not in %s: \"ntk data fetch %s\" gets it", s.name, strings.Join(looked, " or "), s.name)
}

// Where returns the folder in which [Open] finds the training part of the
// fetched set name, one of [FetchNames], and "" if there is none: in cache, in
// $NTK_DATA or in Debian's folder of data sets. It does not verify the files.
func Where(name, cache string) string {
	k := slices.IndexFunc(suppliers, func(s supplier) bool { return s.set == name })
	if k < 0 {
		return ""
	}
	folder, err := suppliers[k].named().folder(Options{CacheDir: cache})
	if err != nil || !suppliers[k].named().begins(folder) {
		return ""
	}
	return folder
}

// begins reports whether a folder has the first file of the set.
func (s namedSet) begins(folder string) bool {
	switch {
	case s.name == uciName:
		return firstFile(folder, uciIndex) != ""
	case s.idx:
		return idxImages(folder, false) != ""
	}
	return firstFile(folder, "data_batch_1.bin") != "" ||
		firstFile(filepath.Join(folder, "cifar-10-batches-bin"), "data_batch_1.bin") != ""
}

// openPart opens the training or test files in a folder; nil if there are none.
func openPart(ctx context.Context, folder string, s namedSet, test bool, o Options) (*table, error) {
	if s.idx {
		path := idxImages(folder, test)
		if path == "" {
			return nil, nil
		}
		return idxTable(ctx, path, s.classes, o)
	}
	// The archive of CIFAR-10 unpacks into a folder of its own.
	for _, folder := range []string{folder, filepath.Join(folder, "cifar-10-batches-bin")} {
		paths, err := cifarBatches(folder)
		if test {
			paths, err = nil, nil
			if path := firstFile(folder, "test_batch.bin"); path != "" {
				paths = []string{path}
			}
		}
		if err != nil {
			return nil, err
		}
		if paths != nil {
			return cifarTable(ctx, paths, o)
		}
	}
	return nil, nil
}

// idxImages returns the file of images in a folder of MNIST's form.
func idxImages(folder string, test bool) string {
	part := "train"
	if test {
		part = "t10k"
	}
	var names []string
	// Some copies have a dot where the original has a hyphen.
	for _, name := range []string{part + "-images-idx3-ubyte", part + "-images.idx3-ubyte"} {
		names = append(names, name, name+".gz")
	}
	return firstFile(folder, names...)
}
