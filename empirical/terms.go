package empirical

import (
	"fmt"
	"slices"

	"github.com/gontk/ntk/internal/tiles"
)

// A Term is a part of Θ, that of some weights:
//
//	Θ_W(x1, x2)[n, m, o, p] = Σ_{w ∈ W} η_w ∂f_o(x1_n)/∂w · ∂f_p(x2_m)/∂w.
//
// Every weight that counts is in one term.
type Term struct {
	// Name is that of the only weight, or the pattern of Options.Groups, or
	// [Others] for the weights that no pattern matches.
	Name    string
	Weights []string
	// Values are laid out as those of [Gram]; nil if Options.TermWriter keeps
	// them.
	Values []float64

	members []int // places among the selection's weights
}

// Others is the name of the term of all weights that no group has.
const Others = "others"

// terms groups the weights of s as opts asks, nil if it asks for no terms. It
// returns an error for a pattern that no weight matches, and for a weight that
// two of them match.
func (s *selection) terms(opts Options) ([]Term, error) {
	var terms []Term
	if len(opts.Groups) == 0 {
		if opts.ByParameter {
			for i, w := range s.weights {
				terms = append(terms, Term{Name: w.name, Weights: []string{w.name}, members: []int{i}})
			}
		}
		return terms, nil
	}
	for _, p := range opts.Groups {
		ws, err := match(s.weights, []string{p})
		if err != nil {
			return nil, err
		}
		t := Term{Name: p}
		for _, w := range ws {
			for _, other := range terms {
				if slices.Contains(other.Weights, w.name) {
					return nil, fmt.Errorf("empirical: groups %q and %q both match weight %s; it belongs to one of them", other.Name, p, w.name)
				}
			}
			t.Weights, t.members = append(t.Weights, w.name), append(t.members, slices.Index(s.weights, w))
		}
		terms = append(terms, t)
	}
	rest := Term{Name: Others}
	for i, w := range s.weights {
		if !slices.ContainsFunc(terms, func(t Term) bool { return slices.Contains(t.members, i) }) {
			rest.Weights, rest.members = append(rest.Weights, w.name), append(rest.members, i)
		}
	}
	if len(rest.members) > 0 {
		terms = append(terms, rest)
	}
	return terms, nil
}

// Terms returns the terms that Options.ByParameter and Groups ask for, without
// values; nil if they do not.
func (p *Plan) Terms() []Term { return slices.Clone(p.terms) }

// storeTerms makes the stores of the terms, cut as Θ's.
func (r *run) storeTerms(spec tiles.Spec) error {
	for i := range r.gram.Terms {
		t := &r.gram.Terms[i]
		if r.opts.TermWriter != nil {
			w, err := r.opts.TermWriter(*t, spec)
			if err != nil {
				return err
			}
			r.terms = append(r.terms, w)
			continue
		}
		spec.DType, spec.Packed, spec.Part = tiles.Float64, false, tiles.Part{}
		m, err := tiles.NewMemory(spec)
		if err != nil {
			return err
		}
		r.terms = append(r.terms, m)
		t.Values = m.Data().([]float64)
	}
	return nil
}

// done reports whether a tile of Θ and of all terms is stored.
func (r *run) done(t tiles.Tile) bool {
	return r.writer.Done(t) && !slices.ContainsFunc(r.terms, func(w tiles.Writer) bool { return !w.Done(t) })
}

// writeTerm returns what writes the terms of a tile, nil if there are none.
func (r *run) writeTerm(t tiles.Tile) func(term int, data []float64) error {
	if len(r.terms) == 0 {
		return nil
	}
	return func(term int, data []float64) error {
		if err := r.terms[term].WriteTile(t, data); err != nil {
			return fmt.Errorf("empirical: the term of %s: %w", r.gram.Terms[term].Name, err)
		}
		return nil
	}
}
