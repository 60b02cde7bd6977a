package cmd

import (
	patterns "path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/empirical"
)

// choiceFlags say which part of the Jacobian counts.
type choiceFlags struct {
	of       []int
	params   []string
	debugNaN bool
	joint    bool
	training bool
}

// choiceNames are the flags.
var choiceNames = []string{"of", "params", "debug-nan", "joint", "training"}

func (h *choiceFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.IntSliceVar(&h.of, "of", nil, "outputs that count, from 0, such as 0,3 (default: all)")
	f.StringArrayVar(&h.params, "params", nil, "weights that count: a pattern of their scope and name, or of a scope, such as '/dense_*'; may be repeated (default: all)")
	f.BoolVar(&h.joint, "joint", false, "take all examples as one batch that the network is a function of: for examples that interact")
	f.BoolVar(&h.training, "training", false, "build the network in training mode, with the statistics of the batch and dropout; implies --joint")
	f.BoolVar(&h.debugNaN, "debug-nan", false, "look for the first op that gives NaN or an infinity, example by example, and stop there")
}

func (h *choiceFlags) check() error {
	for i, o := range h.of {
		if o < 0 {
			return usagef("--of %d: outputs count from 0", o)
		}
		if slices.Contains(h.of[:i], o) {
			return usagef("--of names output %d twice", o)
		}
	}
	for _, p := range h.params {
		if _, err := patterns.Match(p, ""); err != nil || strings.Trim(p, "/") == "" {
			return usagef("--params %q is no pattern; want a weight's scope and name or a scope, with * for a part of it, such as '/dense_*'", p)
		}
	}
	return nil
}

// config adds what was chosen to what must agree for a run to be resumed.
func (h *choiceFlags) config(c map[string]string) {
	c["of"] = list(h.of)
	c["params"] = strings.Join(h.params, " ")
	for name, set := range map[string]bool{"joint": h.joint, "training": h.training} {
		if set {
			c[name] = "true"
		}
	}
}

func (h *choiceFlags) isJoint() bool { return h.joint || h.training }

// options returns what a study computes with.
func (s *study) options(outputs empirical.Outputs) empirical.Options {
	return empirical.Options{
		Outputs: outputs, Of: s.flags.choice.of, Params: s.flags.choice.params, Joint: s.flags.choice.isJoint(), Memory: s.memory(), BLAS: s.blas,
	}
}
