package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	patterns "path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/tiles"
)

// termFlags ask for the terms of weights beside Θ.
type termFlags struct {
	byParameter bool
	groups      []string
}

func (t *termFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&t.byParameter, "by-parameter", false, "write the term of every weight too, a file for each")
	f.StringArrayVar(&t.groups, "group", nil, "write the term of the weights of a pattern, as --params has them; may be repeated, the other weights have a term of their own")
}

func (t *termFlags) check() error {
	if t.byParameter && len(t.groups) > 0 {
		return usagef("--by-parameter and --group: give one of them")
	}
	for _, p := range t.groups {
		if _, err := patterns.Match(p, ""); err != nil || strings.Trim(p, "/") == "" {
			return usagef("--group %q is no pattern; want a weight's scope and name or a scope, such as '/dense_*'", p)
		}
	}
	return nil
}

// some says whether terms are asked for.
func (t *termFlags) some() bool { return t.byParameter || len(t.groups) > 0 }

// config adds what must agree for a run to be resumed.
func (t *termFlags) config(c map[string]string) {
	if t.byParameter {
		c["by_parameter"] = "true"
	}
	if len(t.groups) > 0 {
		c["groups"] = strings.Join(t.groups, " ")
	}
}

// termFile says which array a term is in.
type termFile struct {
	Name    string   `json:"name"`
	Weights []string `json:"weights"`
	File    string   `json:"file"`
}

// termFile names the file of a term in the folder of Θ, like no other before.
func (m *manifest) termFile(t empirical.Term) termFile {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == '/':
			return '.'
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, strings.Trim(t.Name, "/"))
	name := "theta." + plain + ".npy"
	for i := 2; m.hasFile(name); i++ {
		name = fmt.Sprintf("theta.%s.%d.npy", plain, i)
	}
	return termFile{t.Name, t.Weights, name}
}

// hasFile compares without case, as some file systems do.
func (m *manifest) hasFile(name string) bool {
	for _, f := range m.Files {
		if strings.EqualFold(f, name) {
			return true
		}
	}
	return false
}

// openTerm makes the array of a term, or opens it to go on. A run may have been
// stopped before it made all of them.
func (a *app) openTerm(ctx context.Context, w *gramStore, file string, spec tiles.Spec) (tiles.Writer, error) {
	path := filepath.Join(w.g.out, file)
	if !w.begin {
		if _, err := os.Stat(path + ".journal"); err == nil {
			return tiles.OpenNPYContext(ctx, path, spec, w.what)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if _, err := tiles.Abandoned(path); err != nil {
			return nil, err
		}
	}
	return tiles.CreateNPY(path, spec, w.what)
}

// nameTerms writes down the files of the terms.
func (m *manifest) nameTerms(terms []empirical.Term) {
	for _, t := range terms {
		f := m.termFile(t)
		m.Terms = append(m.Terms, f)
		m.Files = append(m.Files, f.File, f.File+".journal")
	}
}

// fileOf returns the file of a term.
func (m *manifest) fileOf(name string) string {
	for _, t := range m.Terms {
		if t.Name == name {
			return t.File
		}
	}
	return ""
}
