package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/internal/tiles"
)

// mergeFlags are those of the verb merge.
type mergeFlags struct {
	out     string
	packed  bool
	compute computeFlags
}

func (a *app) mergeVerb() *cobra.Command {
	m := &mergeFlags{}
	c := &cobra.Command{
		Use:   "merge FOLDER...",
		Short: "join what the shards of gram computed",
		Long: `merge verifies the shards that "gram --shard i/n" left in the folders, and joins
them to theta.npy and manifest.json in --out. Shards of different networks, data
or versions do not join, and none may be missing. Stopped, it goes on when it is
called again. The shards stay.`,
		Example: examples(a.program, "merge theta", "merge node1 node2 --out theta --packed"),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s wants the folders of the shards; see %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.merge(c.Context(), m, args) },
	}
	f := c.Flags()
	f.StringVar(&m.out, "out", "", "folder for theta.npy and manifest.json (default: the folder of the shards, if it is one)")
	f.BoolVar(&m.packed, "packed", false, "store the pairs of examples m ≤ n only, as gram --packed does")
	f.StringVar(&m.compute.memory, "memory", "", "memory budget, such as 4GiB (default: half of what is allowed)")
	return c
}

// mergeResult is what merge prints with --json.
type mergeResult struct {
	Schema  string  `json:"schema"`
	Command string  `json:"command"`
	File    string  `json:"file"`
	Shape   []int   `json:"shape"`
	Shards  int     `json:"shards"`
	Tiles   int     `json:"tiles"`
	Seconds float64 `json:"seconds"`
}

func (a *app) merge(ctx context.Context, m *mergeFlags, folders []string) error {
	start := time.Now()
	budget, err := m.compute.budget()
	if err != nil {
		return err
	}
	if m.out == "" {
		if len(folders) > 1 {
			return usagef("--out is missing: the folder that theta.npy goes to")
		}
		m.out = folders[0]
	}
	var parts []string
	manifest := (*manifest)(nil)
	seconds := 0.0
	for _, folder := range folders {
		logs, err := filepath.Glob(filepath.Join(globEscape(folder), "theta-*-of-*.npy.journal"))
		if err != nil || len(logs) == 0 {
			return fmt.Errorf("merge: %s has no shard (theta-i-of-n.npy with its journal)", folder)
		}
		for _, log := range logs {
			part := strings.TrimSuffix(log, ".journal")
			parts = append(parts, part)
			name := "manifest" + strings.TrimSuffix(strings.TrimPrefix(filepath.Base(part), "theta"), ".npy") + ".json"
			shard, err := loadManifest(filepath.Join(folder, name))
			if err != nil {
				return err
			}
			seconds += shard.Seconds
			manifest = shard
		}
	}
	// The part, a tile as stored, and in float64.
	if spec, err := tiles.StatGram(parts[0]); err == nil {
		t := spec.Tiles()[0]
		pair := int64(8 + spec.DType.Size())
		for _, n := range spec.Tail {
			pair *= int64(n)
		}
		if need := int64(t.Rows) * int64(t.Cols) * pair; !budget.Fits(need) {
			return budget.Exceeded(fmt.Sprintf("one tile of %d × %d examples", t.Rows, t.Cols), need, "")
		}
	}
	if err := mergeFolder(m.out, folders); err != nil {
		return err
	}
	a.flushNotices()
	path := filepath.Join(m.out, "theta.npy")
	bar := a.newProgress()
	a.resume = "what is joined is kept; the same command goes on"
	spec, err := tiles.Join(ctx, path, parts, m.packed, func(done, total int) { bar.tiles(empirical.Progress{Done: done, Total: total}) })
	bar.done()
	if err != nil {
		return err
	}
	manifest.Command, manifest.Version, manifest.Machine = a.command(), thisVersion(), machine.Describe()
	manifest.Shard, manifest.Files = "", []string{"theta.npy", "theta.npy.journal"}
	manifest.Created = time.Now().UTC().Truncate(time.Second)
	took := time.Since(start)
	if err := manifest.finish(m.out, took+time.Duration(seconds*float64(time.Second))); err != nil {
		return err
	}
	if err := manifest.write(m.out); err != nil {
		return err
	}
	r := mergeResult{"ntk/merge/1", a.command(), path, spec.Shape(), len(parts), len(spec.Tiles()), took.Seconds()}
	if a.json {
		return a.printJSON(r)
	}
	return a.printTables([]report.Table{{
		Columns: []report.Column{{Name: "what"}, {Name: "value"}},
		Rows: [][]string{
			{"file", r.File}, {"shape", fmt.Sprint(r.Shape)}, {"shards", fmt.Sprint(r.Shards)}, {"tiles", fmt.Sprint(r.Tiles)},
		},
	}})
}

// mergeFolder makes the folder of --out ready. It may be one of the shards', and
// hold what an earlier merge left.
func mergeFolder(out string, shards []string) error {
	for _, s := range shards {
		if filepath.Clean(s) == filepath.Clean(out) {
			return nil
		}
	}
	if begin, err := nothingThere(out, filepath.Join(out, "theta.npy")); begin || err != nil {
		return err
	}
	if _, err := tiles.Verify(context.Background(), filepath.Join(out, "theta.npy")); err != nil {
		return fmt.Errorf("--out %s exists and holds no Θ to go on with: %w; choose another folder", out, err)
	}
	return nil
}
