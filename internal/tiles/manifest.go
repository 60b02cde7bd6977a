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
		"packed":    fmt.Sprint(s.Packed),
		"part":      s.Part.String(),
	}
}

// Differences returns, for each key in which two manifests differ, a clause with
// both values and where they are, such as "in the file".
func (m Manifest) Differences(other Manifest, inThis, inOther string) []string {
	return differences("manifest", m, other, inThis, inOther)
}

func differences(what string, one, other Manifest, inOne, inOther string) []string {
	keys := slices.Collect(maps.Keys(one))
	for k := range other {
		if _, ok := one[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var differ []string
	for _, k := range keys {
		was, had := one[k]
		is, has := other[k]
		if had != has || was != is {
			differ = append(differ, fmt.Sprintf("%s %q is %s %s and %s %s", what, k, quoted(was, had), inOne, quoted(is, has), inOther))
		}
	}
	return differ
}

// maxQuoted bounds how much of a value an error shows.
const maxQuoted = 100

func quoted(value string, ok bool) string {
	switch {
	case !ok:
		return "nothing"
	case len(value) > maxQuoted:
		return fmt.Sprintf("%q…", value[:maxQuoted])
	}
	return fmt.Sprintf("%q", value)
}

// mismatch returns ErrMismatch naming every difference; nil if there is none.
func mismatch(path string, differ []string) error {
	if len(differ) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: %s; resume with the same, or write to another file", ErrMismatch, path, strings.Join(differ, ", "))
}
