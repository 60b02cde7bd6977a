package npy

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// v1 and v2 wrap a dictionary as headers of versions 1 and 2 do.
func v1(dict string) string {
	return magic + "\x01\x00" + string([]byte{byte(len(dict)), byte(len(dict) >> 8)}) + dict
}

func v2(dict string) string {
	return magic + "\x02\x00" + string([]byte{byte(len(dict)), byte(len(dict) >> 8), 0, 0}) + dict
}

// TestEncode compares with the bytes that numpy.save of NumPy 2.4.6 writes for
// zeros((2, 3), dtype="<f4"), zeros(5, dtype="<f8") and the transpose of the first.
func TestEncode(t *testing.T) {
	for _, tc := range []struct {
		h    Header
		dict string
	}{
		{Header{Descr: "<f4", Shape: []int{2, 3}}, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"},
		{Header{Descr: "<f8", Shape: []int{5}}, "{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }"},
		{Header{Descr: "<f4", Fortran: true, Shape: []int{3, 2}}, "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }"},
	} {
		want := magic + "\x01\x00\x76\x00" + tc.dict + strings.Repeat(" ", 117-len(tc.dict)) + "\n"
		if got := string(tc.h.Encode()); got != want {
			t.Errorf("header\n got %q\nwant %q", got, want)
		}
	}
}

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Header
	}{
		{v1("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"), Header{Descr: "<f4", Shape: []int{2, 3}}},
		{v1(`{"shape":(7,),"fortran_order":True,"descr":">i8"}` + "\n"), Header{Descr: ">i8", Fortran: true, Shape: []int{7}}},
		{v1("{'descr': '|b1', 'fortran_order': False, 'shape': ()}"), Header{Descr: "|b1", Shape: []int{}}},
		{v1("{'descr': '<f8', 'fortran_order': False, 'shape': (0L, 4L)}"), Header{Descr: "<f8", Shape: []int{0, 4}}},
		{v2("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"), Header{Descr: "<f4", Shape: []int{3}}},
	} {
		// What follows is not read.
		r := strings.NewReader(tc.text + "entries")
		h, err := Read(r)
		if err != nil || h.Descr != tc.want.Descr || h.Fortran != tc.want.Fortran || !slices.Equal(h.Shape, tc.want.Shape) || h.Size != int64(len(tc.text)) {
			t.Errorf("%q: %+v, %v", tc.text, h, err)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "entries" {
			t.Errorf("%q: %q is left", tc.text, rest)
		}
	}
}

func TestReadRefused(t *testing.T) {
	const rest = "'fortran_order': False, 'shape': (2, 3)}"
	shape := func(s string) string { return v1("{'descr': '<f4', 'fortran_order': False, 'shape': " + s + "}") }
	for _, tc := range []struct{ text, want string }{
		{"", `not a .npy file: it starts with ""`},
		{"\x93NUM", "not a .npy file"},
		{"PK\x03\x04567890", `it starts with "PK`},
		{magic, "not a .npy file"},
		{magic + "\x00\x00", "version 0"},
		{magic + "\x09\x00", "version 9"},
		{magic + "\x01\x00\x10", "within its first 10 bytes"},
		{magic + "\x02\x00\x10\x00", "within its first 12 bytes"},
		{magic + "\x01\x00\x10\x00{", "within a header of 16 bytes"},
		{magic + "\x02\x00\xff\xff\xff\xff{", "header of 4294967295 bytes, at most 10000"},
		{v1("{'descr': [('a', '<f4')], " + rest), "structured arrays"},
		{v1("{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}"), `"False" expected before "0`},
		{shape("(2)"), "no tuple"},
		{shape("(-2, 3)"), "axis size expected"},
		{shape("(2 3)"), "no tuple"},
		{shape("(2, 3 4)"), `")" expected before "4`},
		{shape("(,)"), "axis size expected"},
		{shape("(2,"), "axis size expected"},
		{shape("(99999999999999999999,)"), "axis size expected"},
		{shape("(" + strings.Repeat("1,", maxAxes+1) + ")"), "more than 64 axes"},
		{v1("{'descr': '<f4', 'descr': '<f4', " + rest), `key "descr" twice`},
		{v1("{'descr': '<f4', 'x': 1, " + rest), `unknown key "x"`},
		{v1("{'descr': '<f4'}"), "expected descr, fortran_order and shape"},
		{v1("{'descr': '<f4'"), `"}" expected`},
		{v1("{'descr': '<\\'f4', " + rest), "no name"},
		{v1("{' descr': '<f4', " + rest), "unknown key"},
		{v1("{'descr"), "closing quote"},
		{v1("{}"), "keys []"},
		{v1(""), `"{" expected`},
		{v1("{'descr': '<f4', " + rest + "}"), "1 bytes after the end"},
	} {
		_, err := Read(strings.NewReader(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", tc.text, err, tc.want)
		}
	}
	// A disk that fails is not a file that is wrong.
	broken := errors.New("broken")
	for _, n := range []int{0, 7, 9, 20} {
		r := io.MultiReader(strings.NewReader(v1("{'descr': '<f4', " + rest)[:n]), iotest.ErrReader(broken))
		if _, err := Read(r); !errors.Is(err, broken) {
			t.Errorf("broken after %d bytes: %v", n, err)
		}
	}
}

// FuzzRead: what is read is written and read again as the same, and no header
// is longer than its file.
func FuzzRead(f *testing.F) {
	f.Add(Header{Descr: "<f4", Shape: []int{2, 3}}.Encode())
	f.Add(Header{Descr: "<f8", Shape: []int{7}}.Encode())
	f.Add([]byte(v1("{'descr': '<f8', 'fortran_order': False, 'shape': ()}")))
	f.Add([]byte(v2("{'descr': \"<f8\", 'fortran_order': True, 'shape': (3L,)}")))
	f.Add([]byte(v1("{'")))
	f.Add([]byte(magic + "\x03\x00\xff\xff\xff\x7f{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		if h.Size > int64(len(b)) || slices.ContainsFunc(h.Shape, func(n int) bool { return n < 0 }) {
			t.Fatalf("%q gives %+v", b, h)
		}
		again, err := Read(bytes.NewReader(h.Encode()))
		if err != nil || again.Descr != h.Descr || again.Fortran != h.Fortran || !slices.Equal(again.Shape, h.Shape) {
			t.Errorf("%+v is written and read as %+v, %v", h, again, err)
		}
	})
}

// FuzzDict is FuzzRead behind the binary part.
func FuzzDict(f *testing.F) {
	f.Add("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }")
	f.Add("{'descr': \"<f8\", 'fortran_order': True, 'shape': (3L,)}")
	f.Add("{'descr': '<f8', 'fortran_order': False, 'shape': (), }")
	f.Add("{}")
	f.Add("{'")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parse(text)
		if err != nil {
			return
		}
		again, err := Read(bytes.NewReader(h.Encode()))
		if err != nil || again.Descr != h.Descr || again.Fortran != h.Fortran || !slices.Equal(again.Shape, h.Shape) {
			t.Errorf("%q: %+v is written and read as %+v, %v", text, h, again, err)
		}
	})
}
