package cmd

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"

	"github.com/gontk/ntk/internal/durable"
	npyfile "github.com/gontk/ntk/internal/npy"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/predict"
)

// A drawStore keeps, in --out, the sum of Θ over the draws so far, for each depth in
// a file of its own; a nil one keeps nothing. The manifest has the file's sum, and is
// written after it: a kill loses the draw in flight.
type drawStore struct {
	app      *app
	folder   string
	manifest *manifest
	draws    int
	earlier  map[string]string // sums of files of a run that goes on
	command  string
}

// openDraws goes on with a folder, if resume says so and there is a run to go on
// with, whose configuration and data must be this run's.
func (a *app) openDraws(folder string, m *manifest, draws int, resume bool) (*drawStore, error) {
	s := &drawStore{app: a, folder: folder, manifest: m, draws: draws, command: a.resumeCommand(resume)}
	path := filepath.Join(folder, manifestName)
	if _, err := os.Lstat(path); !resume || os.IsNotExist(err) {
		return s, nil
	}
	old, err := loadManifest(path)
	if err != nil {
		return nil, err
	}
	for _, what := range []string{"config", "data", "program", "weights"} {
		if old.Hashes[what] == m.Hashes[what] {
			continue
		}
		text := "its " + what + " has another SHA-256"
		if d := tiles.Manifest(old.Config).Differences(m.Config, "in "+path, "now"); what == "config" && len(d) > 0 {
			text = d[0]
		}
		return nil, fmt.Errorf("--out %s is of another run: %s; choose another folder, or --force", folder, text)
	}
	s.earlier = maps.Clone(old.Sums)
	return s, nil
}

// name is the file of a depth after some draws; the whole mean has none in its name.
func (s *drawStore) name(p kernelPoint, draws int) string {
	name := "kernel"
	if p.Depth != 0 {
		name += fmt.Sprintf("-depth%d", p.Depth)
	}
	if draws < s.draws {
		name += fmt.Sprintf("-%dof%d", draws, s.draws)
	}
	return name + ".npy"
}

// load returns the sum [n, c] that is kept of a depth, and of how many draws it is:
// zeros of none if there is no file, the mean if they are all.
func (s *drawStore) load(p kernelPoint, n, c int) (predict.Matrix, int, error) {
	zero := predict.NewMatrix(n, c)
	if s == nil {
		return zero, 0, nil
	}
	for draws := s.draws; draws > 0; draws-- {
		name := s.name(p, draws)
		want, ok := s.earlier[name]
		if !ok {
			continue
		}
		path := filepath.Join(s.folder, name)
		if sum, err := fileSum(path); err != nil || sum != want {
			s.app.say("%s is missing or not as it was written: computed again", path)
			continue
		}
		shape, _, values, err := tiles.ReadNPY(path)
		if err != nil {
			return zero, 0, err
		}
		v, ok := values.([]float64)
		if !ok || len(shape) != 2 || shape[0] != n || shape[1] != c {
			return zero, 0, fmt.Errorf("%s is no float64 matrix [%d, %d]", path, n, c)
		}
		s.app.say("%s: %d of %d draws are there", path, draws, s.draws)
		s.record(name, want)
		return predict.Matrix{Rows: n, Cols: c, Data: v}, draws, nil
	}
	return zero, 0, nil
}

// record has the manifest name a file, and its sum.
func (s *drawStore) record(name, sum string) {
	s.manifest.Files = append(s.manifest.Files, name)
	if s.manifest.Sums == nil {
		s.manifest.Sums = map[string]string{}
	}
	s.manifest.Sums[name] = sum
}

// save keeps the sum of draws of a depth, or the mean of all.
func (s *drawStore) save(p kernelPoint, sum predict.Matrix, draws int) error {
	if s == nil {
		return nil
	}
	name, before := s.name(p, draws), s.name(p, draws-1)
	path := filepath.Join(s.folder, name)
	if err := writeMatrix(path, []int{sum.Rows, sum.Cols}, sum.Data); err != nil {
		return err
	}
	total, err := fileSum(path)
	if err != nil {
		return err
	}
	s.forget(before)
	s.record(name, total)
	s.manifest.Incomplete = "not finished"
	if err := s.manifest.write(s.folder); err != nil {
		return err
	}
	s.app.resume = "finished draws are kept; to go on: " + s.command
	if draws == 1 {
		return nil
	}
	if err := os.Remove(filepath.Join(s.folder, before)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func (s *drawStore) forget(name string) {
	var files []string
	for _, f := range s.manifest.Files {
		if f != name {
			files = append(files, f)
		}
	}
	s.manifest.Files = files
	delete(s.manifest.Sums, name)
}

// writeMatrix writes an array as a .npy file in float64, whole or not at all.
func writeMatrix(path string, shape []int, values []float64) error {
	err := durable.Replace(path, 0o644, func(f *os.File) error {
		if _, err := f.Write(npyfile.Header{Descr: "<f8", Shape: shape}.Encode()); err != nil {
			return err
		}
		buf := make([]byte, 0, 1<<16)
		for i, v := range values {
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(v))
			if len(buf) < cap(buf) && i < len(values)-1 {
				continue
			}
			if _, err := f.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
