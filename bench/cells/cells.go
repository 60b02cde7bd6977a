// Package cells computes the numbers of a document one by one and keeps each in a file,
// so that a computation of hours goes on where it was stopped.
package cells

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gontk/ntk/internal/durable"
)

// A Cell is one computation.
type Cell[T any] struct {
	// Name is that of its file, without .json.
	Name string
	// Args say what is computed; a file of the same name with others is computed again.
	Args    []string
	Compute func(ctx context.Context) (*T, error)
	// Result is what Compute returned, now or before; nil if it was not computed.
	Result *T
}

// Options configures Run.
type Options struct {
	// Folder has the files.
	Folder string
	// Only computes the cells whose names have this in them; empty means all.
	Only string
	// Read computes nothing.
	Read bool
	// Progress hears of each cell that is computed, and of failures.
	Progress io.Writer
}

// Run reads or computes the Results of all, in order, and returns how many failed:
// these are named to Progress. It returns an error for a file that cannot be used, and
// when ctx ends.
func Run[T any](ctx context.Context, all []Cell[T], o Options) (failed int, err error) {
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return 0, err
	}
	for i := range all {
		c := &all[i]
		path := filepath.Join(o.Folder, c.Name+".json")
		if c.Result, err = load(path, *c); err != nil {
			return failed, err
		}
		if c.Result != nil || o.Read || !strings.Contains(c.Name, o.Only) {
			continue
		}
		_, _ = fmt.Fprintf(o.Progress, "%d of %d: %s\n", i+1, len(all), strings.Join(c.Args, " "))
		r, err := c.Compute(ctx)
		if ctx.Err() != nil {
			return failed, fmt.Errorf("stopped at %s; the same command goes on", c.Name)
		}
		if err == nil {
			err = save(path, *c, r)
		}
		if err != nil {
			failed++
			_, _ = fmt.Fprintf(o.Progress, "%s: %v\n", c.Name, err)
			continue
		}
		c.Result = r
	}
	return failed, nil
}

// argsKey is the field of a file that has Args, beside those of the result.
const argsKey = "args"

// load returns what an earlier run left of a cell, nil if there is nothing or if it is
// of something else.
func load[T any](path string, c Cell[T]) (*T, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var of struct {
		Args []string `json:"args"`
	}
	r := new(T)
	if err := errors.Join(json.Unmarshal(text, &of), json.Unmarshal(text, r)); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to compute it again", path, err)
	}
	if !slices.Equal(of.Args, c.Args) {
		return nil, nil
	}
	return r, nil
}

// save writes a result with the Args that it is of.
func save[T any](path string, c Cell[T], r *T) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	if fields[argsKey], err = json.Marshal(c.Args); err != nil {
		return err
	}
	if text, err = json.MarshalIndent(fields, "", "  "); err != nil {
		return err
	}
	return durable.Write(path, append(text, '\n'))
}
