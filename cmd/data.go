package cmd

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/internal/report"
)

// namedSets are the data sets that have a name, digits being in the program.
var namedSets = []struct{ name, about string }{
	{"digits", "8×8 images of handwritten digits, 1797 examples, 10 classes; in the program"},
	{"mnist", "28×28 images of handwritten digits, 60 000 examples; mnist-test has 10 000"},
	{"fashion-mnist", "28×28 images of clothes, 60 000 examples; fashion-mnist-test has 10 000"},
	{"cifar10", "32×32 colour images, 50 000 examples; cifar10-test has 10 000"},
}

func (a *app) dataVerb() *cobra.Command {
	list := &cobra.Command{
		Use:     "list",
		Short:   "list the data sets that have a name",
		Example: examples(a.program, "data list"),
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return a.listData() },
	}
	d := &dataFlags{}
	show := &cobra.Command{
		Use:   "show NAME|FILE",
		Short: "describe a data set as a verb would use it",
		Long: `show opens a data set, named or a file (.npy, .npz, .csv, IDX, CIFAR-10), and says
its shape, classes, standardization and source.`,
		Example: examples(a.program, "data show digits", "data show images.npy --layout nchw --examples all"),
		Args:    oneArgument("a data set's name or file"),
		RunE:    func(c *cobra.Command, args []string) error { return a.showData(c, d, args[0]) },
	}
	d.registerChoice(show)
	return a.group("data", "list data sets, describe one", list, show)
}

// setInfo is one data set of "data list --json".
type setInfo struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Found bool   `json:"found"`
}

func (a *app) listData() error {
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	var all []setInfo
	for i, s := range namedSets {
		found := i == 0
		for _, folder := range []string{dir, a.env("NTK_DATA")} {
			if folder != "" {
				if _, err := os.Stat(filepath.Join(folder, s.name)); err == nil {
					found = true
				}
			}
		}
		all = append(all, setInfo{s.name, s.about, found})
	}
	if a.json {
		return a.printJSON(all)
	}
	for _, s := range all {
		note := ""
		if !s.Found {
			note = " (not here; its place is " + filepath.Join(dir, s.Name) + ")"
		}
		if err := a.println(fmt.Sprintf("%-14s %s%s", s.Name, s.About, note)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showData(c *cobra.Command, d *dataFlags, name string) error {
	if err := d.check(); err != nil {
		return err
	}
	budget, err := (&computeFlags{}).budget()
	if err != nil {
		return err
	}
	s, err := a.load(c.Context(), d, name, budget.Bytes)
	if err != nil {
		return err
	}
	a.flushNotices()
	if a.json {
		return a.printJSON(describeData(s))
	}
	return a.printTables([]report.Table{{
		Caption: s.Name, Columns: []report.Column{{Name: "what"}, {Name: "value"}},
		Rows: [][]string{
			{"description", s.Describe()},
			{"shape", fmt.Sprint(s.Shape)},
			{"classes", fmt.Sprint(s.Classes)},
			{"note", s.Note},
			{"source", s.Source},
			{"licence", s.License},
			{"sha256", s.Hash()},
		},
	}})
}
