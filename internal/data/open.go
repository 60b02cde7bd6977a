package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// openTable finds the format of a name.
func openTable(ctx context.Context, name string, o Options) (*table, error) {
	if name == "digits" {
		return digitsTable(ctx, o)
	}
	if set, test, ok := findNamed(name); ok {
		return set.open(ctx, test, o)
	}
	if name == uciName {
		return nil, fmt.Errorf("data: uci is a collection: uci/NAME opens one of its sets, for example uci/iris")
	}
	if set, ok := findUCI(name); ok {
		return uciTable(ctx, set, o)
	}
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("data: %q is neither a data set (digits, %s, uci/NAME) nor a file or folder", name, strings.Join(setNames(), ", "))
	}
	if err != nil {
		return nil, err
	}
	open := openFile
	if info.IsDir() {
		open = openFolder
	}
	t, err := open(ctx, name, o)
	if err != nil {
		return nil, err
	}
	t.name = filepath.Base(name)
	t.source = "file " + name
	return t, nil
}

func setNames() []string {
	var names []string
	for _, s := range namedSets {
		names = append(names, s.name)
	}
	return names
}

func openFile(ctx context.Context, path string, o Options) (*table, error) {
	base := strings.ToLower(filepath.Base(path))
	plain := strings.TrimSuffix(base, ".gz")
	switch {
	case strings.HasSuffix(base, ".npz"):
		return npzTable(ctx, path, o)
	case strings.HasSuffix(plain, ".npy"):
		return npyTable(ctx, path, o)
	case strings.HasSuffix(plain, ".csv"), strings.HasSuffix(plain, ".tsv"):
		return csvTable(ctx, path, o)
	case strings.HasSuffix(plain, ".bin"):
		return cifarTable(ctx, []string{path}, o)
	case strings.HasSuffix(plain, "-ubyte"), strings.HasSuffix(plain, ".idx"):
		return idxTable(ctx, path, nil, o)
	}
	return nil, fmt.Errorf("%s: unknown format: .npy, .npz, .csv, .tsv, CIFAR-10 .bin, IDX (-ubyte, .idx) expected, or .gz of these", path)
}

// openFolder opens the training part of MNIST or CIFAR-10.
func openFolder(ctx context.Context, folder string, o Options) (*table, error) {
	for _, form := range []namedSet{{idx: true}, {}} {
		t, err := openPart(ctx, folder, form, false, o)
		if t != nil || err != nil {
			return t, err
		}
	}
	return nil, fmt.Errorf("%s: a folder without train-images-idx3-ubyte (or .gz) or data_batch_*.bin", folder)
}
