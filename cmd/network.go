package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/models"
)

var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// checkModels refuses networks that --model could not call.
func (a *app) checkModels() error {
	seen := map[string]bool{}
	for _, e := range models.List() {
		seen[e.Name] = true
	}
	for i, m := range a.models {
		switch {
		case !modelName.MatchString(m.Name) || isSpecPath(m.Name):
			return usagef("network %d that this program brings along is called %q; want letters, digits, '-', '_' and '.'", i, m.Name)
		case m.New == nil:
			return usagef("network %s that this program brings along has no New", m.Name)
		case seen[m.Name]:
			return usagef("network %s that this program brings along has the name of another; rename it", m.Name)
		}
		seen[m.Name] = true
	}
	return nil
}

// isSpecPath tells the path of a spec or an ONNX file from the name of a network.
func isSpecPath(model string) bool {
	return strings.EqualFold(filepath.Ext(model), ".json") || isONNX(model) || strings.ContainsRune(model, os.PathSeparator)
}

// networkOn returns the network that the flags choose, and the data as it reads
// them.
func (a *app) networkOn(n *networkFlags, d *dataFlags, set *data.Set) (diagnose.Source, *data.Set, error) {
	if isONNX(n.model) {
		return a.onnxSource(n, d, set)
	}
	source, err := a.source(n, set)
	return source, set, err
}

// source returns the network that the flags choose, for the data's inputs. What
// it returns builds the network again for every depth.
func (a *app) source(n *networkFlags, set *data.Set) (diagnose.Source, error) {
	if n.model == "" {
		return diagnose.Source{}, usagef("--model is missing; \"%s models list\" names the networks, or give the path of a spec (.json) or an ONNX file (.onnx)", a.program)
	}
	if isSpecPath(n.model) {
		return a.specSource(n, set)
	}
	if i := slices.IndexFunc(a.models, func(m Model) bool { return m.Name == n.model }); i >= 0 {
		if len(n.given) > 0 {
			return diagnose.Source{}, usagef("network %s is this program's own and has no %s", n.model, n.given[0])
		}
		return diagnose.Source{Name: n.model, Build: a.models[i].New}, nil
	}
	return a.zooSource(n, set)
}

func (a *app) zooSource(n *networkFlags, set *data.Set) (diagnose.Source, error) {
	build, err := a.lookup(n.model)
	if err != nil {
		return diagnose.Source{}, err
	}
	if set.Layout == "nchw" && n.model != "mlp" {
		return diagnose.Source{}, usagef("network %s takes images as nhwc; --layout nchw is for networks of your own", n.model)
	}
	return ofSpec(n.model, func(depth int, input []int, outputs int) (*models.Spec, error) {
		s, err := build(n.config(depth, input, outputs))
		if err != nil {
			return nil, usageError{err}
		}
		return s, nil
	}), nil
}

// ofSpec is the source of networks that are data.
func ofSpec(name string, spec func(depth int, input []int, outputs int) (*models.Spec, error)) diagnose.Source {
	return diagnose.Source{Name: name, Spec: spec, Build: func(depth int, input []int, outputs int) (graph.Model, error) {
		s, err := spec(depth, input, outputs)
		if err != nil {
			return nil, err
		}
		return s.Model()
	}}
}

// lookup finds a network of the zoo. Names of the program's own networks count
// among the suggestions.
func (a *app) lookup(name string) (models.Builder, error) {
	var names []string
	for _, m := range a.models {
		names = append(names, m.Name)
	}
	for _, e := range models.List() {
		if e.Name == name {
			return e.Build, nil
		}
		names = append(names, e.Name)
	}
	return nil, usagef("no network %q%s; known are %s, or give the path of a spec (.json)", name, nearest(name, names), strings.Join(names, ", "))
}

// config returns the zoo's configuration.
func (n *networkFlags) config(depth int, input []int, outputs int) models.Config {
	if depth == 0 {
		depth = n.depth
	}
	return models.Config{
		Depth: depth, Width: n.width, Outputs: outputs, Activation: n.activation, WStd: n.wStd, BStd: n.bStd,
		Norm: n.norm, Parameterization: n.parameterization, Initializer: n.initializer, Heads: n.heads,
		Patch: n.patch, Vocabulary: n.vocabulary, Published: n.published, InputShape: input,
	}
}

func (a *app) specSource(n *networkFlags, set *data.Set) (diagnose.Source, error) {
	none := diagnose.Source{}
	if len(n.given) > 0 {
		return none, usagef("%s configures networks of the zoo; %s is a spec: change it there", n.given[0], n.model)
	}
	s, err := readSpec(n.model)
	if err != nil {
		return none, err
	}
	inputs, err := s.Inputs()
	if err != nil {
		return none, fmt.Errorf("%s: %w", n.model, err)
	}
	if len(inputs) != 1 {
		return none, fmt.Errorf("%s reads %d inputs (%s besides x); a data set gives one", n.model, len(inputs), inputs[1].Name)
	}
	if shape := set.Shape[1:]; !slices.Equal(shape, s.InputShape) {
		return none, fmt.Errorf("%s has input_shape %v, but the examples of %s are %v; change input_shape, or choose other data or another --layout", n.model, s.InputShape, set.Name, shape)
	}
	name := s.Name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(n.model), filepath.Ext(n.model))
	}
	return ofSpec(name, func(depth int, _ []int, _ int) (*models.Spec, error) {
		if depth != 0 {
			return nil, usagef("spec %s has a depth of its own; leave out --depth and --depths", n.model)
		}
		return s, nil
	}), nil
}

// readSpec reads and validates the spec in a file.
func readSpec(path string) (*models.Spec, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	defer func() { _ = f.Close() }()
	s, err := models.ParseSpec(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
