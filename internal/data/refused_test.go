package data

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"math"
	"strings"
	"testing"
)

// Each row must fail with one line that names the file, the place, what was
// expected and what was found.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("NTK_DATA", "")
	nan, inf := math.NaN(), math.Inf(-1)
	goodX := write(t, dir, "x.npy", npyFile(npyDict("<f8", "(2, 2)"), f8(1, 2, 3, 4)))
	long := npyFile(npyDict("<i8", "(1001,)"), nil)
	for i := range int64(1001) {
		long = append(long, i8(i)...)
	}
	longX := npyFile(npyDict("|u1", "(1001, 1)"), make([]byte, 1001))
	archive := func(members ...string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, name := range members {
			m, err := w.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			m.Write(npyFile(npyDict("<f8", "(1, 1)"), f8(1)))
		}
		w.Close()
		return b.Bytes()
	}
	write(t, dir, "far/mnist/train-images-idx3-ubyte", idx(make([]byte, 4), 1, 2, 2))
	write(t, dir, "gap/data_batch_1.bin", cifar(1))
	write(t, dir, "gap/data_batch_3.bin", cifar(1))
	write(t, dir, "odd/mnist/train-images-idx3-ubyte", idx(make([]byte, 4), 1, 2, 2))
	write(t, dir, "odd/mnist/train-labels-idx1-ubyte", idx([]byte{10}, 1))
	write(t, dir, "two-images-idx3-ubyte", idx(make([]byte, 4), 1, 2, 2))
	write(t, dir, "two-labels-idx1-ubyte", idx([]byte{1, 2}, 2))
	write(t, dir, "empty/readme", nil)

	type row struct {
		name string // of the file to write, if content is given, else to open
		file []byte
		o    Options
		want string // two parts around ... or one
	}
	rows := []row{
		// What is asked for.
		{"nowhere", nil, Options{}, `"nowhere" is neither a data set (digits, mnist, fashion-mnist, cifar10, uci/NAME) nor a file`},
		{"digits", nil, Options{Examples: -1}, "cannot keep -1 examples"},
		{"digits", nil, Options{Examples: 1798}, "digits: 1798 examples asked for, 1797 there"},
		{"digits", nil, Options{Layout: "hwc"}, `unknown layout "hwc": write one of nhwc, nchw`},
		{"digits", nil, Options{Standardize: "z"}, `unknown standardization "z": write one of none, pixel, feature, unit`},
		{"digits", nil, Options{Task: "rank"}, `unknown task "rank": write one of classes, regression`},
		{"digits", nil, Options{Labels: "#3"}, "digits has its own labels"},
		{"digits", nil, Options{MaxBytes: -1}, "limit of -1 bytes is negative"},
		{"digits", nil, Options{MaxBytes: 8000}, "digits: 1797 examples of 64 values as float64: 920064 bytes, more than the limit of 8000"},
		{"x.npy", nil, Options{Layout: "nchw"}, "not images: it has no layout nchw"},
		{"x.npy", nil, Options{Standardize: "pixel"}, "not images: standardize by feature"},
		{"x.npy", nil, Options{Labels: dir + "/absent.npy"}, "absent.npy: no such file"},
		{"x.txt", []byte("1"), Options{}, "x.txt: unknown format: .npy, .npz, .csv"},
		{"empty", nil, Options{}, "empty: a folder without train-images-idx3-ubyte (or .gz) or data_batch_*.bin"},
		{"far/x.npy/", nil, Options{}, "neither a data set"},

		// .npy
		{"e.npy", []byte{}, Options{}, `e.npy: not a .npy file: it starts with ""`},
		{"t.npy", []byte("hello, world"), Options{}, `not a .npy file: it starts with "hello,"`},
		{"v.npy", []byte("\x93NUMPY\x04\x00\x00\x00\x00\x00"), Options{}, ".npy version 4 is unknown"},
		{"v2.npy", []byte("\x93NUMPY\x02\x00\x00\x00"), Options{}, ".npy file is cut short within its first 12 bytes"},
		{"h.npy", npyFile(npyDict("<f8", "(1, 1)"), nil)[:40], Options{}, "cut short within a header of 60 bytes"},
		{"hh.npy", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), Options{}, ".npy header of 4294967295 bytes, at most 10000"},
		{"s.npy", npyFile(npyDict("<f8", "(2, 2)"), f8(1, 2, 3)), Options{}, "102 bytes expected for shape [2 2] of <f8, 94 found"},
		{"l.npy", npyFile(npyDict("<f8", "(1, 1)"), f8(1, 2)), Options{}, "78 bytes expected for shape [1 1] of <f8, 86 found"},
		{"big.npy", npyFile(npyDict("<f8", "(4611686018427387904, 4)"), f8(1)), Options{}, "more than any file holds, 96 bytes found"},
		{"big2.npy", npyFile(npyDict("<f8", "(1152921504606846976, 1)"), f8(1)), Options{}, "more than any file holds"},
		{"big3.npy", npyFile(npyDict("<f8", "(99999999999999999999, 1)"), f8(1)), Options{}, `axis size expected before "9999`},
		{"neg.npy", npyFile(npyDict("<f8", "(-1, 1)"), f8(1)), Options{}, `axis size expected before "-1`},
		{"tall.npy", npyFile(npyDict("<f8", "(4611686018427387904, 0)"), nil), Options{}, "example of shape [0] holds no values"},
		{"rank.npy", npyFile(npyDict("<f8", "("+strings.Repeat("1, ", 65)+")"), f8(1)), Options{}, "more than 64 axes"},
		{"none.npy", npyFile(npyDict("<f8", "(0, 3)"), nil), Options{}, "none.npy: no examples"},
		{"flat.npy", npyFile(npyDict("<f8", "(2,)"), f8(1, 2)), Options{}, "shape [2], [N, ...] of two or more axes expected"},
		{"one.npy", npyFile(npyDict("<f8", "()"), f8(1)), Options{}, "a single number, an array of examples expected"},
		{"c.npy", npyFile(npyDict("<c16", "(1, 1)"), f8(1, 2)), Options{}, `dtype "<c16" is not supported, save as float64`},
		{"f2.npy", npyFile(npyDict("<f2", "(1, 1)"), []byte{1, 2}), Options{}, `dtype "<f2" is not supported`},
		{"o.npy", npyFile(npyDict("|f8", "(1, 1)"), f8(1)), Options{}, `dtype "|f8" has no byte order`},
		{"r.npy", npyFile("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1, 1)}", f8(1)), Options{}, "structured arrays are not supported"},
		{"k.npy", npyFile("{'descr': '<f8', 'shape': (1, 1)}", f8(1)), Options{}, `keys ["descr" "shape"], expected descr, fortran_order and shape`},
		{"kk.npy", npyFile("{'shape': (1,), 'shape': (1, 1)}", f8(1)), Options{}, `key "shape" twice`},
		{"u.npy", npyFile("{'descr': '<f8', 'more': 3}", f8(1)), Options{}, `unknown key "more"`},
		{"after.npy", npyFile("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1)} x", f8(1)), Options{}, "1 bytes after the end"},
		{"quote.npy", npyFile("{'descr", f8(1)), Options{}, "text without its closing quote"},
		{"nan.npy", npyFile(npyDict("<f8", "(2, 2)"), f8(1, 2, 3, nan)), Options{}, "nan.npy: example 1, feature 1 is NaN"},
		{"inf.npy", npyFile(npyDict("<f8", "(2, 1, 2)"), f8(1, 2, inf, 4)), Options{Seed: 1}, "inf.npy: example 1, feature 0 is -Inf"},
		{"exact.npy", npyFile(npyDict("<i8", "(2, 1)"), i8(1, 1<<53+1)), Options{}, "example 1, feature 0 is an integer that float64 cannot hold"},
		{"limit.npy", npyFile(npyDict("|u1", "(8, 1)"), make([]byte, 8)), Options{MaxBytes: 63}, "8 examples of 1 values as float64: 64 bytes, more than the limit of 63"},
		{"cut.npy.gz", gzipped(npyFile(npyDict("<f8", "(1, 1)"), f8(1)))[:50], Options{}, "cut.npy.gz: damaged or cut short after"},
		{"not.npy.gz", []byte("\x93NUMPY"), Options{}, "not.npy.gz: not a gzip file"},
		{"bomb.npy.gz", gzipped(make([]byte, 1<<20)), Options{MaxBytes: 1 << 16}, "bomb.npy.gz decompressed: more than the limit of 65536 bytes"},

		// Labels in .npy
		{"y3.npy", npyFile(npyDict("<i8", "(3,)"), i8(1, 2, 3)), Options{Labels: "y3.npy"}, "x.npy: 2 examples, but DIR/y3.npy has 3 labels"},
		{"ynan.npy", npyFile(npyDict("<f8", "(2,)"), f8(1, nan)), Options{Labels: "ynan.npy"}, "ynan.npy: the label of example 1 is NaN"},
		{"yfrac.npy", npyFile(npyDict("<f8", "(2,)"), f8(1, 2.5)), Options{Labels: "yfrac.npy", Task: "classes"}, "the label of example 1 is 2.5, a class is an integer"},
		{"ywide.npy", npyFile(npyDict("<i8", "(2, 2)"), i8(1, 2, 3, 4)), Options{Labels: "ywide.npy"}, "2 integers per label, a class is one"},
		{"ydeep.npy", npyFile(npyDict("<i8", "(2, 1, 1)"), i8(1, 2)), Options{Labels: "ydeep.npy"}, "labels of shape [2 1 1], [N] or [N, k] expected"},
		{"ynone.npy", npyFile(npyDict("<i8", "(4611686018427387904, 0)"), nil), Options{Labels: "ynone.npy"}, "there are none"},

		// .npz
		{"a.npz", []byte("PK"), Options{}, "a.npz: not a .npz file"},
		{"names.npz", archive("a.npy", "b.npy"), Options{}, "no array called x or X or x_train, but a, b"},
		{"both.npz", archive("x.npy", "x_train.npy"), Options{}, "arrays x.npy and x_train.npy: which is meant?"},
		{"label.npz", archive("x.npy"), Options{Labels: "z"}, "no array called z for the labels, but x"},
		{"nothing.npz", archive(), Options{}, "no array called x or X or x_train, but nothing"},
		{"cut.npz", archive("x.npy")[:80], Options{}, "not a .npz file, or cut short"},
		{"bomb.npz", archive("x.npy"), Options{MaxBytes: 20}, "more than the limit of 20 bytes"},

		// CSV
		{"e.csv", []byte{}, Options{}, "e.csv: no examples"},
		{"h.csv", []byte("a,b\n"), Options{}, "h.csv: no examples"},
		{"missing.csv", []byte("u,v,w\n1,2,3\n4,,6\n"), Options{}, `line 3, column 2 (v): value missing ("")`},
		{"question.csv", []byte("1,2,3\n4,?,6\n"), Options{}, `line 2, column 2: value missing ("?")`},
		{"nolabel.csv", []byte("1,2,3\n4,5,\n"), Options{}, `line 2, column 3: value missing`},
		{"nan.csv", []byte("1,2,3\nNaN,5,1\n"), Options{}, `line 2, column 1: value missing ("NaN")`},
		{"inf.csv", []byte("1,2,3\n4,inf,1\n"), Options{}, "line 2, column 2: +Inf is not finite"},
		{"range.csv", []byte("1,2,3\n4,1e999,1\n"), Options{}, `"1e999" is not a number that a float64 can hold`},
		{"text.csv", []byte("1,2,3\n4,five,1\n"), Options{}, `line 2, column 2: "five" is not a number`},
		{"ragged.csv", []byte("1,2,3\n4,5\n"), Options{}, "ragged.csv: record on line 2: wrong number of fields"},
		{"quote.csv", []byte("1,\"2,3\n"), Options{}, "quote.csv: "},
		{"slip.csv", []byte("1,2.O,3\n4,5,6\n"), Options{}, `line 1 is neither a header nor data: column 2 is "2.O", column 1 is "1"`},
		{"mix.csv", []byte("1,2\n4,b\n"), Options{}, `labels mix numbers (example 0: "2") and text (example 1: "b")`},
		{"words.csv", []byte("1,a\n4,b\n"), Options{Task: "regression"}, `the label of example 1 is "b", not a number`},
		{"name.csv", []byte("u,v\n1,2\n"), Options{Labels: "z"}, `no column is called "z"; line 1 has ["u" "v"]`},
		{"twice.csv", []byte("u,u\n1,2\n"), Options{Labels: "u"}, `two columns are called "u"`},
		{"number.csv", []byte("u,v\n1,2\n"), Options{Labels: "#3"}, "there is no column #3: columns are #1 to #2"},
		{"one.csv", []byte("1\n2\n"), Options{}, "one column, which is the label: no features"},
		{"many.csv", []byte("1,2\n1,3\n"), Options{MaxBytes: 15}, "many.csv: its values as float64: more than the limit of 15 bytes"},

		// IDX
		{"e-ubyte", []byte{0}, Options{}, "at least 4 bytes expected in an IDX file, 1 found"},
		{"m-ubyte", []byte("hello"), Options{}, "not an IDX file: it starts with 68 65 6c 6c"},
		{"f-ubyte", []byte{0, 0, 13, 2}, Options{}, "IDX type 0x0d is not supported, unsigned bytes (0x08) expected"},
		{"r-ubyte", []byte{0, 0, 8, 200}, Options{}, "IDX file of 200 axes, 1 to 3 expected"},
		{"h-ubyte", []byte{0, 0, 8, 3, 0}, Options{}, "16 bytes expected for the IDX header, 5 found"},
		{"s-ubyte", idx([]byte{1, 2, 3}, 2, 2), Options{}, "16 bytes expected for shape [2 2], 15 found"},
		{"l-ubyte", idx([]byte{1, 2, 3}, 1, 2), Options{}, "14 bytes expected for shape [1 2], 15 found"},
		{"b-ubyte", idx(nil, 1<<32-1, 1<<32-1, 1<<32-1), Options{}, "more than any file holds, 16 bytes found"},
		{"n-ubyte", idx(nil, 0, 2, 2), Options{}, "n-ubyte: no examples"},
		{"z-ubyte", idx(nil, 1<<32-1, 0, 2), Options{}, "holds no values"},
		{"y-ubyte", idx([]byte{1}, 1), Options{}, "one axis of 1 bytes, which are labels"},
		{"yy-ubyte", idx([]byte{1, 2}, 2, 1), Options{Labels: dir + "/two-images-idx3-ubyte"}, "labels of shape [1 2 2], one axis expected"},
		{"two-images-idx3-ubyte", nil, Options{}, "1 examples, but DIR/two-labels-idx1-ubyte has 2 labels"},

		// CIFAR-10
		{"e.bin", []byte{}, Options{}, "a multiple of 3073 bytes expected (CIFAR-10 records), 0 found"},
		{"s.bin", cifar(1)[:3000], Options{}, "a multiple of 3073 bytes expected (CIFAR-10 records), 3000 found, 3000 over"},
		{"label.bin", append(cifar(1), cifar(10)...), Options{}, "record 1 has label 10, expected 0..9"},
		{"own.bin", cifar(1), Options{Labels: "y"}, "CIFAR-10 holds its labels"},
		{"gap", nil, Options{}, "2 files data_batch_*.bin, but none for batch 2"},

		// Named sets
		{"mnist", nil, Options{CacheDir: "empty"}, `mnist is not in empty/mnist or /usr/share/datasets/mnist: "ntk data fetch mnist" gets it`},
		{"mnist-test", nil, Options{CacheDir: dir + "/far"}, `lacks files of mnist-test: "ntk data fetch mnist" gets them`},
		{"mnist", nil, Options{CacheDir: dir + "/far"}, `lacks the labels of mnist: "ntk data fetch mnist" gets them`},
		{"mnist", nil, Options{CacheDir: dir + "/odd"}, "train-labels-idx1-ubyte: the label of example 0 is 10, expected 0..9"},
		{"cifar10", nil, Options{Labels: "y"}, "cifar10 has its own labels"},
	}
	for _, tc := range rows {
		t.Run(tc.name, func(t *testing.T) {
			name := tc.name
			switch {
			case tc.file != nil:
				name = write(t, dir, tc.name, tc.file)
			case strings.ContainsAny(name, "./") || name == "gap" || name == "empty" || strings.HasSuffix(name, "-ubyte"):
				name = dir + "/" + name
			}
			if strings.HasPrefix(tc.name, "y") && strings.HasSuffix(tc.name, ".npy") {
				// The row is about a file of labels.
				tc.o.Labels, name = dir+"/"+tc.o.Labels, goodX
			}
			s, err := Open(t.Context(), name, tc.o)
			if err == nil {
				t.Fatalf("accepted: %s", s.Describe())
			}
			want := strings.ReplaceAll(tc.want, "DIR", dir)
			if got := err.Error(); !strings.Contains(got, want) || strings.Contains(got, "\n") {
				t.Errorf("error %q, want one line with %q", got, want)
			}
		})
	}

	t.Run("too many integers for classes", func(t *testing.T) {
		x, y := write(t, dir, "lx.npy", longX), write(t, dir, "ly.npy", long)
		if _, err := Open(t.Context(), x, Options{Labels: y}); err == nil || !strings.Contains(err.Error(), "1001 different integers as labels: say whether the task is classes or regression") {
			t.Errorf("error %v", err)
		}
		if s := open(t, x, Options{Labels: y, Task: "classes", Examples: 2}); s.Classes != 1001 {
			t.Errorf("%d classes", s.Classes)
		}
	})
	t.Run("absent files can be told", func(t *testing.T) {
		if _, err := Open(t.Context(), goodX, Options{Labels: dir + "/absent.npy"}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v", err)
		}
	})
}
