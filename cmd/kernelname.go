package cmd

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/gontk/ntk/models"
)

// kernelKind is how a kernel is computed.
type kernelKind int

const (
	featureKernel   kernelKind = iota // a formula of the examples
	empiricalKernel                   // Θ of a network, the mean over draws
	fileKernel                        // a Gram matrix in a file
)

// featureKernels are the formulas, of examples x of d features.
var featureKernels = []string{"linear", "gaussian", "laplace", "polynomial"}

// A kernelName is what --kernel says: the one reading of it.
type kernelName struct {
	kind kernelKind
	// of is the formula, the network or the file.
	of string
}

const kernelUsage = `kernel: linear, gaussian, laplace or polynomial; a network of "models list", a spec (.json) or an ONNX file (.onnx) for the mean of its Θ over --draws; or a Gram matrix (.npy)`

// parseKernel reads --kernel. A network that is none is refused with what is near.
func (a *app) parseKernel(text string) (kernelName, error) {
	switch {
	case text == "":
		return kernelName{}, usagef("--kernel is missing; want %s, a network of \"%s models list\", or a file (.json, .onnx, .npy)", strings.Join(featureKernels, ", "), a.program)
	case slices.Contains(featureKernels, text):
		return kernelName{featureKernel, text}, nil
	case strings.EqualFold(filepath.Ext(text), ".npy"):
		return kernelName{fileKernel, text}, nil
	case isSpecPath(text) || a.isOwn(text):
		return kernelName{empiricalKernel, text}, nil
	}
	names := slices.Clone(featureKernels)
	for _, m := range a.models {
		names = append(names, m.Name)
	}
	for _, e := range models.List() {
		if e.Name == text {
			return kernelName{empiricalKernel, text}, nil
		}
		names = append(names, e.Name)
	}
	return kernelName{}, usagef("no kernel %q%s; known are %s, or give a spec (.json), an ONNX file (.onnx) or a Gram matrix (.npy)", text, nearest(text, names), strings.Join(names, ", "))
}

// parameters says which flags of a grid a kernel has.
func (k kernelName) parameters() []string {
	switch {
	case k.kind == empiricalKernel:
		return []string{"depths"}
	case k.kind == featureKernel && k.of == "polynomial":
		return []string{"gamma", "degree", "shift"}
	case k.kind == featureKernel && k.of != "linear":
		return []string{"gamma"}
	}
	return nil
}
