package models

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Config configures a network of the zoo. The zero value of each field but
// InputShape means the network's default.
type Config struct {
	// Depth counts the activations of mlp and cnn, the blocks of resnet-small,
	// and those of each stage of resnet18; 0 means 3, and 2 for resnet18.
	// Negative: none.
	Depth int `json:"depth,omitempty"`
	// Width is the number of hidden features or channels; 0 means 512 for mlp
	// and 64 for the others.
	Width int `json:"width,omitempty"`
	// Outputs is the number of outputs; 0 means 1.
	Outputs int `json:"outputs,omitempty"`
	// Activation names an op without required fields; empty means relu.
	Activation string `json:"activation,omitempty"`
	// WStd is the gain σ_w of all layers; 0 means that of [DefaultGain].
	WStd float64 `json:"w_std,omitempty"`
	// BStd is the gain σ_b of all biases; 0 means no biases.
	BStd float64 `json:"b_std,omitempty"`
	// Norm is "none", "layer" (over the channels of each position) or "batch"
	// (the statistics of the batch: examples interact), before each hidden
	// activation, without gain and shift; empty means none.
	Norm string `json:"norm,omitempty"`
	// Parameterization is as [ParseParam] knows it; empty means ntk.
	Parameterization string `json:"parameterization,omitempty"`
	// InputShape is the shape of one input, channels last.
	InputShape []int `json:"input_shape"`
}

// A Builder makes the architecture of a Config. It returns an error if the
// Config does not fit the network; the Spec is valid.
type Builder func(c Config) (*Spec, error)

// An Entry is a network of the zoo.
type Entry struct {
	Name        string
	Description string
	Build       Builder
}

// List returns the networks of the zoo, in the order to show them in.
func List() []Entry {
	return []Entry{
		{"mlp", "fully connected: depth × (dense, activation), dense; images are flattened first", recipe{width: 512, make: mlp}.build},
		{"cnn", "depth × (3×3 SAME convolution, activation), flatten, dense", recipe{width: 64, make: cnn(flattened)}.build},
		{"cnn-gap", "the same, with global average pooling before the last layer", recipe{width: 64, make: cnn(averaged)}.build},
		{"cnn-maxpool", "the same, with the maximum over all positions; it has no known infinite-width limit", recipe{width: 64, make: cnn(maximal)}.build},
		{"resnet-small", "convolution, depth × pre-activation residual blocks of two 3×3 convolutions, average pooling, dense", recipe{width: 64, make: resnet}.build},
		{"resnet18", "pre-activation ResNet-18 for 32×32 images, without norms; depth counts the blocks of each of its four stages", recipe{depth: 2, width: 64, make: resnet18("")}.build},
		{"resnet18-ln", "the same with layer norm over channels", recipe{depth: 2, width: 64, make: resnet18("layer")}.build},
		{"resnet18-bn", "the same with batch norm by the statistics of the batch; its examples interact", recipe{depth: 2, width: 64, make: resnet18("batch")}.build},
	}
}

// Lookup returns the builder of the network called name.
func Lookup(name string) (Builder, error) {
	var names []string
	for _, e := range List() {
		if e.Name == name {
			return e.Build, nil
		}
		names = append(names, e.Name)
	}
	return nil, fmt.Errorf("models: unknown model %q%s; known are %s", name, didYouMean(name, names), strings.Join(names, ", "))
}

// A recipe makes the layers of a Config whose defaults are filled in.
type recipe struct {
	depth int // the default; 0 means 3
	width int // the default
	make  func(c Config) ([]Layer, error)
}

func (r recipe) build(c Config) (*Spec, error) {
	fail := func(err error) (*Spec, error) { return nil, fmt.Errorf("models: %w", err) }
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Depth, cmp.Or(r.depth, 3))
	def(&c.Width, r.width)
	def(&c.Outputs, 1)
	c.Depth = max(c.Depth, 0)
	if c.Depth > maxDepth {
		return fail(fmt.Errorf("depth is %d, more than %d", c.Depth, maxDepth))
	}
	if c.Activation == "" {
		c.Activation = "relu"
	}
	if _, err := activation(c.Activation); err != nil {
		return fail(err)
	}
	if c.WStd == 0 {
		g, err := DefaultGain(c.Activation)
		if err != nil {
			return nil, err
		}
		c.WStd = g
	}
	switch c.Norm {
	case "", "none", "layer", "batch":
	default:
		return fail(fmt.Errorf("unknown norm %q%s; known are none, layer, batch", c.Norm, didYouMean(c.Norm, []string{"none", "layer", "batch"})))
	}
	if c.Parameterization == "" {
		c.Parameterization = NTK.Name
	}
	param, err := ParseParam(c.Parameterization)
	if err != nil {
		return fail(err)
	}
	ls, err := r.make(c)
	if err != nil {
		return fail(err)
	}
	s := &Spec{Layers: ls, Parameterization: param, InputShape: slices.Clone(c.InputShape)}
	if _, err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// maxDepth bounds what a Config may ask for.
