package cmd

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/models/weights"
)

// weightFlags say where trained weights are.
type weightFlags struct{ file, checkpoint string }

func (w *weightFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&w.file, "weights", "", "trained weights to use as they are: a .npz or .safetensors file")
	f.StringVar(&w.checkpoint, "checkpoint", "", "trained weights to use as they are: a folder of GoMLX checkpoints")
}

// source names the flag that gives weights, empty for none.
func (w *weightFlags) source() string {
	switch {
	case w.file != "":
		return "--weights " + w.file
	case w.checkpoint != "":
		return "--checkpoint " + w.checkpoint
	}
	return ""
}

// checkWeights refuses flags that draw weights where they are given.
func (s *studyFlags) checkWeights(c *cobra.Command) error {
	w := &s.weights
	if w.file != "" && w.checkpoint != "" {
		return usagef("--weights and --checkpoint: give one of them")
	}
	if err := s.network.onnx.check(c, s.network.model); err != nil {
		return err
	}
	if w.source() != "" && s.network.onnx.reinit {
		return usagef("--reinit draws the weights, %s gives them: leave one of them out", w.source())
	}
	if !s.trained() {
		return nil
	}
	from := s.weightsFrom()
	for _, name := range []string{"seed", "seeds"} {
		if c.Flags().Changed(name) {
			hint := ""
			if w.source() == "" {
				hint = ", or draw them anew with --reinit"
			}
			return usagef("--%s draws weights, but those of %s are used as they are: leave it out%s", name, from, hint)
		}
	}
	return nil
}

// trained says whether weights are used as they are, so that no seed draws them.
func (s *studyFlags) trained() bool {
	return s.weights.source() != "" || isONNX(s.network.model) && !s.network.onnx.reinit
}

// weightsFrom names what has the trained weights: a flag, or the network's file.
func (s *studyFlags) weightsFrom() string {
	return cmp.Or(s.weights.source(), s.network.model)
}

// seeds lists a study's only seed; none if nothing is drawn.
func (s *studyFlags) seeds() []uint64 {
	if s.trained() {
		return []uint64{}
	}
	return []uint64{s.seed}
}

// loadWeights gives a network the weights that the flags name.
func (s *study) loadWeights(f *empirical.Network) error {
	if !s.flags.trained() {
		return nil
	}
	s.context = f.Context()
	var err error
	switch w := s.flags.weights; {
	case w.file != "":
		err = weights.Load(w.file, f.Context())
	case w.checkpoint != "":
		err = weights.LoadCheckpoint(w.checkpoint, f.Context())
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return f.Sync()
}

// draw draws the weights of a network, unless they are given.
func (s *study) draw(f *empirical.Network) error {
	if s.flags.trained() {
		return nil
	}
	return f.Redraw(s.flags.seed)
}

// tellWeights says where the weights come from, if no seed draws them.
func (a *app) tellWeights(s *studyFlags) {
	if s.trained() {
		a.notice(fmt.Sprintf("weights are those of %s, as they are: no seed is drawn", s.weightsFrom()))
	}
}
