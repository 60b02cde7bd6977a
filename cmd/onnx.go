package cmd

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/models/onnx"
)

// onnxFlags are those that only networks in ONNX files understand.
type onnxFlags struct {
	output string
	reinit bool
}

func (o *onnxFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.output, "onnx-output", "", "tensor of the ONNX file that is the output (default: the file's output)")
	f.BoolVar(&o.reinit, "reinit", false, "draw the weights of the ONNX file anew from --seed (default: as trained)")
}

func (o *onnxFlags) check(c *cobra.Command, model string) error {
	for _, name := range []string{"onnx-output", "reinit"} {
		if c.Flags().Changed(name) && !isONNX(model) {
			return usagef("--%s is for networks in ONNX files (.onnx)", name)
		}
	}
	return nil
}

func isONNX(model string) bool { return strings.EqualFold(filepath.Ext(model), ".onnx") }

// onnxSource returns the network in an ONNX file, and the data as it reads them.
func (a *app) onnxSource(n *networkFlags, d *dataFlags, set *data.Set) (diagnose.Source, *data.Set, error) {
	none := diagnose.Source{}
	if len(n.given) > 0 {
		return none, nil, usagef("%s configures networks of the zoo; %s is an ONNX file", n.given[0], n.model)
	}
	m, err := onnx.Load(n.model, onnx.Options{Output: n.onnx.output, Reinit: n.onnx.reinit})
	if err != nil {
		return none, nil, err
	}
	if in := m.Inputs(); len(in) != 1 {
		return none, nil, fmt.Errorf("%s has %d inputs (%s besides %s); a data set gives one", n.model, len(in), in[1].Name, in[0].Name)
	}
	if set, err = a.arranged(m, n.model, d, set); err != nil {
		return none, nil, err
	}
	name := strings.TrimSuffix(filepath.Base(n.model), filepath.Ext(n.model))
	return diagnose.Source{Name: name, Build: func(depth int, _ []int, _ int) (graph.Model, error) {
		if depth != 0 {
			return nil, usagef("ONNX file %s has a depth of its own; leave out --depth and --depths", n.model)
		}
		return m.Model(), nil
	}}, set, nil
}

// arranged gives examples the shape that an ONNX file reads: images in the order
// of axes that the file has, or flattened, channels first as in PyTorch, where it
// reads vectors. It says so.
func (a *app) arranged(m *onnx.Model, path string, d *dataFlags, set *data.Set) (*data.Set, error) {
	want := m.Inputs()[0].Shape
	from, shape := set.Layout, set.Shape[1:]
	layout := m.Layout()
	if layout == "" && len(want) == 3 && fitsShape(want, shape) && from != "" {
		layout = from // the file does not say, and the data fit as they are
	}
	if layout == "" {
		layout = "nchw"
	}
	image := from != "" && (len(want) == 3 || len(want) == 1)
	if image && d.layout != "" && d.layout != layout {
		return nil, usagef("--layout %s: %s reads images as %s; leave out --layout", d.layout, path, layout)
	}
	if image {
		var err error
		if set, err = set.WithLayout(layout); err != nil {
			return nil, err
		}
		if from != layout && len(want) == 3 {
			a.notice(fmt.Sprintf("%s reads images as %s: axes of the data transposed from %s, examples are %v", path, layout, from, set.Shape[1:]))
		}
	}
	if image && len(want) == 1 {
		flat := *set
		flat.Shape, flat.Layout = []int{set.Len(), len(set.X) / max(1, set.Len())}, ""
		a.notice(fmt.Sprintf("%s reads vectors: examples of shape %v (%s) flattened to %v", path, set.Shape[1:], layout, flat.Shape[1:]))
		flat.Note = strings.TrimPrefix(set.Note+fmt.Sprintf("; flattened from %v (%s)", set.Shape[1:], layout), "; ")
		set = &flat
	}
	if want != nil && !fitsShape(want, set.Shape[1:]) {
		return nil, fmt.Errorf("%s reads examples of shape %s, but those of %s are %v; choose other data", path, openShape(want), set.Name, set.Shape[1:])
	}
	return set, nil
}

// fitsShape compares a shape with one that has open sizes.
func fitsShape(want, got []int) bool {
	return slices.EqualFunc(want, got, func(w, g int) bool { return w < 0 || w == g })
}

// openShape writes a shape with "any" for open sizes.
func openShape(s []int) string { return strings.ReplaceAll(fmt.Sprint(s), "-1", "any") }
