package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/internal/tiles"
)

func (a *app) verifyVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FOLDER|FILE...",
		Short: "check that results are complete and as they were written",
		Long: `verify reads folders of --out, or arrays in them (.npy), and compares every tile
with its checksum in the journal, every other file with its sum in the manifest,
and the manifest with its own. It changes nothing. Its exit status is 0 only if
all is there and as it was written.`,
		Example: examples(a.program, "verify theta", "verify theta/theta.npy --json"),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s wants folders of --out, or arrays (.npy); see %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.verify(c.Context(), args) },
	}
}

// verification is what verify prints with --json.
type verification struct {
	Schema string         `json:"schema"`
	Good   bool           `json:"good"`
	Files  []verifiedFile `json:"files"`
}

// verifiedFile is one file that was looked at.
type verifiedFile struct {
	File string `json:"file"`
	// Tiles are those of an array, Done those that are there and good.
	Tiles int `json:"tiles,omitempty"`
	Done  int `json:"tiles_good,omitempty"`
	// Problem says what is wrong; empty: nothing.
	Problem string `json:"problem,omitempty"`
}

func (a *app) verify(ctx context.Context, paths []string) error {
	v := &verification{Schema: "ntk/verify/1"}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		if info.IsDir() {
			err = v.folder(ctx, path)
		} else {
			err = v.array(ctx, path)
		}
		if err != nil {
			return err
		}
	}
	bad, first := 0, ""
	for _, f := range v.Files {
		if f.Problem != "" {
			if bad++; bad == 1 {
				first = f.Problem
			}
		}
	}
	v.Good = bad == 0
	if err := a.printVerification(v); err != nil || v.Good {
		return err
	}
	return fmt.Errorf("%d of %d files are not good; the first: %s", bad, len(v.Files), first)
}

// folder verifies what the manifests of a folder name, and arrays beside them.
func (v *verification) folder(ctx context.Context, path string) error {
	pattern := func(p string) []string {
		found, _ := filepath.Glob(filepath.Join(globEscape(path), p)) // the pattern is good
		return found
	}
	manifests := pattern("manifest*.json")
	seen := map[string]bool{}
	for _, name := range manifests {
		m, err := loadManifest(name)
		if err != nil {
			v.add(verifiedFile{File: name}, err)
			continue
		}
		if m.Incomplete != "" {
			err = fmt.Errorf("%s says that results are missing: %s", name, m.Incomplete)
		}
		v.add(verifiedFile{File: name}, err)
		for _, f := range m.Files {
			file := filepath.Join(path, f)
			switch sum, ok := m.Sums[f]; {
			case ok:
				v.sum(file, sum)
			case file == name, strings.HasSuffix(f, ".npy.journal"): // of an array that is not finished: read with it
			case slices.Contains(m.Files, f+".journal"):
				seen[file] = true
				if err := v.array(ctx, file); err != nil {
					return err
				}
			case m.Incomplete == "":
				v.add(verifiedFile{File: file}, fmt.Errorf("%s has no sum of %s", name, f))
			}
		}
	}
	for _, log := range pattern("*.npy.journal") {
		if file := strings.TrimSuffix(log, ".journal"); !seen[file] {
			if err := v.array(ctx, file); err != nil {
				return err
			}
		}
	}
	if len(v.Files) == 0 {
		return fmt.Errorf("verify: %s has no manifest and no journal: it is no folder of --out", path)
	}
	return nil
}

// array verifies an array by its journal. It returns an error only if ctx ends.
func (v *verification) array(ctx context.Context, path string) error {
	c, err := tiles.Verify(ctx, path)
	if ctx.Err() != nil {
		return err
	}
	f := verifiedFile{File: path}
	if err == nil {
		f.Tiles, f.Done = c.Total, c.Done
		err = c.Err(path)
	}
	v.add(f, err)
	return nil
}

// sum compares a file with its sum in the manifest.
func (v *verification) sum(path, want string) {
	got, err := fileSum(path)
	if err == nil && got != want {
		err = errors.New(path + " is damaged, or was changed: it is not what the manifest has the SHA-256 of")
	}
	v.add(verifiedFile{File: path}, err)
}

func (v *verification) add(f verifiedFile, err error) {
	if err != nil {
		f.Problem = oneLine(err.Error())
	}
	v.Files = append(v.Files, f)
}

func (a *app) printVerification(v *verification) error {
	if a.json {
		return a.printJSON(v)
	}
	t := report.Table{Columns: []report.Column{{Name: "file"}, {Name: "tiles", Align: report.Right}, {Name: "state"}}}
	for _, f := range v.Files {
		state, n := "good", ""
		if f.Problem != "" {
			state = f.Problem
		}
		if f.Tiles > 0 {
			n = fmt.Sprintf("%d of %d", f.Done, f.Tiles)
		}
		t.Rows = append(t.Rows, []string{f.File, n, state})
	}
	return a.printTables([]report.Table{t})
}
