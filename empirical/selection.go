package empirical

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
)

// A selection is what of the Jacobian a call asks for: some weights, and some
// combinations u of outputs, one a row of basis.
type selection struct {
	gradient *gradient
	// batch is how many examples gradient is a joint function of, and only those
	// of them whose rows are wanted, nil for all; 0 if they are independent.
	batch   int
	only    []int
	weights []*weight
	basis   []float64 // [rows, O]
	rows    int
	outputs Outputs // what becomes of the rows
	heads   []Head  // places of whole heads among the rows; nil for single outputs and for their sum
	key     string  // differs where the Jacobian's Program does
}

// selection reads opts for n examples. It returns an error for an output that f
// lacks, one that is named twice, and a pattern that no weight matches.
func (f *Network) selection(opts Options, n int) (*selection, error) {
	s := &selection{outputs: opts.Outputs, gradient: f.gradient}
	if opts.Joint {
		s.batch, s.only = n, opts.only
		var err error
		if s.gradient, err = f.jointGradient(n); err != nil {
			return nil, err
		}
	}
	O := f.Outputs()
	of, heads, err := f.chosen(opts)
	if err != nil {
		return nil, err
	}
	if opts.Outputs != Pseudo {
		s.heads = heads
	}
	for i, o := range of {
		if o < 0 || o >= O {
			return nil, fmt.Errorf("empirical: output %d is asked for; the model has outputs 0 to %d", o, O-1)
		}
		if slices.Contains(of[:i], o) {
			return nil, fmt.Errorf("empirical: output %d is asked for twice", o)
		}
	}
	s.rows = len(of)
	s.basis = make([]float64, len(of)*O)
	for i, o := range of {
		s.basis[i*O+o] = 1
	}
	if opts.Outputs == Pseudo {
		// One row, their sum over √O: what is left is no reduction.
		row := make([]float64, O)
		for _, o := range of {
			row[o] = 1 / math.Sqrt(float64(len(of)))
		}
		s.basis, s.rows = row, 1
	}
	if s.weights, err = match(s.gradient.weights, opts.Params); err != nil {
		return nil, err
	}
	s.key = fmt.Sprint(s.batch, s.only, of, opts.Outputs == Pseudo, opts.Params)
	return s, nil
}

// match returns the weights whose name matches one of the patterns, all of
// them if there is no pattern.
func match(weights []*weight, patterns []string) ([]*weight, error) {
	if len(patterns) == 0 {
		return weights, nil
	}
	chosen := map[*weight]bool{}
	for _, p := range patterns {
		found := false
		for _, w := range weights {
			ok, err := matches(p, w.name)
			if err != nil {
				return nil, fmt.Errorf("empirical: pattern %q of weights: %w", p, err)
			}
			if ok {
				found, chosen[w] = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("empirical: no weight matches %q; there are %s", p, names(weights))
		}
	}
	return slices.DeleteFunc(slices.Clone(weights), func(w *weight) bool { return !chosen[w] }), nil
}

// matches reports whether pattern, as of path.Match, is that of a weight or of
// a scope that it is in.
func matches(pattern, name string) (bool, error) {
	pattern = "/" + strings.Trim(pattern, "/")
	for {
		if ok, err := path.Match(pattern, name); ok || err != nil {
			return ok, err
		}
		i := strings.LastIndex(name, "/")
		if i <= 0 {
			return false, nil
		}
		name = name[:i]
	}
}

// names lists weights, the first few of many.
func names(weights []*weight) string {
	const most = 12
	var list []string
	for i, w := range weights {
		if i == most {
			list = append(list, fmt.Sprintf("… (%d in all)", len(weights)))
			break
		}
		list = append(list, w.name)
	}
	return strings.Join(list, ", ")
}
