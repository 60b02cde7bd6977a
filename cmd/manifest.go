package cmd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/durable"
	"github.com/gontk/ntk/internal/machine"
)

// A manifest says where the files of a folder come from. It names no host, no
// user and no folder of the machine but those on the command line.
type manifest struct {
	Schema  string            `json:"schema"`
	Command string            `json:"command"`
	Config  map[string]string `json:"config"`
	// Settings are the flags that files of settings or the environment gave.
	Settings map[string]string `json:"settings,omitempty"`
	Seeds    []uint64          `json:"seeds"`
	Data     dataInfo          `json:"data"`
	Pairs    *dataInfo         `json:"pairs,omitempty"`
	Backend  backendInfo       `json:"backend"`
	BLAS     string            `json:"blas"`
	Version  version           `json:"version"`
	Machine  machine.Summary   `json:"machine"`
	Shard    string            `json:"shard,omitempty"`
	Terms    []termFile        `json:"terms,omitempty"`
	Heads    []empirical.Head  `json:"heads,omitempty"`
	Files    []string          `json:"files"`
	// Sums has the SHA-256 of the files, but for arrays that have a journal.
	Sums map[string]string `json:"file_sha256,omitempty"`
	// Hashes are the SHA-256 of what was computed with: config, data, program
	// and weights.
	Hashes  map[string]string `json:"hashes"`
	Created time.Time         `json:"created"`
	Seconds float64           `json:"seconds"`
	// Incomplete says why results are missing; empty means none are.
	Incomplete string `json:"incomplete,omitempty"`
	// Sum is the SHA-256 of the manifest with this field empty.
	Sum string `json:"sha256"`
}

const manifestSchema = "ntk/manifest/1"

type dataInfo struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	SHA256      string `json:"sha256"`
	Shape       []int  `json:"shape"`
	Classes     int    `json:"classes"`
	Source      string `json:"source"`
	License     string `json:"license"`
}

func describeData(s *data.Set) dataInfo {
	return dataInfo{s.Name, s.Describe(), s.Hash(), s.Shape, s.Classes, s.Source, s.License}
}

type backendInfo struct {
	Kind string `json:"kind"`
	// API is the PJRT version, empty in pure Go.
	API string `json:"pjrt_api,omitempty"`
}

// manifest starts the manifest of a study; one that opened no BLAS used none.
func (a *app) manifest(s *study, config map[string]string, seeds []uint64) *manifest {
	text, _ := json.Marshal(config) // sorts, and cannot fail on strings
	sum := sha256.Sum256(text)
	blas := "none"
	if s.blas != nil {
		blas = s.blas.Name()
	}
	return &manifest{
		Hashes: map[string]string{"config": hex.EncodeToString(sum[:]), "data": s.set.Hash()},
		Schema: manifestSchema, Command: a.command(), Config: config, Settings: a.settings.recorded(), Seeds: seeds,
		Data: describeData(s.set), Backend: backendInfo{s.backend.Kind, s.backend.API}, BLAS: blas,
		Version: thisVersion(), Machine: machine.Describe(), Created: time.Now().UTC().Truncate(time.Second),
	}
}

// finish says that nothing is missing, and sums the files in the folder.
func (m *manifest) finish(folder string, took time.Duration) error {
	m.Incomplete, m.Seconds = "", took.Seconds()
	return m.sumFiles(folder)
}

// sumFiles sums the files, but for the manifest itself and arrays whose journal
// has a checksum for each tile.
func (m *manifest) sumFiles(folder string) error {
	m.Sums = map[string]string{}
	for _, name := range m.Files {
		if name == manifestName || slices.Contains(m.Files, name+".journal") {
			continue
		}
		sum, err := fileSum(filepath.Join(folder, name))
		if err != nil {
			return fmt.Errorf("summing: %w", err)
		}
		m.Sums[name] = sum
	}
	return nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// write writes the manifest into a folder.
func (m *manifest) write(folder string) error { return m.writeAs(filepath.Join(folder, manifestName)) }

func (m *manifest) writeAs(path string) error {
	text, err := m.encode()
	if err != nil {
		return err
	}
	if err := durable.Write(path, text); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// encode returns the manifest as JSON, with its own sum.
func (m *manifest) encode() ([]byte, error) {
	m.Sum = ""
	text, err := encodeJSON(m)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	m.Sum = hex.EncodeToString(sum[:])
	return encodeJSON(m)
}

// maxManifest bounds the bytes of a manifest.
const maxManifest = 4 << 20

// loadManifest reads what write wrote, and nothing else: a file that was
// changed, by a flipped bit or an editor, is refused.
func loadManifest(path string) (*manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func parseManifest(text []byte) (*manifest, error) {
	if len(text) > maxManifest {
		return nil, fmt.Errorf("more than %d bytes, no manifest", maxManifest)
	}
	m := new(manifest)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("no manifest, or damaged: %w", err)
	}
	if m.Schema != manifestSchema {
		return nil, fmt.Errorf("schema %q, want %q", m.Schema, manifestSchema)
	}
	for _, name := range m.Files {
		if !filepath.IsLocal(name) || name != filepath.Base(name) {
			return nil, fmt.Errorf("file %q is not in the manifest's folder", name)
		}
	}
	was := m.Sum
	again, err := m.encode()
	if err != nil {
		return nil, err
	}
	if m.Sum != was || !bytes.Equal(again, text) {
		return nil, fmt.Errorf("damaged, or changed after it was written: its SHA-256 is %s, it says %q", m.Sum, was)
	}
	return m, nil
}

var plainArgument = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// command returns the command line as a shell reads it.
func (a *app) command() string {
	words := []string{a.program}
	for _, arg := range a.args {
		if !plainArgument.MatchString(arg) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}
