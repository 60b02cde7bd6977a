package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/report"
)

// A namedSet is a data set that has a name.
type namedSet struct{ name, about string }

var (
	digits = namedSet{"digits", "8×8 images of handwritten digits: 1797 examples, 10 classes"}

	// fetchable are the sets of "data fetch".
	fetchable = []namedSet{
		{"mnist", "28×28 images of handwritten digits: 60 000 examples, 10 classes; mnist-test has 10 000"},
		{"fashion-mnist", "28×28 images of clothes: 60 000 examples, 10 classes; fashion-mnist-test has 10 000"},
		{"cifar10", "32×32 colour images: 50 000 examples, 10 classes; cifar10-test has 10 000"},
		{"uci", "59 small tables of numbers, for classification: uci/iris, uci/wine, …"},
	}
)

func (a *app) dataVerb() *cobra.Command {
	list := &cobra.Command{
		Use:   "list",
		Short: "list the data sets that have a name, and how to get them",
		Long: `list names the data sets that --data knows by name, says which are on this machine
and where, and how to get those that are not.`,
		Example: examples(a.program, "data list", "data list --json"),
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
	return a.group("data", "list data sets, fetch one, describe one", list, a.fetchVerb(), show)
}

// setList is what "data list" prints with --json.
type setList struct {
	Schema string    `json:"schema"`
	Sets   []setInfo `json:"sets"`
}

// setInfo is one data set that has a name.
type setInfo struct {
	Name  string `json:"name"`
	About string `json:"about"`
	// Found says whether it is on this machine, Folder where: empty for the one
	// that is in the program.
	Found  bool   `json:"found"`
	Folder string `json:"folder,omitempty"`
	// Fetch is the command that gets it, if it is not here.
	Fetch string `json:"fetch,omitempty"`
}

func (a *app) listData() error {
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	all := setList{Schema: "ntk/data-list/1", Sets: []setInfo{{Name: digits.name, About: digits.about, Found: true}}}
	for _, s := range fetchable {
		info := setInfo{Name: s.name, About: s.about, Folder: data.Where(s.name, dir)}
		if info.Found = info.Folder != ""; !info.Found {
			info.Fetch = fmt.Sprintf("%s data fetch %s", a.program, s.name)
		}
		all.Sets = append(all.Sets, info)
	}
	if a.json {
		return a.printJSON(all)
	}
	t := report.Table{Columns: []report.Column{{Name: "name"}, {Name: "what"}, {Name: "where"}}}
	for _, s := range all.Sets {
		where := s.Folder
		switch {
		case !s.Found:
			where = "not here; to get it: " + s.Fetch
		case where == "":
			where = "in the program"
		}
		t.Rows = append(t.Rows, []string{s.Name, s.About, where})
	}
	return a.printTables([]report.Table{t})
}

// dataResult is what "data show" prints with --json.
type dataResult struct {
	Schema string `json:"schema"`
	dataInfo
	Layout string `json:"layout,omitempty"`
	Note   string `json:"note"`
}

func (a *app) showData(c *cobra.Command, d *dataFlags, name string) error {
	if err := d.check(); err != nil {
		return err
	}
	budget, err := (&computeFlags{}).budget()
	if err != nil {
		return err
	}
	s, err := a.load(c.Context(), d, name, budget)
	if err != nil {
		return err
	}
	a.flushNotices()
	if a.json {
		return a.printJSON(dataResult{"ntk/data/1", describeData(s), s.Layout, s.Note})
	}
	classes := fmt.Sprint(s.Classes)
	switch {
	case s.Y == nil:
		classes = "no labels"
	case s.Classes == 0:
		classes = "none: the labels are numbers to predict"
	}
	rows := [][]string{
		{"description", s.Describe()},
		{"shape", fmt.Sprintf("%v, the examples first", s.Shape)},
		{"classes", classes},
		{"source", s.Source},
	}
	if s.License != "" {
		rows = append(rows, []string{"licence", s.License})
	}
	rows = append(rows, []string{"sha256", s.Hash()})
	return a.printTables([]report.Table{{
		Caption: s.Name, Columns: []report.Column{{Name: "what"}, {Name: "value"}}, Rows: rows,
	}})
}
