package data

import (
	"math"
	"testing"
)

// What no input may do: panic, take memory its bytes do not pay for, or give
// a set that breaks the promises of Set.

// fuzzLimit keeps what a small input decompresses to small.
const fuzzLimit = 1 << 20

func checkTable(t *testing.T, tab *table, err error) {
	t.Helper()
	if err != nil {
		return
	}
	s, err := tab.choose(t.Context(), Options{MaxBytes: fuzzLimit, Seed: 1})
	if err != nil {
		return
	}
	if s.Len() < 1 || len(s.X) != s.Len()*s.Features() {
		t.Fatalf("%d values of shape %v", len(s.X), s.Shape)
	}
	for _, v := range s.X {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("value %v", v)
		}
	}
	if s.Y == nil {
		return
	}
	if len(s.Y)%s.Len() != 0 || s.Classes > 0 && len(s.Y) != s.Len() || s.Classes != len(s.ClassNames) {
		t.Fatalf("%d labels for %d examples, %d classes with %d names", len(s.Y), s.Len(), s.Classes, len(s.ClassNames))
	}
	for _, y := range s.Y {
		if notFinite(y) || s.Classes > 0 && (y < 0 || int(y) >= s.Classes) {
			t.Fatalf("label %v of %d classes", y, s.Classes)
		}
	}
}

func FuzzNpy(f *testing.F) {
	f.Add(fromBase64(f, numpyFortran))
	f.Add(npyFile(npyDict("<f8", "(2, 2)"), f8(1, 2, 3, 4)))
	f.Add(npyFile(npyDict(">i8", "(2,)"), i8(1, 2)))
	f.Add(npyFile(npyDict("|u1", "(0, 9223372036854775807)"), nil))
	f.Add(npyFile("{\"shape\": (2L, 1), 'fortran_order': True, 'descr': '|b1'}", []byte{0, 1}))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := readNpyArray(t.Context(), bytesBlob("f.npy", content), fuzzLimit)
		if err != nil {
			return
		}
		tab, err := a.table()
		checkTable(t, tab, err)
		for _, task := range []string{"", taskClasses, taskRegression} {
			if y, err := a.labels(task); err == nil && len(y.values) > len(content) {
				t.Fatalf("%d labels from %d bytes", len(y.values), len(content))
			}
		}
	})
}

func FuzzNpz(f *testing.F) {
	f.Add(fromBase64(f, numpyArchive))
	f.Fuzz(func(t *testing.T, content []byte) {
		tab, err := npzFrom(t.Context(), bytesBlob("f.npz", content), Options{MaxBytes: fuzzLimit})
		checkTable(t, tab, err)
	})
}

func FuzzIDX(f *testing.F) {
	f.Add(idx([]byte{1, 2, 3, 4}, 1, 2, 2))
	f.Add(idx([]byte{1, 2, 3, 4}, 4))
	f.Add(idx(nil, 1<<32-1, 1<<32-1))
	f.Fuzz(func(t *testing.T, content []byte) {
		x, err := readIDX(bytesBlob("f-ubyte", content))
		if err != nil {
			return
		}
		tab, err := x.table()
		checkTable(t, tab, err)
		if y, err := x.labels(nil, ""); err == nil && len(y.values) > len(content) {
			t.Fatalf("%d labels from %d bytes", len(y.values), len(content))
		}
	})
}

func FuzzCIFAR(f *testing.F) {
	f.Add(cifar(1), cifar(9))
	f.Add(cifar(10), []byte{})
	f.Add([]byte{}, cifar(0)[:100])
	f.Fuzz(func(t *testing.T, first, second []byte) {
		tab, err := cifarFrom(t.Context(), []*blob{bytesBlob("a.bin", first), bytesBlob("b.bin", second)}, Options{})
		checkTable(t, tab, err)
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("u,v,w\n1,2,3\n4,,6\n"), "", "")
	f.Add([]byte("1,2,b\n3,4,a\n"), "#1", "classes")
	f.Add([]byte("1,2,10\n3,4,b"), "none", "regression")
	f.Add([]byte("\xef\xbb\xbfu,\"v\n\",w\r\n1, 2 ,5\r\n"), "w", "")
	f.Add([]byte("1e999,0x1p-2,1_0\n"), "", "")
	f.Fuzz(func(t *testing.T, content []byte, label, task string) {
		o := Options{Labels: label, Task: task, MaxBytes: fuzzLimit}
		if o.validate() != nil {
			return
		}
		tab, err := csvFrom(t.Context(), bytesBlob("f.csv", content), ',', o)
		checkTable(t, tab, err)
	})
}
