package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/data"
)

// pairFlags ask for pairs of examples in place of a Gram matrix.
type pairFlags struct {
	diagonal bool
	with     string    // data of the pairs' second examples
	second   *data.Set // nil on the diagonal
}

func (p *pairFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&p.diagonal, "diagonal", false, "only the diagonal Θ(x, x) of the examples, [N, 1], [N, O] or [N, O, O]")
	f.StringVar(&p.with, "pairs", "", "only the pairs of the i-th example of --data and the i-th of this data set, read with the same flags")
}

func (p *pairFlags) check() error {
	if p.diagonal && p.with != "" {
		return usagef("--diagonal and --pairs: give one of them")
	}
	return nil
}

// some says whether pairs are asked for.
func (p *pairFlags) some() bool { return p.diagonal || p.with != "" }

// load reads the second examples, if there are others than the first.
func (p *pairFlags) load(ctx context.Context, a *app, s *study) (err error) {
	if p.with == "" {
		return nil
	}
	if p.second, err = a.load(ctx, &s.flags.data, p.with, s.budget); err != nil {
		return err
	}
	if isONNX(s.flags.network.model) {
		if _, p.second, err = a.onnxSource(&s.flags.network, &s.flags.data, p.second); err != nil {
			return err
		}
	}
	first, second := s.set.Shape, p.second.Shape
	if first[0] != second[0] {
		return fmt.Errorf("--pairs %s has %d examples, --data %s has %d; pairs take as many of both: say so by --examples", p.with, second[0], s.flags.data.data, first[0])
	}
	if !slices.Equal(first, second) {
		return fmt.Errorf("--pairs %s has examples of shape %v, those of --data %s are %v", p.with, second[1:], s.flags.data.data, first[1:])
	}
	return nil
}

// count returns how many second examples a plan has, 0 where they are the first.
func (p *pairFlags) count() int {
	if p.second == nil {
		return 0
	}
	return p.second.Len()
}

// examples returns the second examples, nil where they are the first.
func (p *pairFlags) examples(s *study) (empirical.Batch, error) {
	if p.second == nil {
		return nil, nil
	}
	return diagnose.Examples(p.second, s.dtype)
}

// config adds what must agree for a run to be resumed.
func (p *pairFlags) config(c map[string]string) {
	if p.diagonal {
		c["diagonal"] = "true"
	}
	if p.second != nil {
		c["pairs"], c["pairs_sha256"] = p.with, p.second.Hash()
	}
}
