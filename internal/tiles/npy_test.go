package tiles

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// headerOf wraps a dictionary as a version 1 header would.
func headerOf(dict string) string {
	return npyMagic + "\x01\x00" + string([]byte{byte(len(dict)), byte(len(dict) >> 8)}) + dict
}

// headerOf2 does so with a version 2 header.
func headerOf2(dict string) string {
	return npyMagic + "\x02\x00" + string([]byte{byte(len(dict)), byte(len(dict) >> 8), 0, 0}) + dict
}

// TestHeaderBytes compares with the bytes that numpy.save of NumPy 2.4.6
// writes for zeros((2, 3), dtype) and zeros(5, dtype).
func TestHeaderBytes(t *testing.T) {
	for _, tc := range []struct {
		h    npyHeader
		dict string
	}{
		{npyHeader{shape: []int{2, 3}, dtype: Float32}, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"},
		{npyHeader{shape: []int{5}, dtype: Float64}, "{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }"},
	} {
		want := npyMagic + "\x01\x00\x76\x00" + tc.dict + strings.Repeat(" ", 117-len(tc.dict)) + "\n"
		if got := string(tc.h.encode()); got != want {
			t.Errorf("header\n got %q\nwant %q", got, want)
		}
	}
}

func TestHeaderRead(t *testing.T) {
	for _, tc := range []struct {
		text  string
		shape []int
		dtype DType
	}{
		{headerOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"), []int{2, 3}, Float32},
		{headerOf(`{"shape":(7,),"fortran_order":False,"descr":"<f8"}` + "\n"), []int{7}, Float64},
		{headerOf("{'descr': '<f8', 'fortran_order': False, 'shape': ()}"), []int{}, Float64},
		{headerOf("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4)}"), []int{0, 4}, Float64},
		{headerOf2("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"), []int{3}, Float32},
	} {
		h, err := readNPYHeader(strings.NewReader(tc.text))
		if err != nil || h.dtype != tc.dtype || !slices.Equal(h.shape, tc.shape) || h.size != int64(len(tc.text)) {
			t.Errorf("%q: %+v, %v", tc.text, h, err)
		}
	}
	const rest = "'fortran_order': False, 'shape': (2, 3)}"
	for _, text := range []string{
		"", "\x93NUM", "PK\x03\x04567890", npyMagic + "\x09\x00", npyMagic + "\x01\x00\x10", npyMagic + "\x01\x00\x10\x00{",
		npyMagic + "\x02\x00\xff\xff\xff\xff{",
		headerOf("{'descr': '>f4', " + rest), headerOf("{'descr': '<i8', " + rest), headerOf("{'descr': [('a', '<f4')], " + rest),
		headerOf("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}"),
		headerOf("{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}"),
		headerOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2)}"),
		headerOf("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}"),
		headerOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}"),
		headerOf("{'descr': '<f4', 'fortran_order': False, 'shape': (,)}"),
		headerOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2,"),
		headerOf("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}"),
		headerOf("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
		headerOf("{'descr': '<f4', 'fortran_order': False, 'shape': (" + strings.Repeat("1,", maxRank+1) + ")}"),
		headerOf("{'descr': '<f4', 'descr': '<f4', " + rest), headerOf("{'descr': '<f4', 'x': 1, " + rest),
		headerOf("{'descr': '<f4'}"), headerOf("{'descr': '<f4'"), headerOf("{'descr"), headerOf("{}"), headerOf(""),
		headerOf("{'descr': '<f4', " + rest + "}"),
	} {
		_, err := readNPYHeader(strings.NewReader(text))
		if !errors.Is(err, ErrNPY) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestReadNPYRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	head := npyHeader{shape: []int{2, 3}, dtype: Float32}.encode()
	for what, b := range map[string][]byte{
		"truncated": append(head[:len(head):len(head)], make([]byte, 23)...),
		"too long":  append(head[:len(head):len(head)], make([]byte, 25)...),
		// A promise of 4 EiB must fail before anything is allocated.
		"huge": npyHeader{shape: []int{1 << 30, 1 << 30}, dtype: Float32}.encode(),
	} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		_, _, data, err := ReadNPY(path)
		if !errors.Is(err, ErrNPY) || data != nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
		if _, _, err := StatNPY(path); !errors.Is(err, ErrNPY) {
			t.Errorf("%s: StatNPY: %v", what, err)
		}
	}
	if _, _, _, err := ReadNPY(filepath.Dir(path)); !errors.Is(err, ErrNPY) {
		t.Errorf("a folder: %v", err)
	}
	good := append(head[:len(head):len(head)], make([]byte, 24)...)
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	if shape, dtype, err := StatNPY(path); err != nil || dtype != Float32 || !slices.Equal(shape, []int{2, 3}) {
		t.Errorf("StatNPY: %v %v %v", shape, dtype, err)
	}
	if err := os.WriteFile(journalPath(path), []byte("no journal"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := ReadNPY(path); !errors.Is(err, ErrJournal) {
		t.Errorf("an unreadable journal beside it: %v", err)
	}
}

func FuzzNPYHeader(f *testing.F) {
	f.Add(npyHeader{shape: []int{2, 3}, dtype: Float32}.encode())
	f.Add(npyHeader{shape: []int{7}, dtype: Float64}.encode())
	f.Add([]byte(headerOf("{'descr': '<f8', 'fortran_order': False, 'shape': ()}")))
	f.Add([]byte(npyMagic + "\x03\x00\xff\xff\xff\x7f{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readNPYHeader(bytes.NewReader(b))
		if err != nil {
			return // refusing is right, or at least safe; panics are what is looked for
		}
		if n, ok := h.bytes(); !ok || n < 0 || h.size > int64(len(b)) {
			t.Fatalf("%q gives %+v of %d bytes", b, h, n)
		}
		again, err := readNPYHeader(bytes.NewReader(h.encode()))
		if err != nil || again.dtype != h.dtype || !slices.Equal(again.shape, h.shape) {
			t.Errorf("%+v is written and read as %+v, %v", h, again, err)
		}
	})
}

func FuzzJournal(f *testing.F) {
	m := Manifest{"seed": "7"}
	first, err := encodeLine(newHeader(resumeSpec, m))
	if err != nil {
		f.Fatal(err)
	}
	// The input follows a good first line, whose hash no fuzzer would guess.
	f.Add([]byte("{\"row\":0,\"col\":3,\"rows\":3,\"cols\":3,\"crc32c\":\"0123abcd\"}\n"), true)
	f.Add([]byte("{\"complete\":false}\n{\"complete\":true}\n\x00\x00"), true)
	f.Add([]byte("{\"row\":-1,\"col\":9223372036854775807,\"rows\":1,\"cols\":1,\"crc32c\":\"00000000\"}\n{}\n"), true)
	f.Add(first[:len(first)/2], false)
	f.Fuzz(func(t *testing.T, b []byte, follow bool) {
		if follow {
			b = append(slices.Clone(first), b...)
		}
		h, err := parseJournal(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrJournal) {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		if h.whole+h.torn != int64(len(b)) || len(h.sums) > h.header.Spec.count() {
			t.Fatalf("%q: %d whole and %d torn of %d bytes, %d tiles", b, h.whole, h.torn, len(b), len(h.sums))
		}
		// What is kept reads the same without the torn line.
		again, err := parseJournal(bytes.NewReader(b[:h.whole]))
		if err != nil || again.torn != 0 || again.complete != h.complete || len(again.sums) != len(h.sums) {
			t.Errorf("%q: repaired, it reads %+v, %v", b, again, err)
		}
	})
}
