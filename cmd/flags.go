package cmd

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/spf13/cobra"

	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/models"
)

// networkFlags choose a network.
type networkFlags struct {
	model, activation, parameterization, norm, initializer string
	depth, width, heads, patch, vocabulary                 int
	wStd, bStd                                             float64
	published                                              bool
	onnx                                                   onnxFlags
	// given lists the flags that only networks of the zoo understand.
	given []string
}

// zooFlags are those that configure a network of the zoo only.
var zooFlags = []string{
	"width", "activation", "parameterization", "norm", "w-std", "b-std", "initializer", "heads", "patch", "vocabulary", "published",
}

func (n *networkFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&n.model, "model", "m", "", `network: one of "models list", or the path of a spec (.json) or an ONNX file (.onnx)`)
	f.IntVar(&n.depth, "depth", 0, "depth (default: the network's own)")
	n.registerZoo(c)
	n.onnx.register(c)
}

func (n *networkFlags) registerZoo(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&n.width, "width", 0, "hidden features or channels (default: the network's own)")
	f.StringVar(&n.activation, "activation", "", "activation (default: the network's own)")
	f.StringVar(&n.parameterization, "parameterization", "", "ntk, standard, mean-field or mup (default: ntk)")
	f.StringVar(&n.norm, "norm", "", "normalization before activations: none, layer, batch or running (default: the network's own)")
	f.Float64Var(&n.wStd, "w-std", 0, "gain σ_w of the weights (default: the one that keeps the signal's size)")
	f.Float64Var(&n.bStd, "b-std", 0, "gain σ_b of the biases (default: no biases)")
	f.StringVar(&n.initializer, "initializer", "", "family that weights are drawn from: normal, uniform, orthogonal or delta-orthogonal (default: normal)")
	f.IntVar(&n.heads, "heads", 0, "heads of attention (default: one for every 64 features)")
	f.IntVar(&n.patch, "patch", 0, "side of the squares that vit-tiny and mixer-s cut images into (default: 4 below 64 pixels, else 16)")
	f.IntVar(&n.vocabulary, "vocabulary", 0, "for sequences of words' numbers: how many words there are (default: inputs are features)")
	f.BoolVar(&n.published, "published", false, "with the published network's trained biases, gains, shifts and pools")
}

// check validates what can be validated without data.
func (n *networkFlags) check(c *cobra.Command) error {
	n.given = nil
	for _, name := range zooFlags {
		if c.Flags().Changed(name) {
			n.given = append(n.given, "--"+name)
		}
	}
	for _, v := range []given{
		{"depth", float64(n.depth)},
		{"width", float64(n.width)},
		{"w-std", n.wStd},
		{"b-std", n.bStd},
		{"heads", float64(n.heads)},
		{"patch", float64(n.patch)},
		{"vocabulary", float64(n.vocabulary)},
	} {
		if err := v.notNegative(); err != nil {
			return err
		}
	}
	return oneOf("initializer", n.initializer, append([]string{""}, models.Initializers()...)...)
}

// A given is the number that a flag has.
type given struct {
	flag  string
	value float64
}

func (g given) notNegative() error {
	if g.value < 0 {
		return usagef("--%s %g: may not be negative", g.flag, g.value)
	}
	return nil
}

// dataFlags choose examples.
type dataFlags struct {
	data, examples, labels, layout, standardize string
	shuffle                                     uint64
}

func (d *dataFlags) register(c *cobra.Command) {
	d.registerChoice(c)
	c.Flags().StringVarP(&d.data, "data", "d", "digits", `data set: one of "data list", or the path of a file`)
}

// registerChoice registers the flags beside the data set's name.
func (d *dataFlags) registerChoice(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&d.examples, "examples", "n", "64", "how many examples, the first ones, or \"all\"")
	f.Uint64Var(&d.shuffle, "shuffle", 0, "take them from the random order of this seed (default: the order of the file)")
	f.StringVar(&d.labels, "labels", "", "where the labels are: a column, an array or a file, by format; none for no labels")
	f.StringVar(&d.layout, "layout", "", "order of an image's axes, nhwc or nchw (default: nhwc)")
	f.StringVar(&d.standardize, "standardize", "", "none, pixel, feature or unit (default: pixel for images, else none)")
}

// count returns the number of examples, 0 for all.
func (d *dataFlags) count() (int, error) {
	if d.examples == "all" {
		return 0, nil
	}
	n, err := strconv.Atoi(d.examples)
	if err != nil || n < 1 {
		return 0, usagef("--examples %q: want a number of at least 1, or all", d.examples)
	}
	return n, nil
}

// check validates the values that name one of several ways.
func (d *dataFlags) check() error {
	if err := oneOf("layout", d.layout, "", "nhwc", "nchw"); err != nil {
		return err
	}
	if err := oneOf("standardize", d.standardize, "", "none", "pixel", "feature", "unit"); err != nil {
		return err
	}
	_, err := d.count()
	return err
}

// computeFlags say where and how to compute.
type computeFlags struct {
	backend, plugin, memory, dtype string
}

func (m *computeFlags) register(c *cobra.Command) {
	m.registerBackend(c)
	m.registerDType(c)
}

func (m *computeFlags) registerDType(c *cobra.Command) {
	c.Flags().StringVar(&m.dtype, "dtype", "float32", "arithmetic: float32 or float64")
}

func (m *computeFlags) registerDevice(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&m.backend, "backend", native.Auto, "auto, xla, go or cuda")
	f.StringVar(&m.plugin, "plugin", "", "file of the PJRT plugin (default: found as \"doctor\" says)")
}

func (m *computeFlags) registerBackend(c *cobra.Command) {
	m.registerDevice(c)
	c.Flags().StringVar(&m.memory, "memory", "", "memory budget, such as 4GiB (default: half of what is allowed)")
}

func (m *computeFlags) check() error {
	if err := oneOf("backend", m.backend, native.Auto, native.XLA, native.Go, native.CUDA); err != nil {
		return err
	}
	if m.dtype != "" { // doctor has no such flag
		if err := oneOf("dtype", m.dtype, "float32", "float64"); err != nil {
			return err
		}
	}
	_, err := m.budget()
	return err
}

// budget returns the memory budget.
func (m *computeFlags) budget() (machine.Budget, error) {
	if m.memory == "" {
		return machine.DefaultBudget(), nil
	}
	n, err := machine.ParseBytes(m.memory)
	if err != nil {
		return machine.Budget{}, usagef("--memory %q: %w", m.memory, err)
	}
	if n < 1 {
		return machine.Budget{}, usagef("--memory %q: want at least one byte", m.memory)
	}
	return machine.Budget{Bytes: n, Source: "--memory"}, nil
}

func (m *computeFlags) arithmetic() dtypes.DType {
	if m.dtype == "float64" {
		return dtypes.Float64
	}
	return dtypes.Float32
}

// oneOf refuses a flag's value that is none of those known; "" stands for the
// default.
func oneOf(flag, value string, known ...string) error {
	var names []string
	for _, k := range known {
		if value == k {
			return nil
		}
		if k != "" {
			names = append(names, k)
		}
	}
	return usagef("--%s %q%s: want %s", flag, value, nearest(value, names), alternatives(names))
}

// alternatives writes "a, b or c".
func alternatives(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return fmt.Sprintf("%s or %s", strings.Join(names[:last], ", "), names[last])
}

// list writes numbers as a flag has them.
func list(n []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(n), " ", ","), "[]") }
