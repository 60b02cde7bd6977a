package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/gontk/ntk/internal/durable"
)

// ErrRates is wrapped by errors about a rates file that cannot be used.
var ErrRates = errors.New("measured rates")

// A Rate is how fast this machine was measured to run one form of operation
// ("conv 3x3 f32", "host ssyrk"). Zero in either field means not measured.
type Rate struct {
	// Form names the form of operation.
	Form string `json:"form"`
	// FLOPs is in floating-point operations per second.
	FLOPs float64 `json:"flops_per_second"`
	// Bytes is in bytes per second.
	Bytes float64 `json:"bytes_per_second"`
}

// A Key is what rates depend on: they are measured anew for any other.
type Key struct {
	// CPU is the processor model, as in [Summary].
	CPU string `json:"cpu"`
	// Threads is how many threads were measured.
	Threads int `json:"threads"`
	// Libraries maps the name of each library or device that computes to its
	// version.
	Libraries map[string]string `json:"libraries"`
}

// ratesFile is the content of a rates file. It repeats the key, so that a
// reader sees what was measured.
type ratesFile struct {
	Key   Key    `json:"key"`
	Rates []Rate `json:"rates"`
}

// ratesLimit bounds a rates file in bytes: a hundred times any real one.
const ratesLimit = 1 << 20

// RatesPath returns the file that holds the rates of key in dir; an empty
// dir means "ntk" in the user's cache directory.
func RatesPath(dir string, key Key) (string, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("%w: no cache directory: %w", ErrRates, err)
		}
		dir = filepath.Join(cache, "ntk")
	}
	b, err := json.Marshal(key) // sorts the libraries by name
	if err != nil {
		return "", fmt.Errorf("%w: key: %w", ErrRates, err)
	}
	sum := sha256.Sum256(b)
	return filepath.Join(dir, "rates-"+hex.EncodeToString(sum[:8])+".json"), nil
}

// LoadRates returns the rates measured under key, by form, from dir (see
// [RatesPath]). Nothing measured yet is an empty map and no error.
//
// It returns [ErrRates] if the file cannot be read, is malformed, or holds
// the rates of another key.
func LoadRates(dir string, key Key) (map[string]Rate, error) {
	path, err := RatesPath(dir, key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Rate{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRates, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, ratesLimit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRates, err)
	}
	if len(b) > ratesLimit {
		return nil, fmt.Errorf("%w: %s exceeds %s; delete it and measure again", ErrRates, path, FormatBytes(ratesLimit))
	}
	var file ratesFile
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("%w: %s: %w; delete it and measure again", ErrRates, path, err)
	}
	if other, err := RatesPath(dir, file.Key); err != nil || other != path {
		return nil, fmt.Errorf("%w: %s holds the rates of another machine or library; delete it and measure again", ErrRates, path)
	}
	rates, err := byForm(file.Rates)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; delete it and measure again", ErrRates, path, err)
	}
	return rates, nil
}

// SaveRates replaces the rates stored under key in dir (see [RatesPath]),
// making dir if need be. The file is replaced as a whole: a reader sees the
// old rates or the new.
//
// It returns [ErrRates] if a form is empty or repeated, if a rate is
// negative or not finite, or if the file cannot be written.
func SaveRates(dir string, key Key, rates []Rate) error {
	if _, err := byForm(rates); err != nil {
		return fmt.Errorf("%w: %w", ErrRates, err)
	}
	path, err := RatesPath(dir, key)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(ratesFile{key, rates}, "", "  ")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRates, err)
	}
	if len(b) >= ratesLimit {
		return fmt.Errorf("%w: %d rates take %s, more than the %s a file may hold",
			ErrRates, len(rates), FormatBytes(int64(len(b))), FormatBytes(ratesLimit))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("%w: %w", ErrRates, err)
	}
	if err := durable.Write(path, append(b, '\n')); err != nil {
		return fmt.Errorf("%w: %w", ErrRates, err)
	}
	return nil
}

// byForm indexes rates and refuses those that no measurement gives.
func byForm(rates []Rate) (map[string]Rate, error) {
	m := make(map[string]Rate, len(rates))
	for _, r := range rates {
		if r.Form == "" {
			return nil, errors.New("a rate has no form")
		}
		if _, ok := m[r.Form]; ok {
			return nil, fmt.Errorf("form %q appears twice", r.Form)
		}
		for _, v := range []float64{r.FLOPs, r.Bytes} {
			if !(v >= 0) || math.IsInf(v, 1) {
				return nil, fmt.Errorf("form %q: rate %g is not a finite number of at least 0", r.Form, v)
			}
		}
		m[r.Form] = r
	}
	return m, nil
}
