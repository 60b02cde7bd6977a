package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/models"
)

func (a *app) modelsVerb() *cobra.Command {
	list := &cobra.Command{
		Use:     "list",
		Short:   "list the networks, one a line",
		Example: examples(a.program, "models list", "models list --json"),
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return a.listModels() },
	}
	n := &networkFlags{}
	var input []int
	var outputs int
	show := &cobra.Command{
		Use:   "show NAME",
		Short: "print the layers of a network as a spec (JSON)",
		Long: `show prints a network of the zoo as the JSON that --model reads: a start for an
architecture of your own.`,
		Example: examples(a.program, "models show mlp --depth 2 --input 784 --outputs 10", "models show resnet-small --input 8,8,1 --depth 2 > arch.json"),
		Args:    oneArgument("a network's name"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := n.check(c); err != nil {
				return err
			}
			if a.isOwn(args[0]) {
				return usagef("network %s is this program's own: it is a Go function, and has no spec", args[0])
			}
			build, err := a.lookup(args[0])
			if err != nil {
				return err
			}
			s, err := build(n.config(0, input, outputs))
			if err != nil {
				return usageError{err}
			}
			return a.printJSON(s)
		},
	}
	show.Flags().IntVar(&n.depth, "depth", 0, "depth (default: the network's own)")
	n.registerZoo(show)
	show.Flags().IntSliceVar(&input, "input", []int{32, 32, 3}, "shape of one input, channels last")
	show.Flags().IntVar(&outputs, "outputs", 10, "number of outputs")
	return a.group("models", "list networks, show one as a spec, check how values scale with the width", list, show, a.checkVerb())
}

// modelList is what "models list" prints with --json.
type modelList struct {
	Schema string      `json:"schema"`
	Models []modelInfo `json:"models"`
}

// modelInfo is one network that --model knows by name.
type modelInfo struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Own   bool   `json:"own"` // brought along by this program
}

func (a *app) listModels() error {
	var all []modelInfo
	for _, m := range a.models {
		all = append(all, modelInfo{m.Name, m.About, true})
	}
	for _, e := range models.List() {
		all = append(all, modelInfo{e.Name, e.Description, false})
	}
	if a.json {
		return a.printJSON(modelList{"ntk/models/1", all})
	}
	widest := 0
	for _, m := range all {
		widest = max(widest, len(m.Name))
	}
	for _, m := range all {
		if err := a.println(fmt.Sprintf("%-*s  %s", widest, m.Name, oneLine(m.About))); err != nil {
			return err
		}
	}
	return nil
}
