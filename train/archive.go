package train

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/internal/durable"
	"github.com/gontk/ntk/internal/npz"
)

// ErrCheckpoint is wrapped by errors about a file of an earlier run that cannot be
// used: it is damaged, or of another computation.
var ErrCheckpoint = errors.New("checkpoint")

// An archive is a .npz file with a member of JSON beside the arrays. ZIP keeps a
// CRC-32 of each.

const (
	aboutMember = "about.json"
	// maxAbout bounds the bytes of the JSON.
	maxAbout = 1 << 28
)

// writeArchive writes about as JSON and then the arrays, by what yield is given.
// The file appears when it is complete, in place of the one before.
func writeArchive(file string, about any, arrays func(yield func(name string, x *tensors.Tensor) error) error) error {
	text, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("train: writing %s: %w", file, err)
	}
	err = durable.Replace(file, 0o644, func(f *os.File) error {
		z := zip.NewWriter(f)
		w, err := z.CreateHeader(&zip.FileHeader{Name: aboutMember, Method: zip.Store})
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			return err
		}
		err = arrays(func(name string, x *tensors.Tensor) error { return npz.Write(z, name, x) })
		if err != nil {
			return err
		}
		return z.Close()
	})
	if err != nil {
		return fmt.Errorf("train: writing %s: %w", file, err)
	}
	return nil
}

// An archive is open for reading.
type archive struct {
	file    string
	zip     *zip.ReadCloser
	members map[string]*zip.File
}

// openArchive opens a file of writeArchive and reads its JSON.
func openArchive(file string, about any) (*archive, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, fmt.Errorf("train: %s: no %w, or damaged: %w", file, ErrCheckpoint, err)
	}
	a := &archive{file, z, map[string]*zip.File{}}
	for _, m := range z.File {
		a.members[m.Name] = m
	}
	text, err := a.about()
	if err == nil {
		err = json.Unmarshal(text, about)
	}
	if err != nil {
		_ = z.Close()
		return nil, a.bad(err)
	}
	return a, nil
}

func (a *archive) close() { _ = a.zip.Close() }

// bad says that the file cannot be used.
func (a *archive) bad(err error) error {
	return fmt.Errorf("train: %s: damaged %w: %w", a.file, ErrCheckpoint, err)
}

// about reads the JSON to its end, where its CRC-32 is compared.
func (a *archive) about() ([]byte, error) {
	m := a.members[aboutMember]
	if m == nil {
		return nil, fmt.Errorf("it has no %s", aboutMember)
	}
	r, err := m.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", aboutMember, err)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(io.LimitReader(r, maxAbout+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", aboutMember, err)
	}
	if len(b) > maxAbout {
		return nil, fmt.Errorf("%s has more than %d bytes", aboutMember, maxAbout)
	}
	return b, nil
}

// array reads an array whose shape is known.
func (a *archive) array(name string, want shapes.Shape) (*tensors.Tensor, error) {
	m := a.members[name+".npy"]
	if m == nil {
		return nil, a.bad(fmt.Errorf("it has no %s", name))
	}
	x, err := npz.Read(m, name, func(s shapes.Shape) error {
		if !s.Equal(want) {
			return fmt.Errorf("%s is %s, want %s", name, s, want)
		}
		return nil
	})
	if err != nil {
		return nil, a.bad(err)
	}
	return x, nil
}
