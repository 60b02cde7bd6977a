package empirical

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/gontk/ntk/internal/durable"
	"github.com/gontk/ntk/internal/tiles"
)

// A drawFolder keeps finished blocks of draws: a file for each, and the
// manifest of what they are blocks of. A file is there whole or not at all, the
// same whoever writes it, and checked by its checksum when it is read: one that
// is damaged is computed again.
type drawFolder struct {
	dir  string
	hash string // of the manifest
}

const (
	drawManifest = "manifest.json"
	drawVersion  = 1
)

// errDamaged is wrapped by errors about a block's file that is not whole.
var errDamaged = errors.New("damaged")

// openDrawFolder makes or opens dir. It returns [tiles.ErrMismatch], wrapped and
// naming the difference, if dir belongs to another run.
func openDrawFolder(dir string, m tiles.Manifest) (*drawFolder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("empirical: folder of draws: %w", err)
	}
	path := filepath.Join(dir, drawManifest)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if old, _ := filepath.Glob(filepath.Join(dir, "block-*.draws")); len(old) > 0 {
			return nil, fmt.Errorf("empirical: %s has blocks of draws and no %s to say of what; choose another folder", dir, drawManifest)
		}
		if err := createManifest(path, m); err != nil {
			return nil, fmt.Errorf("empirical: folder of draws: %w", err)
		}
		text, err = os.ReadFile(path) // another process may have been first
	}
	if err != nil {
		return nil, fmt.Errorf("empirical: folder of draws: %w", err)
	}
	var there tiles.Manifest
	if err := json.Unmarshal(text, &there); err != nil {
		return nil, fmt.Errorf("empirical: %s is no manifest: %w; choose another folder", path, err)
	}
	if err := sameDraws(dir, there, m); err != nil {
		return nil, err
	}
	return &drawFolder{dir, m.Hash()}, nil
}

// createManifest makes the manifest appear, unless another process does first.
func createManifest(path string, m tiles.Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.New(path, append(text, '\n')); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// A drawHeader is the first line of a block's file. The numbers follow, float64
// and little-endian: Mean and M2 of Θ, and those of the NNGP.
type drawHeader struct {
	Version  int    `json:"ntk_draws"`
	Manifest string `json:"manifest_sha256"`
	Block    int    `json:"block"`
	Draws    int    `json:"draws"`
	Theta    int    `json:"theta_entries"`
	NNGP     int    `json:"nngp_entries"`
	// CRC is the CRC-32C of this line without it, and of the numbers.
	CRC string `json:"crc32c,omitempty"`
}

func (d *drawFolder) path(i int) string {
	return filepath.Join(d.dir, fmt.Sprintf("block-%06d.draws", i))
}

// sum returns the checksum of a file with the given header and numbers.
func (h drawHeader) sum(numbers []byte) string {
	h.CRC = ""
	text, _ := json.Marshal(h) // numbers and a hash: it cannot fail
	table := crc32.MakeTable(crc32.Castagnoli)
	return fmt.Sprintf("%08x", crc32.Update(crc32.Checksum(text, table), table, numbers))
}

// save writes b durably.
func (d *drawFolder) save(b *DrawBlock) error {
	h := drawHeader{Version: drawVersion, Manifest: d.hash, Block: b.Index, Draws: b.Theta.Draws, Theta: len(b.Theta.Mean)}
	parts := [][]float64{b.Theta.Mean, b.Theta.M2}
	if b.NNGP != nil {
		h.NNGP = len(b.NNGP.Mean)
		parts = append(parts, b.NNGP.Mean, b.NNGP.M2)
	}
	var numbers []byte
	for _, p := range parts {
		for _, x := range p {
			numbers = binary.LittleEndian.AppendUint64(numbers, math.Float64bits(x))
		}
	}
	h.CRC = h.sum(numbers)
	text, err := json.Marshal(h)
	if err == nil {
		err = durable.Write(d.path(b.Index), append(append(text, '\n'), numbers...))
	}
	if err != nil {
		return fmt.Errorf("empirical: keeping block %d of draws: %w", b.Index, err)
	}
	return nil
}

// load reads block i. It returns nil without a file, and errDamaged, wrapped,
// for one that is not whole.
func (d *drawFolder) load(i int) (*DrawBlock, error) {
	text, err := os.ReadFile(d.path(i))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("empirical: reading block %d of draws: %w", i, err)
	}
	line, numbers, _ := bytes.Cut(text, []byte("\n"))
	var h drawHeader
	if err := json.Unmarshal(line, &h); err != nil {
		return nil, fmt.Errorf("%w: %s has no header: %w", errDamaged, d.path(i), err)
	}
	if h.CRC != h.sum(numbers) || h.Theta < 0 || h.NNGP < 0 || len(numbers) != 16*(h.Theta+h.NNGP) {
		return nil, fmt.Errorf("%w: %s fails its checksum", errDamaged, d.path(i))
	}
	if h.Version != drawVersion || h.Manifest != d.hash || h.Block != i {
		return nil, fmt.Errorf("empirical: %w: %s is block %d, version %d, of manifest %.12s, want block %d, version %d, of %.12s; remove it to have it computed again",
			tiles.ErrMismatch, d.path(i), h.Block, h.Version, h.Manifest, i, drawVersion, d.hash)
	}
	take := func(n int) []float64 {
		x := make([]float64, n)
		for k := range x {
			x[k] = math.Float64frombits(binary.LittleEndian.Uint64(numbers[8*k:]))
		}
		numbers = numbers[8*n:]
		return x
	}
	b := &DrawBlock{Index: i, Theta: &Estimate{h.Draws, take(h.Theta), take(h.Theta)}}
	if h.NNGP > 0 {
		b.NNGP = &Estimate{h.Draws, take(h.NNGP), take(h.NNGP)}
	}
	return b, nil
}
