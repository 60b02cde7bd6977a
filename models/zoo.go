package models

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gontk/ntk/graph"
)

// Config configures a network of the zoo. The zero value of each field but
// InputShape means the network's default.
type Config struct {
	// Depth counts what the network repeats, as its Description says; 0 means
	// the network's own. Negative: none, where that leaves a network.
	Depth int `json:"depth,omitempty"`
	// Width is the number of hidden features or channels, of the first stage if
	// later ones have more; 0 means the network's own.
	Width int `json:"width,omitempty"`
	// Outputs is the number of outputs; 0 means 1.
	Outputs int `json:"outputs,omitempty"`
	// Activation names an op without required fields; empty means the network's
	// own, relu for most.
	Activation string `json:"activation,omitempty"`
	// WStd is the gain σ_w of all layers; 0 means that of [DefaultGain].
	WStd float64 `json:"w_std,omitempty"`
	// BStd is the gain σ_b of all biases; 0 means no biases.
	BStd float64 `json:"b_std,omitempty"`
	// Norm is "none", "layer" (over the channels of each position), "batch"
	// (the statistics of the batch: examples interact) or "running" (the same in
	// graphs that train, running averages in others), before each hidden
	// activation, without gain and shift; empty means the network's own, none
	// for most.
	Norm string `json:"norm,omitempty"`
	// Published gives the network the trained parameters of the published one:
	// biases where that has them and nowhere else, of gain BStd, which may be 0;
	// gains and shifts of norms; maximum pools where it has them.
	Published bool `json:"published,omitempty"`
	// Heads of attention; 0 means one for every 64 features, and a single one in
	// transformer-linear.
	Heads int `json:"heads,omitempty"`
	// Patch is the side of the squares that mixer-s and vit-tiny cut images into;
	// 0 means 16, or 4 for images with a side below 64.
	Patch int `json:"patch,omitempty"`
	// Vocabulary is for networks of sequences: how many words there are, if
	// inputs are their numbers, [steps]. 0: inputs are features [steps, c].
	Vocabulary int `json:"vocabulary,omitempty"`
	// Parameterization is as [ParseParam] knows it; empty means ntk.
	Parameterization string `json:"parameterization,omitempty"`
	// Initializer is that of [Spec].
	Initializer string `json:"initializer,omitempty"`
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
		{"shallow", "one hidden layer: dense, activation, dense; of every parameterization", recipe{depth: 1, width: 512, make: shallow}.build},
		{"cnn", "depth × (3×3 SAME convolution, activation), flatten, dense", recipe{width: 64, make: cnn(flattened)}.build},
		{"cnn-gap", "the same, with global average pooling before the last layer", recipe{width: 64, make: cnn(averaged)}.build},
		{"cnn-maxpool", "the same, with the maximum over all positions; it has no known infinite-width limit", recipe{width: 64, make: cnn(maximal)}.build},
		{"myrtle5", "Myrtle-5: 2, 1, 1 convolutions (or depth each) with average pools between, dense", recipe{depth: -1, width: 64, make: myrtle(2, 1, 1)}.build},
		{"myrtle7", "Myrtle-7: the same with 2, 2, 2", recipe{depth: -1, width: 64, make: myrtle(2, 2, 2)}.build},
		{"myrtle10", "Myrtle-10: the same with 3, 3, 3", recipe{depth: -1, width: 64, make: myrtle(3, 3, 3)}.build},
		{"vgg11", "VGG-11: five stages of 1, 1, 2, 2, 2 convolutions (or depth each), pools between, dense", recipe{depth: -1, width: 64, make: vgg(1, 1, 2, 2, 2)}.build},
		{"resnet-small", "convolution, depth × pre-activation residual blocks of two 3×3 convolutions, average pooling, dense", recipe{width: 64, make: resnet}.build},
		{"resnet18", "pre-activation ResNet-18 for 32×32 images, without norms; depth counts the blocks of each of its four stages", recipe{depth: 2, width: 64, make: residualStages{}.layers}.build},
		{"resnet18-ln", "the same with layer norm over channels", recipe{depth: 2, width: 64, norm: "layer", make: residualStages{}.layers}.build},
		{"resnet18-bn", "the same with batch norm by the statistics of the batch; its examples interact", recipe{depth: 2, width: 64, norm: "batch", make: residualStages{}.layers}.build},
		{"resnet34", "pre-activation ResNet-34 for 32×32 images: 3, 4, 6, 3 blocks (or depth each)", recipe{depth: -1, width: 64, make: residualStages{blocks: []int{3, 4, 6, 3}}.layers}.build},
		{"resnet50", "pre-activation ResNet-50 for 32×32 images: 3, 4, 6, 3 bottleneck blocks (or depth each)", recipe{depth: -1, width: 64, make: residualStages{blocks: []int{3, 4, 6, 3}, bottleneck: true}.layers}.build},
		{"wide-resnet", "WideResNet-d-k with depth (d−4)/6 blocks in each of three stages and width 16·k; by default 28-10", recipe{depth: 4, width: 160, make: wideResnet}.build},
		{"densenet", "DenseNet-BC with three blocks of depth layers, width the growth rate, compression ½; by default 100 layers, growth 12", recipe{depth: 16, width: 12, make: densenet}.build},
		{"mixer-s", "MLP-Mixer of depth layers; by default S: 8 layers of 512 channels; no known infinite-width limit", recipe{depth: 8, width: 512, activation: "gelu", norm: "layer", make: mixer}.build},
		{"vit-tiny", "vision transformer of depth pre-norm layers with a class token; by default tiny: 12 layers of 192 channels", recipe{depth: 12, width: 192, activation: "gelu", norm: "layer", make: visionTransformer}.build},
		{"transformer", "encoder for sequences of depth pre-norm layers with 1/√d attention, average pooling, dense", recipe{depth: 6, width: 512, norm: "layer", make: encoder(false)}.build},
		{"transformer-linear", "the same with 1/d attention (linear scaling) of one head, which has an infinite-width limit; keys are queries", recipe{depth: 6, width: 512, norm: "layer", make: encoder(true)}.build},
		{"rnn", "depth recurrent layers with tied weights over the steps of a sequence, the last state, dense", recipe{depth: 1, width: 128, activation: "tanh", make: recurrent(false)}.build},
		{"gru", "the same with gated recurrent units", recipe{depth: 1, width: 128, activation: "tanh", make: recurrent(true)}.build},
		{"deepsets", "depth × (dense, activation) for every member of a set, average, depth × (dense, activation), dense", recipe{depth: 2, width: 256, make: deepSets}.build},
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
	depth      int    // the default; 0 means 3, -1 that Depth stays 0
	width      int    // the default
	activation string // the default; empty means relu
	norm       string // the default; empty means none
	make       func(c Config) ([]Layer, error)
}