const maxDepth = 10000

// activation creates the op called name, which must need no fields.
func activation(name string) (Layer, error) {
	plain := func(op string) (Layer, bool) {
		create, ok := ops[op]
		if !ok {
			return nil, false
		}
		l := create(op)
		_, ok = l.(interface{ isElementwise() })
		return l, ok && decodeObject([]byte("{}"), l, op, 0) == nil
	}
	if l, ok := plain(name); ok {
		return l, nil
	}
	var names []string
	for _, op := range sortedKeys(ops) {
		if _, ok := plain(op); ok {
			names = append(names, op)
		}
	}
	return nil, fmt.Errorf("unknown activation %q%s; known are %s", name, didYouMean(name, names), join(names))
}

// hidden appends the norm and the activation.
func (c Config) hidden(ls []Layer) []Layer {
	switch c.Norm {
	case "layer":
		ls = append(ls, &layerNorm{[]int{-1}, normFields{Eps: 1e-5}})
	case "batch":
		ls = append(ls, &batchNorm{normFields{Eps: 1e-5}})
	}
	act, err := activation(c.Activation)
	if err != nil { // build checked it
		panic(err)
	}
	return append(ls, act)
}

func (c Config) gains() gains {
	if c.BStd == 0 {
		return gains{c.WStd, nil}
	}
	return gains{c.WStd, &c.BStd}
}

func (c Config) dense(width int) Layer { return &dense{Width: width, gains: c.gains()} }

// conv3 is a convolution with filters of size 3 and SAME padding.
func (c Config) conv3() Layer {
	filter := slices.Repeat([]int{3}, max(0, len(c.InputShape)-1))
	return &conv{Convolution: Convolution{Width: c.Width, Filter: filter, Padding: Same}, gains: c.gains()}
}

func mlp(c Config) ([]Layer, error) {
	var ls []Layer
	if len(c.InputShape) > 1 {
		ls = append(ls, newWhole("flatten"))
	}
	for range c.Depth {
		ls = c.hidden(append(ls, c.dense(c.Width)))
	}
	return append(ls, c.dense(c.Outputs)), nil
}

// needImages refuses inputs without positions.
func needImages(c Config) error {
	if len(c.InputShape) < 2 {
		return fmt.Errorf("a convolutional network needs inputs with positions and channels, such as [32 32 3], not %v; use mlp", c.InputShape)
	}
	return nil
}

func flattened(Config) []Layer { return []Layer{newWhole("flatten")} }
func averaged(Config) []Layer  { return []Layer{newWhole("global_avg_pool")} }

// maximal takes the maximum over all positions: one window.
func maximal(c Config) []Layer {
	whole := c.InputShape[:len(c.InputShape)-1]
	return []Layer{&pool{op: "max_pool", Pooling: Pooling{Window: slices.Clone(whole), Padding: Valid}}, newWhole("flatten")}
}

func cnn(readout func(Config) []Layer) func(Config) ([]Layer, error) {
	return func(c Config) ([]Layer, error) {
		if err := needImages(c); err != nil {
			return nil, err
		}
		var ls []Layer
		for range c.Depth {
			ls = c.hidden(append(ls, c.conv3()))
		}
		return append(append(ls, readout(c)...), c.dense(c.Outputs)), nil
	}
}

func resnet(c Config) ([]Layer, error) {
	if err := needImages(c); err != nil {
		return nil, err
	}
	ls := []Layer{c.conv3()}
	for range c.Depth {
		var main []Layer
		for range 2 {
			main = append(c.hidden(main), c.conv3())
		}
		ls = append(ls, &residual{Main: main})
	}
	ls = c.hidden(ls)
	return append(append(ls, averaged(c)...), c.dense(c.Outputs)), nil
}
