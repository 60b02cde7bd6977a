package tiles

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrMismatch is wrapped by errors about resuming a file that another
// computation began.
var ErrMismatch = errors.New("file belongs to another computation")

// A Manifest says what a computation depends on: configuration, hashes of
// model and data, versions. Only computations with equal manifests may write
// to the same file.
type Manifest map[string]string

// Hash returns the SHA-256 of the manifest in hexadecimal; the order in
// which it was filled does not matter.
func (m Manifest) Hash() string {
	// encoding/json writes maps in the order of their keys. It cannot fail
	// on strings.
	b, _ := json.Marshal(map[string]string(m))
	if m == nil {
		b = []byte("{}")
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// validate refuses text that JSON would alter.
func (m Manifest) validate() error {
	for k, v := range m {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("%w: manifest entry %q = %q is not UTF-8", ErrJournal, k, v)
		}
	}
	return nil
}

// describe returns the spec as a manifest, so that differences of both are
// named alike.
func (s Spec) describe() Manifest {
	return Manifest{
		"n1":        fmt.Sprint(s.N1),
		"n2":        fmt.Sprint(s.N2),
		"tail":      fmt.Sprint(s.Tail),
		"dtype":     string(s.DType),
		"symmetric": fmt.Sprint(s.Symmetric),
		"block1":    fmt.Sprint(s.Block1),
		"block2":    fmt.Sprint(s.Block2),
	}
}

// compare returns ErrMismatch naming, of the keys in which this run differs
// from the file, the first with both values and the others by name.
func compare(path, what string, file, run Manifest) error {
	var differ []string
	for _, k := range slices.Sorted(maps.Keys(file)) {
		if v, ok := run[k]; !ok || v != file[k] {
			differ = append(differ, k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(run)) {
		if _, ok := file[k]; !ok {
			differ = append(differ, k)
		}
	}
	if len(differ) == 0 {
		return nil
	}
	value := func(m Manifest, k string) string {
		if v, ok := m[k]; ok {
			return fmt.Sprintf("%q", v)
		}
		return "nothing"
	}
	k := differ[0]
	also := ""
	if rest := differ[1:]; len(rest) > 0 {
		also = "; also different: " + strings.Join(rest, ", ")
	}
	return fmt.Errorf("%w: %s: %s %q is %s in the file and %s in this run%s; resume with the same, or write to another file",
		ErrMismatch, path, what, k, value(file, k), value(run, k), also)
}
