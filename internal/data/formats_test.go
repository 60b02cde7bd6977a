package data

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Arrays that NumPy 2.4.6 wrote, base64.
const (
	// np.save of np.asfortranarray(np.arange(12).reshape(2, 3, 2).astype(">i2"))
	numpyFortran = "k05VTVBZAQB2AHsnZGVzY3InOiAnPmkyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgMiksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAGAAIACAAEAAoAAQAHAAMACQAFAAs="
	// np.savez_compressed with x = np.array([[.5, -1], [2, 3.25], [4, 5]], "f4")
	// and y = np.array([7, -1, 7])
	numpyArchive = "UEsDBC0AAAAIAAAAIQDWOIew//////////8FABQAeC5ucHkBABAAmAAAAAAAAABaAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkaaOgq1CmQDLgYGBnsGhob9QNqBgSEAiBuAeIEDAFBLAwQtAAAACAAAACEAT2Xsqv//////////BQAUAHkubnB5AQAQAJgAAAAAAAAATAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFAAudgYI+A8FMD4AUEsBAi0DLQAAAAgAAAAhANY4h7BaAAAAmAAAAAUAAAAAAAAAAAAAAIABAAAAAHgubnB5UEsBAi0DLQAAAAgAAAAhAE9l7KpMAAAAmAAAAAUAAAAAAAAAAAAAAIABkQAAAHkubnB5UEsFBgAAAAACAAIAZgAAABQBAAAAAA=="
)

