package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/gontk/ntk/dual"
	"github.com/gontk/ntk/graph"
)

// A Remedy is a change of a network that may let signals pass it better.
type Remedy struct {
	Name, Description string
	// Joint says that examples interact in the network that results.
	Joint bool

	apply func(s *Spec) error
}

// Remedies lists what is known to help deep networks to train.
func Remedies() []Remedy {
	return []Remedy{
		{"residual", "x + F(x)/√L around each of the L layers that keep their shape", false, residualRemedy},
		{"layer-norm", "layer norm over channels before each activation", false, func(s *Spec) error {
			return normRemedy(s, func() Layer { return &layerNorm{[]int{-1}, normFields{Eps: 1e-5}} })
		}},
		{"batch-norm", "batch norm by the statistics of the batch before each activation", true, func(s *Spec) error {
			return normRemedy(s, func() Layer { return &batchNorm{normFields: normFields{Eps: 1e-5}} })
		}},
		{"orthogonal", "orthogonal matrices in place of independent entries", false, func(s *Spec) error {
			if !s.Initializer.Independent() && s.Initializer != "" {
				return fmt.Errorf("its initializer is %s", s.Initializer)
			}
			s.Initializer = graph.Orthogonal
			return nil
		}},
		{"edge-of-chaos", "gains σ_w with which χ is 1", false, edgeRemedy},
		{"dks", "activations of deep kernel shaping, gains of 1", false, shapedRemedy("dks", func(fn string, depth int) Layer { return &dks{Fn: fn, Depth: depth, Slope: 1.5} })},
		{"tat", "tailored activations (of relu a leaky one), gains of 1", false, shapedRemedy("tat", func(fn string, depth int) Layer {
			if fn == "relu" {
				return &trelu{Depth: depth, Correlation: 0.9}
			}
			return &tat{Fn: fn, Depth: depth, Curvature: 0.3}
		})},
	}
}

