package tiles

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/npy"
)

// TestHeader: of what NumPy stores, arrays like ours are read.
func TestHeader(t *testing.T) {
	head := func(descr string, fortran bool, shape ...int) *bytes.Reader {
		return bytes.NewReader(npy.Header{Descr: descr, Fortran: fortran, Shape: shape}.Encode())
	}
	for _, tc := range []struct {
		r     *bytes.Reader
		dtype DType
		bytes int64
	}{
		{head("<f4", false, 2, 3), Float32, 24},
		{head("<f8", false, 7), Float64, 56},
		{head("<f8", false), Float64, 8},
		{head("<f8", false, 0, 4), Float64, 0},
	} {
		size := tc.r.Size()
		h, err := readNPYHeader(tc.r)
		n, ok := h.bytes()
		if err != nil || h.dtype != tc.dtype || h.size != size || n != tc.bytes || !ok {
			t.Errorf("%+v, %d bytes, %v", h, n, err)
		}
	}
	for _, r := range []*bytes.Reader{
		head(">f4", false, 2), head("<i8", false, 2), head("<f2", false, 2), head("<f4", true, 2, 3),
		head("<f4", false, 1<<32, 1<<32), head("<f8", false, 1<<60), bytes.NewReader(nil),
	} {
		_, err := readNPYHeader(r)
		if !errors.Is(err, ErrNPY) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v", err)
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
