package cmd

import (
	"context"
	"errors"
	"strconv"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
)

// allFinite is what --debug-nan says when it finds nothing.
const allFinite = "--debug-nan: every op gives finite numbers"

// notFinite is what a verb that computes prints with --json where a network
// gives NaN or an infinity, beside the line on stderr.
type notFinite struct {
	Schema    string         `json:"schema"`
	Command   string         `json:"command"`
	NotFinite *notFiniteInfo `json:"not_finite"`
}

// notFiniteInfo is a [diagnose.NotFiniteError].
type notFiniteInfo struct {
	Depth int    `json:"depth,omitempty"`
	Seed  uint64 `json:"seed"`
	Value string `json:"value"`
	empirical.NotFinite
}

// describeNotFinite returns nil for an error of another kind.
func describeNotFinite(err error) *notFiniteInfo {
	e := (*diagnose.NotFiniteError)(nil)
	if !errors.As(err, &e) {
		return nil
	}
	return &notFiniteInfo{e.Depth, e.Seed, strconv.FormatFloat(e.First.Value, 'g', -1, 64), *e.First}
}

// showNotFinite writes err as JSON, if that is asked for and it is such an
// error, and returns it.
func (a *app) showNotFinite(err error) error {
	info := describeNotFinite(err)
	if info == nil || !a.json {
		return err
	}
	if perr := a.printJSON(notFinite{"ntk/not-finite/1", a.command(), info}); perr != nil {
		return perr
	}
	return err
}

// debugNaN looks for the first op that is not finite, if --debug-nan is set.
func (a *app) debugNaN(ctx context.Context, s *study, f *empirical.Network) error {
	if !s.flags.choice.debugNaN {
		return nil
	}
	x, err := s.examples()
	if err != nil {
		return err
	}
	if err := diagnose.FindNotFinite(ctx, f, x, s.flags.network.depth, s.flags.seed); err != nil {
		return a.showNotFinite(err)
	}
	a.say("%s", allFinite)
	return nil
}

// locate says of a kernel that is not finite where that begins.
func (a *app) locate(ctx context.Context, s *study, f *empirical.Network, err error) error {
	x, xerr := s.examples()
	if xerr != nil {
		return err
	}
	return a.showNotFinite(diagnose.LocateNotFinite(ctx, f, x, s.flags.network.depth, s.flags.seed, err))
}