// Apply returns the network with the remedy; s stays as it is. It returns an error
// that says why where there is nothing to change, or what results is not valid.
func (r Remedy) Apply(s *Spec) (*Spec, error) {
	fail := func(err error) (*Spec, error) {
		return nil, fmt.Errorf("models: %s for %s: %w", r.Name, s.title(), err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fail(err)
	}
	changed := new(Spec)
	if err := json.Unmarshal(text, changed); err != nil {
		return fail(err)
	}
	if err := r.apply(changed); err != nil {
		return fail(err)
	}
	if _, err := changed.check(); err != nil {
		return fail(err)
	}
	return changed, nil
}

func isActivation(l Layer) bool {
	_, ok := l.(interface{ isElementwise() })
	return ok
}

func isNorm(l Layer) bool {
	switch l.(type) {
	case *layerNorm, *rmsNorm, *groupNorm, *batchNorm:
		return true
	}
	return false
}

func isWeight(l Layer) bool {
	switch l.(type) {
	case *dense, *conv:
		return true
	}
	return false
}

// lists calls f for the list of layers and those of all branches in it, the inner
// ones first, and puts what it returns in their place.
func lists(ls []Layer, f func(ls []Layer) []Layer) []Layer {
	for _, l := range ls {
		fields := map[string]target{}
		targets(reflect.ValueOf(l).Elem(), fields)
		for _, name := range sortedKeys(fields) {
			switch p := fields[name].value.Addr().Interface().(type) {
			case *layerList:
				*p = lists(*p, f)
			case *[]layerList:
				for i, branch := range *p {
					(*p)[i] = lists(branch, f)
				}
			}
		}
	}
	return f(ls)
}

// each calls f for every layer, those of branches too.
func each(ls []Layer, f func(l Layer)) {
	lists(ls, func(ls []Layer) []Layer {
		for _, l := range ls {
			f(l)
		}
		return ls
	})
}

// normRemedy puts a norm before each activation that has none.
func normRemedy(s *Spec, norm func() Layer) error {
	added := 0
	s.Layers = lists(s.Layers, func(ls []Layer) []Layer {
		var out []Layer
		for i, l := range ls {
			if isActivation(l) && !(i > 0 && isNorm(ls[i-1])) {
				out = append(out, norm())
				added++
			}
			out = append(out, l)
		}
		return out
	})
	if added == 0 {
		return errors.New("every activation has a norm before it, or there is none")
	}
	return nil
}

// residualRemedy puts x + main(x) for each run of norms, an activation and a weight
// that keeps the shape, but for the last weight: the block of a pre-activation ResNet
// (He et al., arXiv 1603.05027). Gains of the branches are over √L (Hayou et al.,
// arXiv 2010.12859), so that lengths stay bounded at any depth.
func residualRemedy(s *Spec) error {
	c, err := s.check()
	if err != nil {
		return err
	}
	last := lastWeight(s.Layers)
	var blocks []*residual
	var out []Layer
	shape := s.InputShape
	for i := 0; i < len(s.Layers); {
		n := blockLength(s.Layers[i:])
		if n == 0 || s.Layers[i+n-1] == last || !reflect.DeepEqual(shape, c.outputs[s.Layers[i+n-1]]) {
			out = append(out, s.Layers[i])
			shape = c.outputs[s.Layers[i]]
			i++
			continue
		}
		b := &residual{Main: s.Layers[i : i+n : i+n]}
		blocks, out = append(blocks, b), append(out, b)
		i += n
	}
	if len(blocks) == 0 {
		return errors.New("no layer outside of branches keeps its shape")
	}
	for _, b := range blocks {
		each(b.Main, func(l Layer) {
			if g := gainsOf(l); g != nil {
				g.WStd /= math.Sqrt(float64(len(blocks)))
			}
		})
	}
	s.Layers = out
	return nil
}

// blockLength returns how many layers a block at the start of ls has: norms, an
// activation, a weight; 0 if there is none.
func blockLength(ls []Layer) int {
	n := 0
	for n < len(ls) && isNorm(ls[n]) {
		n++
	}
	if n+1 < len(ls) && isActivation(ls[n]) && isWeight(ls[n+1]) {
		return n + 2
	}
	return 0
}

// gainsOf returns the gains of a layer, nil if it has none.
func gainsOf(l Layer) *gains {
	switch l := l.(type) {
	case *dense:
		return &l.gains
	case *conv:
		return &l.gains
	}
	return nil
}

// onlyActivation returns the activation that the network has, if it is one.
func onlyActivation(s *Spec) (fn string, count int, err error) {
	each(s.Layers, func(l Layer) {
		switch {
		case !isActivation(l):
		case fn == "" || fn == l.Op():
			fn = l.Op()
			count++
		default:
			err = fmt.Errorf("it has several activations, %s and %s", fn, l.Op())
		}
	})
	if fn == "" {
		err = errors.New("it has no activation")
	} else if _, known := shapables[fn]; !known && err == nil {
		err = fmt.Errorf("nothing is known of its activation %s; known are %s", fn, join(sortedKeys(shapables)))
	}
	return fn, count, err
}

// setGains sets those of all weights.
func setGains(s *Spec, w float64, b func(old *float64) *float64) error {
	n := 0
	each(s.Layers, func(l Layer) {
		if g := gainsOf(l); g != nil {
			g.WStd, g.BStd = w, b(g.BStd)
			n++
		}
	})
	if n == 0 {
		return errors.New("it has no dense or conv layer")
	}
	return nil
}

// edgeRemedy takes the edge of chaos at the network's own σ_b, or without biases
// where there is none, as for ReLU.
func edgeRemedy(s *Spec) error {
	fn, _, err := onlyActivation(s)
	if err != nil {
		return err
	}
	bias := 0.0
	each(s.Layers, func(l Layer) {
		if g := gainsOf(l); g != nil && g.BStd != nil {
			bias = max(bias, *g.BStd)
		}
	})
	edge, _, err := dual.EdgeOfChaos(shapables[fn].dual(), bias*bias)
	if err != nil {
		if edge, _, err = dual.EdgeOfChaos(shapables[fn].dual(), 0); err != nil {
			return err
		}
	}
	b := math.Sqrt(edge.BiasVariance)
	return setGains(s, math.Sqrt(edge.WeightVariance), func(old *float64) *float64 {
		if old == nil || b == 0 {
			return nil
		}
		return &b
	})
}

// shapedRemedy puts a shaped activation for each of a plain chain.
func shapedRemedy(name string, shaped func(fn string, depth int) Layer) func(s *Spec) error {
	return func(s *Spec) error {
		fn, depth, err := onlyActivation(s)
		if err != nil {
			return err
		}
		for _, l := range s.Layers {
			switch {
			case isNorm(l):
				return fmt.Errorf("%s is for networks without norms", name)
			case reflect.TypeOf(l) == reflect.TypeFor[*residual](), reflect.TypeOf(l) == reflect.TypeFor[*concat](), reflect.TypeOf(l) == reflect.TypeFor[*prod]():
				return fmt.Errorf("%s is for plain chains; it has branches (%s)", name, l.Op())
			}
		}
		for i, l := range s.Layers {
			if isActivation(l) {
				s.Layers[i] = shaped(fn, depth)
			}
		}
		return setGains(s, 1, func(*float64) *float64 { return nil })
	}
}