func (r recipe) build(c Config) (*Spec, error) {
	fail := func(err error) (*Spec, error) { return nil, fmt.Errorf("models: %w", err) }
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Depth, max(0, cmp.Or(r.depth, 3)))
	def(&c.Width, r.width)
	def(&c.Outputs, 1)
	if r.depth >= 0 {
		c.Depth = max(c.Depth, 0)
	}
	if c.Depth > maxDepth {
		return fail(fmt.Errorf("depth is %d, more than %d", c.Depth, maxDepth))
	}
	c.Activation = cmp.Or(c.Activation, r.activation, "relu")
	c.Norm = cmp.Or(c.Norm, r.norm, "none")
	if err := positive("width", c.Width); err != nil { // networks compute with it
		return fail(err)
	}
	if c.Heads < 0 || c.Patch < 0 || c.Vocabulary < 0 {
		return fail(fmt.Errorf("heads, patch and vocabulary are %d, %d and %d; they must not be negative", c.Heads, c.Patch, c.Vocabulary))
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
	if known := []string{"none", "layer", "batch", "running"}; !slices.Contains(known, c.Norm) {
		return fail(fmt.Errorf("unknown norm %q%s; known are %s", c.Norm, didYouMean(c.Norm, known), join(known)))
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
	s := &Spec{Layers: ls, Parameterization: param, Initializer: graph.Family(c.Initializer), InputShape: slices.Clone(c.InputShape)}
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