func fromBase64(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A content is what a set is compared by.
type content struct {
	Shape   []int
	X, Y    []float64
	Classes []string
}

func contentOf(s *Set) content { return content{s.Shape, s.X, s.Y, s.ClassNames} }

func TestFormats(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string { return write(t, dir, name, []byte(text)) }
	write(t, dir, "y.npy", npyFile(npyDict("<i8", "(2,)"), i8(5, 3)))
	write(t, dir, "y2.npy", npyFile(npyDict("<f8", "(2, 2)"), f8(1, 2, 3, 4)))
	write(t, dir, "b-labels-idx1-ubyte", idx([]byte{2, 1}, 2))
	x := write(t, dir, "x.npy", npyFile(npyDict("<f8", "(2, 2)"), f8(1, 2, 3, 4)))
	plain := content{Shape: []int{2, 2}, X: []float64{1, 2, 3, 4}}
	with := func(y []float64, classes ...string) content {
		c := plain
		c.Y, c.Classes = y, classes
		return c
	}

	for _, tc := range []struct {
		name, path string
		o          Options
		want       content
	}{
		{"npy", x, Options{}, plain},
		{"npy.gz", write(t, dir, "x.npy.gz", gzipped(npyFile(npyDict("<f8", "(2, 2)"), f8(1, 2, 3, 4)))), Options{}, plain},
		{"npy version 2", write(t, dir, "v2.npy", append([]byte("\x93NUMPY\x02\x00\x3c\x00\x00\x00"+npyDict("<f8", "(2, 2)")), f8(1, 2, 3, 4)...)), Options{}, plain},
		{"npy with classes", x, Options{Labels: dir + "/y.npy"}, with([]float64{1, 0}, "3", "5")},
		{"npy with integer targets", x, Options{Labels: dir + "/y.npy", Task: "regression"}, with([]float64{5, 3})},
		{"npy with targets", x, Options{Labels: dir + "/y2.npy"}, with([]float64{1, 2, 3, 4})},
		{
			"npy of NumPy, Fortran, big-endian", write(t, dir, "f.npy", fromBase64(t, numpyFortran)),
			Options{},
			content{Shape: []int{2, 3, 2}, X: []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		},
		{
			"npz of NumPy", write(t, dir, "a.npz", fromBase64(t, numpyArchive)),
			Options{},
			content{[]int{3, 2}, []float64{0.5, -1, 2, 3.25, 4, 5}, []float64{1, 0, 1}, []string{"-1", "7"}},
		},
		{
			"npz without labels", dir + "/a.npz",
			Options{Labels: "none", Examples: 1},
			content{Shape: []int{1, 2}, X: []float64{0.5, -1}},
		},

		{"csv of names", file("a.csv", "1,2,b\n3,4,a\n"), Options{}, with([]float64{1, 0}, "a", "b")},
		{"csv with header", file("h.csv", "\xef\xbb\xbfu,v,w\r\n1, 2 ,5\r\n3,4,7\r\n"), Options{}, with([]float64{0, 1}, "5", "7")},
		{"csv.gz, targets", write(t, dir, "c.csv.gz", gzipped([]byte("1,2,0.5\n3,4,7\n"))), Options{}, with([]float64{0.5, 7})},
		{"csv, integer targets", dir + "/h.csv", Options{Task: "regression"}, with([]float64{5, 7})},
		{"csv, label by name", file("n.csv", "7,1,2\n5,1,2\n"), Options{Labels: "7"}, content{[]int{1, 2}, []float64{1, 2}, []float64{0}, []string{"5"}}},
		{"csv, label by number", file("k.csv", "x,1,2\ny,3,4\n"), Options{Labels: "#1"}, with([]float64{0, 1}, "x", "y")},
		{"csv, no label", file("l.csv", "1,2\n3,4"), Options{Labels: "none"}, plain},
		{"csv, numbers as names", file("m.csv", "1,2,10\n3,4,b"), Options{Task: "classes"}, with([]float64{0, 1}, "10", "b")},
		{"tsv", file("a.tsv", "1\t2\tb\n3\t4\ta\n"), Options{}, with([]float64{1, 0}, "a", "b")},

		{
			"idx images", write(t, dir, "b-images-idx3-ubyte.gz", gzipped(idx([]byte{1, 2, 3, 255}, 2, 2, 1))),
			Options{Standardize: "none"},
			content{[]int{2, 2, 1, 1}, []float64{1, 2, 3, 255}, []float64{1, 0}, []string{"1", "2"}},
		},
		{"idx vectors", write(t, dir, "v-ubyte", idx([]byte{1, 2, 3, 4}, 2, 2)), Options{}, plain},
		{"idx vectors with labels", dir + "/v-ubyte", Options{Labels: dir + "/b-labels-idx1-ubyte"}, with([]float64{1, 0}, "1", "2")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, contentOf(open(t, tc.path, tc.o))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestNpyDtypes(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		descr string
		bytes []byte
		want  float64
	}{
		{"<f4", []byte{0, 0, 0xa0, 0xc0}, -5},
		{">f4", []byte{0xc0, 0xa0, 0, 0}, -5},
		{"<f8", []byte{0, 0, 0, 0, 0, 0, 0x14, 0xc0}, -5},
		{">f8", []byte{0xc0, 0x14, 0, 0, 0, 0, 0, 0}, -5},
		{"|b1", []byte{1}, 1},
		{"|u1", []byte{0xfb}, 251},
		{"|i1", []byte{0xfb}, -5},
		{"<u2", []byte{0xfb, 0xff}, 65531},
		{"<i2", []byte{0xfb, 0xff}, -5},
		{"<u4", []byte{0xfb, 0xff, 0xff, 0xff}, 1<<32 - 5},
		{"<i4", []byte{0xfb, 0xff, 0xff, 0xff}, -5},
		{">i8", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb}, -5},
		{"<u8", []byte{0, 0, 0, 0, 0, 0, 0x20, 0}, 1 << 53},
	} {
		path := write(t, dir, "d.npy", npyFile(npyDict(tc.descr, "(1, 1)"), tc.bytes))
		if s := open(t, path, Options{}); s.X[0] != tc.want {
			t.Errorf("%s: %v, want %v", tc.descr, s.X[0], tc.want)
		}
	}
}

func TestNpyImages(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct{ shape, layout string }{
		{"(1, 2, 2, 1)", "nhwc"},
		{"(1, 1, 2, 2)", "nchw"},
		{"(1, 1, 4, 1)", "nhwc"},
		{"(2, 2, 1)", ""},
	} {
		path := write(t, dir, "i.npy", npyFile(npyDict("<f8", tc.shape), f8(1, 2, 3, 4)))
		s := open(t, path, Options{Standardize: "none"})
		if s.Layout != tc.layout || tc.layout != "" && !strings.Contains(s.Note, "axes taken as "+tc.layout) {
			t.Errorf("%s: layout %q, note %q", tc.shape, s.Layout, s.Note)
		}
	}
}

func TestCIFAR(t *testing.T) {
	dir := t.TempDir()
	for k, label := range []byte{3, 9, 0} {
		write(t, dir, fmt.Sprintf("data_batch_%d.bin", k+1), bytes.Repeat(cifar(label), k+1))
	}
	s := open(t, dir, Options{Standardize: "none"})
	if !slices.Equal(s.Shape, []int{6, 32, 32, 3}) || !slices.Equal(s.Y, []float64{3, 9, 9, 0, 0, 0}) {
		t.Fatalf("shape %v, labels %v", s.Shape, s.Y)
	}
	if s.Layout != "nhwc" || s.Classes != 10 || s.ClassNames[3] != "cat" {
		t.Errorf("layout %q, classes %v", s.Layout, s.ClassNames)
	}
	for i, v := range s.X {
		c, p := i%3, i/3%1024
		if want := float64(64*c + p%64); v != want {
			t.Fatalf("value %d is %v, want %v", i, v, want)
		}
	}
	s = open(t, dir+"/data_batch_2.bin", Options{Layout: "nchw", Standardize: "none"})
	if !slices.Equal(s.Shape, []int{2, 3, 32, 32}) || s.X[1024+70] != 64+6 {
		t.Errorf("nchw: shape %v, value %v", s.Shape, s.X[1024+70])
	}
}

func TestNamedSets(t *testing.T) {
	cache, env := t.TempDir(), t.TempDir()
	t.Setenv("NTK_DATA", env)
	images := idx([]byte{0, 2, 4, 6}, 2, 2, 1)
	write(t, cache, "mnist/train-images-idx3-ubyte.gz", gzipped(images))
	write(t, cache, "mnist/train-labels-idx1-ubyte.gz", gzipped(idx([]byte{7, 0}, 2)))
	write(t, cache, "mnist/t10k-images.idx3-ubyte", images)
	write(t, cache, "mnist/t10k-labels.idx1-ubyte", idx([]byte{1, 9}, 2))
	write(t, env, "cifar10/cifar-10-batches-bin/data_batch_1.bin", cifar(8))
	write(t, env, "cifar10/cifar-10-batches-bin/test_batch.bin", cifar(1))

	for _, tc := range []struct {
		name string
		y    []float64
	}{
		{"mnist", []float64{7, 0}},
		{"mnist-test", []float64{1, 9}},
		{"cifar10", []float64{8}},
		{"cifar10-test", []float64{1}},
	} {
		s := open(t, tc.name, Options{CacheDir: cache})
		// Ten classes even where few are seen: training and test must agree.
		if s.Name != tc.name || !slices.Equal(s.Y, tc.y) || s.Classes != 10 || s.License == "" || s.Source == "" {
			t.Errorf("%s: called %s, labels %v, %d classes", tc.name, s.Name, s.Y, s.Classes)
		}
	}
	if s := open(t, cache+"/mnist", Options{}); s.Name != "mnist" || s.Classes != 2 {
		t.Errorf("folder: %s", s.Describe())
	}
}
