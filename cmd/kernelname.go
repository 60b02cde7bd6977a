package cmd

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

// kernelKind is how a kernel is computed.
type kernelKind int

const (
	featureKernel   kernelKind = iota // a formula of the examples
	empiricalKernel                   // Θ of a network, the mean over draws
	limitKernel                       // K or Θ of an infinitely wide network
	fileKernel                        // a Gram matrix in a file
)

// featureKernels are the formulas, of examples x of d features.
var featureKernels = []string{"linear", "gaussian", "laplace", "polynomial"}

// A kernelName is what --kernel says: the one reading of it.
type kernelName struct {
	kind kernelKind
	// of is the formula, the network or the file.
	of string
	// limit says which kernel of a limit.
	limit limits.Kernel
}

const kernelUsage = `kernel: linear, gaussian, laplace or polynomial; a network of "models list", a spec (.json) or an ONNX file (.onnx) for the mean of its Θ over --draws; limit:NETWORK or nngp:NETWORK for Θ or K of the infinitely wide one; or a Gram matrix (.npy)`

// parseKernel reads --kernel. A network that is none is refused with what is near.
func (a *app) parseKernel(text string) (kernelName, error) {
	switch {
	case text == "":
		return kernelName{}, usagef("--kernel is missing; want %s, a network of \"%s models list\", or a file (.json, .onnx, .npy)", strings.Join(featureKernels, ", "), a.program)
	case slices.Contains(featureKernels, text):
		return kernelName{kind: featureKernel, of: text}, nil
	case strings.EqualFold(filepath.Ext(text), ".npy"):
		return kernelName{kind: fileKernel, of: text}, nil
	case strings.HasPrefix(text, "limit:"):
		return a.parseLimit(strings.TrimPrefix(text, "limit:"), limits.NTK)
	case strings.HasPrefix(text, "nngp:"):
		return a.parseLimit(strings.TrimPrefix(text, "nngp:"), limits.NNGP)
	case isSpecPath(text) || a.isOwn(text):
		return kernelName{kind: empiricalKernel, of: text}, nil
	}
	names := slices.Clone(featureKernels)
	for _, m := range a.models {
		names = append(names, m.Name)
	}
	for _, e := range models.List() {
		if e.Name == text {
			return kernelName{kind: empiricalKernel, of: text}, nil
		}
		names = append(names, e.Name)
	}
	return kernelName{}, usagef("no kernel %q%s; known are %s, or give a spec (.json), an ONNX file (.onnx) or a Gram matrix (.npy)", text, nearest(text, names), strings.Join(names, ", "))
}

// parseLimit reads what follows limit: or nngp:.
func (a *app) parseLimit(network string, which limits.Kernel) (kernelName, error) {
	k := kernelName{limitKernel, network, which}
	switch {
	case network == "" || isONNX(network):
		return k, usagef("--kernel %q: limits are of a network of \"%s models list\" or of a spec (.json)", network, a.program)
	case isSpecPath(network) || a.isOwn(network):
		return k, nil
	}
	_, err := a.lookup(network)
	return k, err
}

// parameters says which flags of a grid a kernel has.
func (k kernelName) parameters() []string {
	switch {
	case k.kind == empiricalKernel || k.kind == limitKernel:
		return []string{"depths"}
	case k.kind == featureKernel && k.of == "polynomial":
		return []string{"gamma", "degree", "shift"}
	case k.kind == featureKernel && k.of != "linear":
		return []string{"gamma"}
	}
	return nil
}
