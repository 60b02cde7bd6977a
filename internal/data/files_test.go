package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// Files written byte by byte from the formats' descriptions.

// npyFile returns a .npy file of version 1 with the header given.
func npyFile(header string, values []byte) []byte {
	b := []byte("\x93NUMPY\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b = append(b, header...)
	return append(b, values...)
}

func npyDict(descr, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
}

func f8(values ...float64) (b []byte) {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

func i8(values ...int64) (b []byte) {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// idx returns an IDX file of unsigned bytes.
func idx(content []byte, shape ...int) []byte {
	b := []byte{0, 0, 8, byte(len(shape))}
	for _, n := range shape {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return append(b, content...)
}

// cifar returns a CIFAR-10 record in which channel c of pixel p is
// 64 c + p mod 64.
func cifar(label byte) []byte {
	b := []byte{label}
	for c := range 3 {
		for p := range 1024 {
			b = append(b, byte(64*c+p%64))
		}
	}
	return b
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(content)
	z.Close()
	return b.Bytes()
}

// write puts a file into a folder and returns its path.
func write(t *testing.T, folder, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, name string, o Options) *Set {
	t.Helper()
	s, err := Open(t.Context(), name, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
