package weights

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"

	"github.com/gontk/ntk/graph"
)

func writeNPZ(path string, names []string, values map[string]*tensors.Tensor) error {
	return whole(path, func(f *os.File) error {
		z := zip.NewWriter(f)
		for _, name := range names {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
			if err != nil {
				return err
			}
			if err := numpy.ToNpyWriter(values[name], w); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return z.Close()
	})
}

// maxHeader bounds the header of a .npy file; NumPy refuses above 10000 bytes.
const maxHeader = 16 << 10

func readNPZ(path string, want map[string]shapes.Shape) (map[string]*tensors.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("no .npz file, or cut short: %w", err)
	}
	members := map[string]*zip.File{}
	var names []string
	for _, m := range z.File {
		name := strings.TrimSuffix(m.Name, ".npy")
		if members[name] != nil {
			return nil, fmt.Errorf("array %q is there twice", name)
		}
		members[name] = m
		names = append(names, name)
	}
	if err := agree(want, names); err != nil {
		return nil, err
	}
	got := map[string]*tensors.Tensor{}
	for name, shape := range want {
		if got[name], err = readMember(members[name], name, shape); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// readMember reads an array of a shape that is known. The size that the archive
// states is not trusted: what counts is what arrives.
func readMember(m *zip.File, name string, want shapes.Shape) (*tensors.Tensor, error) {
	r, err := m.Open()
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	defer func() { _ = r.Close() }()
	head := make([]byte, maxHeader)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	head = head[:n]
	got, err := headerShape(head)
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	if err := fits(name, got, want); err != nil {
		return nil, err
	}
	var t *tensors.Tensor
	rest := io.MultiReader(bytes.NewReader(head), r)
	cerr := graph.Catch(func() { t, err = numpy.FromNpyReader(rest) })
	if cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("array %q is damaged: %w", name, err)
	}
	if extra, _ := io.CopyN(io.Discard, rest, 1); extra > 0 {
		return nil, fmt.Errorf("array %q has more bytes than %s takes", name, want)
	}
	if !t.Shape().Equal(want) { // of a header that says two things
		return nil, fmt.Errorf("array %q is damaged: its header is ambiguous", name)
	}
	return t, nil
}

var (
	npyDescr = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	npyShape = regexp.MustCompile(`'shape'\s*:\s*\(([^)]*)\)`)
)

// headerShape reads dtype and shape from the beginning of a .npy file.
func headerShape(head []byte) (shapes.Shape, error) {
	none := shapes.Shape{}
	if !bytes.HasPrefix(head, []byte("\x93NUMPY")) {
		return none, fmt.Errorf("no .npy array")
	}
	head, _, _ = bytes.Cut(head, []byte("}"))
	d, s := npyDescr.FindSubmatch(head), npyShape.FindSubmatch(head)
	if d == nil || s == nil {
		return none, fmt.Errorf("its .npy header has no descr or no shape")
	}
	dt, ok := npyTypes[string(d[1])]
	if !ok {
		return none, fmt.Errorf("dtype %q is not supported: save it as float32 or float64, little-endian", d[1])
	}
	var dims []int
	for word := range strings.SplitSeq(string(s[1]), ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		n, err := strconv.Atoi(word)
		if err != nil || n < 0 {
			return none, fmt.Errorf("its .npy header has the shape (%s)", s[1])
		}
		dims = append(dims, n)
	}
	return shapes.Shape{DType: dt, Dimensions: dims}, nil
}

var npyTypes = map[string]dtypes.DType{
	"<f4": dtypes.Float32, "<f8": dtypes.Float64, "<f2": dtypes.Float16, "<i4": dtypes.Int32, "<i8": dtypes.Int64, "<i2": dtypes.Int16,
	"<u4": dtypes.Uint32, "<u8": dtypes.Uint64, "<u2": dtypes.Uint16, "|i1": dtypes.Int8, "<i1": dtypes.Int8, "|u1": dtypes.Uint8,
	"<u1": dtypes.Uint8, "|b1": dtypes.Bool, "?": dtypes.Bool,
}
