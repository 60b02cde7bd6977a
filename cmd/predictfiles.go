package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// predictionFiles writes what predict leaves in --out.
type predictionFiles struct {
	folder   string
	manifest *manifest
	draws    *drawStore
}

// newFiles makes the folder of --out ready; nil without one.
func (r *prediction) newFiles() (*predictionFiles, error) {
	p := r.flags
	if p.out == "" {
		return nil, nil
	}
	if !p.resume || !startedIn(p.out) {
		if err := newFolder(p.out, p.force); err != nil {
			return nil, err
		}
	}
	m := r.app.manifest(r.study, r.config(), r.seeds())
	switch {
	case p.name.kind == fileKernel:
		sum, err := fileSum(p.name.of)
		if err != nil {
			return nil, err
		}
		m.Hashes["kernel"] = sum
	case p.name.kind == limitKernel:
		if err := r.hashLimit(m); err != nil {
			return nil, err
		}
	case p.name.kind == empiricalKernel:
		f, err := r.study.network(p.kernelGrid[0].Depth)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		program, weights, err := fingerprint(f)
		if err != nil {
			return nil, err
		}
		if m.Hashes["program"] = program; p.study.trained() {
			m.Hashes["weights"] = weights
		}
	}
	files := &predictionFiles{folder: p.out, manifest: m}
	if p.name.kind == empiricalKernel || p.name.kind == limitKernel {
		var err error
		if files.draws, err = r.app.openDraws(p.out, m, p.draws, p.resume); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// hashLimit says which network, of the first depth, a limit is of.
func (r *prediction) hashLimit(m *manifest) error {
	l, err := (&limitSource{app: r.app, study: r.study, name: r.flags.name}).derive(r.flags.kernelGrid[0])
	if err != nil {
		return err
	}
	program, weights := sha256.New(), sha256.New()
	if err := l.Fingerprint(program, weights); err != nil {
		return err
	}
	m.Hashes["program"], m.Hashes["weights"] = hex.EncodeToString(program.Sum(nil)), hex.EncodeToString(weights.Sum(nil))
	return nil
}

// startedIn reports whether a folder has nothing but files of ours: those of a run to
// go on with.
func startedIn(folder string) bool {
	entries, err := os.ReadDir(folder)
	return err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !isOurs(e.Name()) })
}

// write writes the predictions, and the manifest last.
func (w *predictionFiles) write(a *answer, variance []float64, took time.Duration) error {
	arrays := []struct {
		name   string
		shape  []int
		values []float64
	}{
		{"predictions.npy", []int{a.outputs.Rows, a.outputs.Cols}, a.outputs.Data},
		{"classes.npy", []int{len(a.classes)}, floats(a.classes)},
		{"variances.npy", []int{len(variance)}, variance},
	}
	for _, f := range arrays {
		if len(f.values) == 0 {
			continue
		}
		if err := writeMatrix(filepath.Join(w.folder, f.name), f.shape, f.values); err != nil {
			return err
		}
		w.manifest.Files = append(w.manifest.Files, f.name)
	}
	w.manifest.Files = append(w.manifest.Files, manifestName)
	if err := w.manifest.finish(w.folder, took); err != nil {
		return err
	}
	return w.manifest.write(w.folder)
}

func floats(v []int) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}
