package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
)

// A size says what is computed: Full Θ of n examples of a network.
type size struct{ n, outputs, width int }

// A sweep varies one number of a size, over at least a factor of 8.
type sweep struct {
	network  string // of the zoo
	depth    int
	input    []int
	variable string
	sizes    []size
}

// x returns what varies.
func (s sweep) x() []float64 {
	var x []float64
	for _, z := range s.sizes {
		x = append(x, float64(map[string]int{"N": z.n, "O": z.outputs, "width": z.width}[s.variable]))
	}
	return x
}

// sweeps are those of an MLP and of a CNN with average pooling, at sizes where
// the work outweighs what a call costs, and no plan changes its ways.
var sweeps = []sweep{
	{"mlp", 3, []int{784}, "N", []size{{32, 10, 512}, {64, 10, 512}, {128, 10, 512}, {256, 10, 512}, {512, 10, 512}}},
	{"mlp", 3, []int{784}, "O", []size{{32, 8, 512}, {32, 16, 512}, {32, 32, 512}, {32, 64, 512}, {32, 128, 512}}},
	{"mlp", 3, []int{784}, "width", []size{{64, 10, 256}, {64, 10, 512}, {64, 10, 1024}, {64, 10, 2048}}},
	{"cnn-gap", 3, []int{16, 16, 3}, "N", []size{{8, 10, 64}, {16, 10, 64}, {32, 10, 64}, {64, 10, 64}}},
	{"cnn-gap", 3, []int{16, 16, 3}, "O", []size{{8, 5, 64}, {8, 10, 64}, {8, 20, 64}, {8, 40, 64}}},
	{"cnn-gap", 3, []int{16, 16, 3}, "width", []size{{16, 10, 24}, {16, 10, 48}, {16, 10, 96}, {16, 10, 192}}},
}

// A point is what one size took, and what its plan says.
type point struct {
	cotangents, contraction float64 // seconds, the least of some runs
	flops, predicted        float64 // of cotangents; seconds of contracting
	ways                    string
}

var options = empirical.Options{Outputs: empirical.Full}

// measure runs each size of a sweep once to compile and then runs times.
func (s sweep) measure(ctx context.Context, backend backends.Backend, runs int) ([]point, error) {
	var points []point
	for _, z := range s.sizes {
		p, err := s.point(ctx, backend, z, runs)
		if err != nil {
			return nil, fmt.Errorf("%s of width %d, %d outputs, %d examples: %w", s.network, z.width, z.outputs, z.n, err)
		}
		points = append(points, p)
	}
	return points, nil
}

func (s sweep) point(ctx context.Context, backend backends.Backend, z size, runs int) (p point, err error) {
	net, err := s.build(backend, z)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	plan, err := net.Plan(z.n, 0, options)
	if err != nil {
		return p, err
	}
	p = predicted(plan)
	x, err := graph.Draw(graph.Gaussian(1), 0, "x", shapes.Make(dtypes.Float32, append([]int{z.n}, s.input...)...))
	if err != nil {
		return p, err
	}
	for i := range runs + 1 {
		g, err := net.NTK(ctx, empirical.Batch{x}, nil, options)
		if err != nil {
			return p, err
		}
		switch a, b := g.Jacobians.Seconds(), g.Contraction.Seconds(); i {
		case 0:
		case 1:
			p.cotangents, p.contraction = a, b
		default: // others' work only adds
			p.cotangents, p.contraction = min(p.cotangents, a), min(p.contraction, b)
		}
	}
	return p, nil
}

func (s sweep) build(backend backends.Backend, z size) (*empirical.Network, error) {
	all := models.List()
	i := slices.IndexFunc(all, func(e models.Entry) bool { return e.Name == s.network })
	if i < 0 {
		return nil, fmt.Errorf("no network %q in the zoo", s.network)
	}
	spec, err := all[i].Build(models.Config{Depth: s.depth, Width: z.width, Outputs: z.outputs, InputShape: s.input})
	if err != nil {
		return nil, err
	}
	model, err := spec.Model()
	if err != nil {
		return nil, err
	}
	return empirical.New(backend, mlctx.New(), model, shapes.Make(dtypes.Float32, s.input...))
}

// predicted reads a plan.
func predicted(plan *empirical.Plan) point {
	p := point{flops: plan.JacobianFLOPs}
	var ways []string
	for _, w := range plan.Weights {
		p.predicted += w.Contraction
		ways = append(ways, w.Way)
	}
	p.ways = strings.Join(ways, ",")
	return p
}

// column returns one number of every point.
func column(points []point, of func(point) float64) []float64 {
	var v []float64
	for _, p := range points {
		v = append(v, of(p))
	}
	return v
}

// lines writes the exponents of a sweep, one line for each part of the time.
func (s sweep) lines(points []point) string {
	x := s.x()
	ways := "ways " + points[0].ways
	for _, p := range points[1:] {
		if p.ways != points[0].ways {
			ways = "ways differ"
		}
	}
	line := func(part string, measured, plan func(point) float64) string {
		return fmt.Sprintf("%-8s %-5s %5g…%-5g %-11s measured %s  plan %s  %s\n",
			s.network, s.variable, x[0], x[len(x)-1], part, fit(x, column(points, measured)), fit(x, column(points, plan)), ways)
	}
	return line("cotangents", func(p point) float64 { return p.cotangents }, func(p point) float64 { return p.flops }) +
		line("contraction", func(p point) float64 { return p.contraction }, func(p point) float64 { return p.predicted })
}
