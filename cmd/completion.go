package cmd

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/gontk/ntk/models"
)

// enumerated are the values of flags that take one of a few, of all verbs; those
// of one verb stand under its name.
var enumerated = map[string][]string{
	"initializer":      models.Initializers(),
	"parameterization": {"ntk", "standard", "mean-field", "mup"},
	"norm":             {"none", "layer", "batch", "running"},
	"layout":           {"nhwc", "nchw"},
	"standardize":      {"none", "pixel", "feature", "unit"},
	"dtype":            {"float32", "float64"},
	"backend":          {"auto", "xla", "go", "cuda"},
	"way":              {"auto", "materialize", "factor", "sequential", "separable", "products"},
	"cuda":             {"12", "13"},
	"gram outputs":     {"mean", "full", "trace", "diagonal", "pseudo"},
	"diagnose outputs": {"mean", "full"},
	"spectrum outputs": {"mean", "full", "trace", "pseudo"},
}

// completionVerb makes what cobra adds by itself refuse shells that it does not
// know, as every other verb refuses what it does not.
func (a *app) completionVerb(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Short, c.Args, c.RunE = "write what makes a shell complete verbs, flags and names", cobra.ArbitraryArgs, a.noVerb
			for _, shell := range c.Commands() {
				shell.Example = examples(a.program, "completion "+shell.Name())
			}
		}
	}
}

// completions tells the shell what flags of c and of all below it may be.
func (a *app) completions(c *cobra.Command) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		values, ok := enumerated[c.Name()+" "+f.Name]
		if !ok {
			values, ok = enumerated[f.Name]
		}
		files := cobra.ShellCompDirectiveNoFileComp
		switch f.Name {
		case "model":
			for _, m := range a.models {
				values = append(values, m.Name+"\t"+oneLine(m.About))
			}
			for _, e := range models.List() {
				values = append(values, e.Name+"\t"+oneLine(e.Description))
			}
			files, ok = cobra.ShellCompDirectiveDefault, true // or a spec
		case "data", "pairs":
			for _, s := range append([]namedSet{digits}, fetchable...) {
				values = append(values, s.name+"\t"+s.about)
			}
			files, ok = cobra.ShellCompDirectiveDefault, true // or a file
		}
		if ok {
			// It fails only for flags that there are not, or twice.
			_ = c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(values, files))
		}
	})
	for _, sub := range c.Commands() {
		a.completions(sub)
	}
}

func (a *app) manVerb() *cobra.Command {
	return &cobra.Command{
		Use:     "man FOLDER",
		Short:   "write the manual pages, one for each verb",
		Long:    `man writes a page of the manual, section 1, for every verb into a folder.`,
		Example: examples(a.program, "man share/man/man1"),
		Args:    oneArgument("the folder for the pages"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := c.Root()
			root.DisableAutoGenTag = true // the day is no part of a page
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "NTK", Section: "1", Source: thisVersion().NTK}, args[0]); err != nil {
				return err
			}
			a.say("to read one: man -l %s", filepath.Join(args[0], a.program+"-gram.1"))
			return nil
		},
	}
}
