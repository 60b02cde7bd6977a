package models

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// Limits on sizes, so that a wrong number is an error and not an allocation.
const (
	maxSize   = 1 << 30 // of an axis
	maxArray  = 1 << 40 // entries of an array, of one example or of a weight
	maxGain   = 1e6
	maxMatrix = 1 << 26 // entries of a constant that is built on the host
	maxTaps   = 4096    // of a local convolution's filter: each is an op
	maxDegree = 64
	maxNested = 16
)

// A check walks a Spec, computing shapes and naming weights.
type check struct {
	spec   *Spec
	owners map[string]owner
	placed map[Layer]place
	// outputs are the shapes behind each layer.
	outputs map[Layer][]int
	params  []ParamInfo
	inputs  []InputInfo
	output  []int

	next   int // number of the next layer with weights
	depth  int // of nested lists
	path   []string
	last   Layer // the network's last weight, where positions matter
	hidden int   // layers at position Hidden
	// weighted says whether the value at hand depends on weights.
	weighted bool
}

// An owner is a layer that has weights of its own.
type owner struct {
	layer  Layer
	path   string
	arrays []array
	at     Position
}

// A place is where a layer's weights are.
type place struct {
	scope string
	at    Position
}

// check validates s.
func (s *Spec) check() (*check, error) {
	c := &check{spec: s, owners: map[string]owner{}, placed: map[Layer]place{}, outputs: map[Layer][]int{}}
	if len(s.InputShape) == 0 {
		return nil, fmt.Errorf("models: %s: input_shape is empty; give the shape of one input without the batch axis, such as [12]", s.title())
	}
	if err := c.size("input_shape", s.InputShape); err != nil {
		return nil, fmt.Errorf("models: %s: %w", s.title(), err)
	}
	c.inputs = []InputInfo{{"x", slices.Clone(s.InputShape)}}
	param := s.Parameterization.orNTK()
	if err := param.check(); err != nil {
		return nil, fmt.Errorf("models: %s: %w", s.title(), err)
	}
	if err := checkFamily(s.Initializer); err != nil {
		return nil, fmt.Errorf("models: %s: %w", s.title(), err)
	}
	if param.byPosition() {
		if c.last = lastWeight(s.Layers); c.last == nil {
			return nil, fmt.Errorf("models: %s: parameterization %s needs the network's last weight in the outermost list of layers", s.title(), param)
		}
	}
	out, err := c.sequence("layer ", s.Layers, slices.Clone(s.InputShape))
	if err != nil {
		return nil, fmt.Errorf("models: %s: %w", s.title(), err)
	}
	c.output = out
	if param.byPosition() && param.MaxHidden >= 0 && c.hidden > param.MaxHidden {
		return nil, fmt.Errorf("models: %s: parameterization %s is for networks with %d weights between the first and the last, this one has %d; use mup", s.title(), param, param.MaxHidden, c.hidden)
	}
	return c, nil
}

// lastWeight returns the last layer that has weights, if no list is nested behind it.
func lastWeight(ls []Layer) Layer {
	for _, l := range slices.Backward(ls) {
		switch l.(type) {
		case *dense, *conv:
			return l
		case *residual, *concat, *prod:
			return nil
		}
	}
	return nil
}

// sequence returns the output shape of a list of layers. Errors name the layer
// by its position behind prefix.
func (c *check) sequence(prefix string, ls []Layer, in []int) ([]int, error) {
	if c.depth++; c.depth > maxNested {
		return nil, fmt.Errorf("%s: lists of layers nest more than %d deep", strings.Join(c.path, ""), maxNested)
	}
	defer func() { c.depth-- }()
	for i, l := range ls {
		c.path = append(c.path, fmt.Sprintf("%s%d", prefix, i))
		out, err := c.layer(l, in)
		if err != nil {
			return nil, err
		}
		c.path = c.path[:len(c.path)-1]
		in = out
	}
	return in, nil
}

func (c *check) layer(l Layer, in []int) ([]int, error) {
	at := strings.Join(c.path, "")
	if l == nil {
		return nil, fmt.Errorf("%s is nil", at)
	}
	wrap := func(err error) error {
		if _, ok := err.(*layerError); ok { // of a nested layer
			return err
		}
		return &layerError{fmt.Errorf("%s (%s): %w", at, l.Op(), err)}
	}
	out, err := l.shape(c, in)
	if err != nil {
		return nil, wrap(err)
	}
	if err := c.size("its output", out); err != nil {
		return nil, wrap(err)
	}
	if arrays := l.arrays(in); len(arrays) > 0 {
		if err := c.place(l, arrays, at); err != nil {
			return nil, wrap(err)
		}
		c.weighted = true
	} else if n := l.label(); n != nil && (n.Share != "" || len(n.Params) > 0) {
		return nil, wrap(fmt.Errorf("it has no weights, but names some"))
	}
	c.outputs[l] = out
	return out, nil
}

// A layerError already names its layer.
type layerError struct{ error }

func (e *layerError) Unwrap() error { return e.error }

// branches returns the output shapes of lists that all read the same input.
func (c *check) branches(in []int, titles []string, ls ...layerList) ([][]int, error) {
	if len(ls) == 0 {
		return nil, fmt.Errorf("branches is empty")
	}
	before, after := c.weighted, false
	outs := make([][]int, len(ls))
	for i, l := range ls {
		title := fmt.Sprintf("branch %d", i)
		if titles != nil {
			title = titles[i]
		}
		c.weighted = before
		out, err := c.sequence(", "+title+" layer ", l, in)
		if err != nil {
			return nil, err
		}
		outs[i], after = out, after || c.weighted
	}
	c.weighted = after
	return outs, nil
}

var scopeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// place names the weights of l.
func (c *check) place(l Layer, arrays []array, path string) error {
	for _, a := range arrays {
		if err := c.size("weight "+a.name, a.dims); err != nil {
			return err
		}
	}
	n := *l.label()
	name, err := n.fromParams(arrays)
	if err != nil {
		return err
	}
	if n.Share != "" {
		return c.share(l, n, name, arrays)
	}
	if name == "" {
		name = fmt.Sprintf("p%d", c.next)
	}
	c.next++
	if !scopeName.MatchString(name) {
		return fmt.Errorf("name is %q; it must be letters, digits, '_', '.' and '-'", name)
	}
	if o, taken := c.owners[name]; taken {
		return fmt.Errorf("name %q is that of %s already; to use the same weights, say \"share\": %q", name, o.path, name)
	}
	at, err := c.position(l)
	if err != nil {
		return err
	}
	c.owners[name] = owner{l, path, arrays, at}
	c.placed[l] = place{name, at}
	for _, a := range arrays {
		c.params = append(c.params, ParamInfo{name + "_" + a.name, "/" + name, a.name, slices.Clone(a.dims), a.frozen})
	}
	return nil
}

// fromParams returns the layer's name as its fields name and params say, empty
// if they do not.
func (n names) fromParams(arrays []array) (string, error) {
	name := n.Name
	var keys []string
	for _, a := range arrays {
		keys = append(keys, a.name)
		if len(n.Params) == 0 {
			continue
		}
		full, ok := n.Params[a.name]
		if !ok {
			return "", fmt.Errorf("params names no %s", a.name)
		}
		prefix, ok := strings.CutSuffix(full, "_"+a.name)
		if name == "" {
			name = prefix
		}
		if !ok || prefix != name {
			return "", fmt.Errorf("params.%s is %q, want %q", a.name, full, name+"_"+a.name)
		}
	}
	for _, k := range sortedKeys(n.Params) {
		if !slices.Contains(keys, k) {
			return "", fmt.Errorf("params names %q%s, which it does not have; it has %s", k, didYouMean(k, keys), join(keys))
		}
	}
	return name, nil
}

// share gives l the weights of the layer that it names.
func (c *check) share(l Layer, n names, name string, arrays []array) error {
	o, ok := c.owners[n.Share]
	if !ok {
		all := sortedKeys(c.owners)
		return fmt.Errorf("share names %q%s, which no earlier layer has; earlier are %s", n.Share, didYouMean(n.Share, all), join(all))
	}
	if name != "" && name != n.Share {
		return fmt.Errorf("it shares the weights of %q, but names its own %q", n.Share, name)
	}
	if o.layer.Op() != l.Op() {
		return fmt.Errorf("it shares the weights of %q, which is of op %s (%s)", n.Share, o.layer.Op(), o.path)
	}
	same := func(a, b array) bool { return a.name == b.name && a.gain == b.gain && slices.Equal(a.dims, b.dims) }
	if !slices.EqualFunc(arrays, o.arrays, same) {
		return fmt.Errorf("it shares the weights of %q, which are %s, but needs %s", n.Share, describe(o.arrays), describe(arrays))
	}
	c.placed[l] = place{n.Share, o.at}
	return nil
}

// describe prints shapes and gains: "W [12 32] of gain 1.5".
func describe(arrays []array) string {
	var parts []string
	for _, a := range arrays {
		parts = append(parts, fmt.Sprintf("%s %v of gain %v", a.name, a.dims, a.gain))
	}
	return join(parts)
}

// position returns where l stands for the parameterization.
func (c *check) position(l Layer) (Position, error) {
	param := c.spec.Parameterization.orNTK()
	if d, ok := l.(*dense); ok && d.S != nil && param != Standard {
		return Hidden, fmt.Errorf("s is for parameterization standard, this is %s", param)
	}
	if !param.byPosition() {
		return Hidden, nil
	}
	switch l.(type) {
	case *dense, *conv:
	default:
		return Hidden, fmt.Errorf("parameterization %s is for the weights of dense and conv; use ntk or standard", param)
	}
	switch {
	case l == c.last && !c.weighted:
		return Output, fmt.Errorf("parameterization %s needs a hidden layer before the last", param)
	case l == c.last:
		return Output, nil
	case !c.weighted:
		return Input, nil
	}
	c.hidden++
	return Hidden, nil
}

// size refuses shapes that are not positive, or too large.
func (c *check) size(what string, dims []int) error {
	total := 1.0
	for _, d := range dims {
		if d < 1 || d > maxSize {
			return fmt.Errorf("%s has shape %v; sizes must be from 1 to %d", what, dims, maxSize)
		}
		total *= float64(d)
	}
	if !(total <= maxArray) {
		return fmt.Errorf("%s has shape %v: %.3g entries, more than %.3g", what, dims, total, math.Pow(2, 40))
	}
	return nil
}

func positive(field string, v int) error {
	if v < 1 || v > maxSize {
		return fmt.Errorf("%s is %d; it must be from 1 to %d", field, v, maxSize)
	}
	return nil
}

// product multiplies sizes; beyond maxArray it stays at one more, so that it
// cannot overflow on its way to an error.
func product(dims []int) int {
	n := 1
	for _, d := range dims {
		if d > 0 && n > maxArray/d {
			return maxArray + 1
		}
		n *= d
	}
	return n
}
