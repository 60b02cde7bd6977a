package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models"
)

// translated are specs that take every op and field that peer.py translates, at
// sizes where a wrong one shows: strides with odd and even padding, a bias,
// filters that are not square, channels that differ.
var translated = map[string]string{
	"dense": `{"layers": [
		{"op": "dense", "width": 7, "w_std": 1.5, "b_std": 0.3}, {"op": "relu"},
		{"op": "dense", "width": 3, "w_std": 0.8, "b_std": null}],
		"parameterization": "ntk", "input_shape": [5]}`,
	"standard": `{"layers": [
		{"op": "dense", "width": 7, "w_std": 1.5, "b_std": 0.3}, {"op": "relu"},
		{"op": "dense", "width": 3, "w_std": 0.8, "b_std": null}],
		"parameterization": "standard", "input_shape": [5]}`,
	"conv": `{"layers": [
		{"op": "conv", "width": 4, "filter": [3, 3], "strides": [1, 1], "padding": "SAME", "w_std": 1.4, "b_std": 0.1},
		{"op": "relu"},
		{"op": "conv", "width": 3, "filter": [3, 2], "strides": [2, 1], "padding": "VALID", "w_std": 1.4, "b_std": null},
		{"op": "relu"}, {"op": "flatten"}, {"op": "dense", "width": 2, "w_std": 1, "b_std": 0}],
		"parameterization": "ntk", "input_shape": [6, 5, 2]}`,
	"norm": `{"layers": [
		{"op": "conv", "width": 4, "filter": [3, 3], "strides": [1, 1], "padding": "SAME", "w_std": 1.4, "b_std": 0.1},
		{"op": "layer_norm", "axis": [-1], "eps": 1e-3, "affine": false},
		{"op": "relu"}, {"op": "global_avg_pool"}, {"op": "dense", "width": 3, "w_std": 1, "b_std": 0}],
		"parameterization": "ntk", "input_shape": [6, 5, 2]}`,
	"residual": `{"layers": [
		{"op": "conv", "width": 3, "filter": [3, 3], "padding": "CIRCULAR", "w_std": 1, "b_std": null},
		{"op": "residual", "main": [
			{"op": "relu"},
			{"op": "conv", "width": 5, "filter": [3, 3], "strides": [2, 2], "padding": "SAME", "w_std": 1, "b_std": null},
			{"op": "relu"},
			{"op": "conv", "width": 5, "filter": [3, 3], "strides": [1, 1], "padding": "SAME", "w_std": 1, "b_std": null}],
		 "shortcut": [{"op": "conv", "width": 5, "filter": [3, 3], "strides": [2, 2], "padding": "SAME", "w_std": 1, "b_std": null}]},
		{"op": "residual", "main": [{"op": "relu"},
			{"op": "conv", "width": 5, "filter": [1, 1], "padding": "SAME", "w_std": 1, "b_std": null}], "shortcut": []},
		{"op": "relu"}, {"op": "global_avg_pool"}, {"op": "dense", "width": 2, "w_std": 1, "b_std": null}],
		"parameterization": "ntk", "input_shape": [6, 5, 2]}`,
}

// installed returns the Python of neural-tangents' environment, or skips.
func installed(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("importing jax and compiling takes half a minute")
	}
	dir, err := defaultVenv()
	if err != nil {
		t.Skip(err)
	}
	if err := venvReady(t.Context(), venvPython(dir)); err != nil {
		t.Skipf("neural-tangents is not installed (a run of the benchmark installs it): %v", err)
	}
	return venvPython(dir)
}

// The two sides share no code: GoMLX here, stax and jax there.
func TestPeerAgrees(t *testing.T) {
	python := installed(t)
	p := &peer{python: python}
	t.Cleanup(p.stop)
	ctx := t.Context() // of the process, which outlives a subtest
	for name, text := range translated {
		t.Run(name, func(t *testing.T) {
			const n = 3
			net, err := newNetwork(kerneltest.Backend(t).GoMLX, []byte(text), n, dtypes.Float64)
			if err != nil {
				t.Fatal(err)
			}
			defer net.net.Close()
			p.dir = t.TempDir()
			o := net.net.Outputs()
			load := func(outputs string) {
				t.Helper()
				if p.load, err = net.write(p.dir, outputs); err != nil {
					t.Fatal(err)
				}
				if p.w == nil { // one process serves all networks
					err = p.start(ctx)
				} else {
					_, err = p.w.ask(t.Context(), loadLimit, p.load)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			load("full")
			y, err := p.array(t.Context(), "forward", []int{n, o})
			if err != nil {
				t.Fatal(err)
			}
			// float64: sums of at most 40 terms, three layers deep.
			if d := relativeDifference(forward(t, net), y); !(d <= 1e-13) {
				t.Errorf("f(x): relative difference %.2g, want ≤ 1e-13", d)
			}
			for _, outputs := range []empirical.Outputs{empirical.Full, empirical.Trace, empirical.Diagonal} {
				b := benchmark{n: n, outputs: outputs}
				kept, shape, scale := b.peerOutputs(o)
				load(kept)
				g, err := net.net.NTK(t.Context(), empirical.Batch{net.x}, nil, b.options())
				if err != nil {
					t.Fatal(err)
				}
				for _, impl := range implementations {
					if name != "conv" && outputs != empirical.Full && impl != implementations[0] {
						continue // seconds each to compile
					}
					if _, err := p.run(t.Context(), impl, loadLimit); err != nil {
						t.Errorf("%s by %s: %v", outputs, impl, err)
						continue
					}
					theta, err := p.theta(t.Context(), shape)
					if err != nil {
						t.Fatal(err)
					}
					for i := range theta {
						theta[i] *= scale
					}
					// Θ sums a hundred products of such numbers more.
					if d := relativeDifference(g.Values, theta); !(d <= 1e-12) {
						t.Errorf("Θ %s by %s: relative difference %.2g, want ≤ 1e-12", outputs, impl, d)
					}
				}
			}
		})
	}
}

// forward returns f(x) by GoMLX alone.
func forward(t *testing.T, net *network) (y []float64) {
	t.Helper()
	spec := new(models.Spec)
	if err := spec.UnmarshalJSON(net.text); err != nil {
		t.Fatal(err)
	}
	model, err := spec.Model()
	if err != nil {
		t.Fatal(err)
	}
	f := func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return model(ctx, []*gx.Node{x})[0] }
	exec, err := mlctx.NewExec(kerneltest.Backend(t).GoMLX, net.net.Context().Reuse(), f)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Exec(net.x)
	if err != nil {
		t.Fatal(err)
	}
	return kerneltest.Floats(t, out[0])
}

// What the worker refuses, and that it goes on after an error and ends by force.
func TestPeerRefuses(t *testing.T) {
	python := installed(t)
	p := &peer{python: python, dir: t.TempDir()}
	net, err := newNetwork(kerneltest.Backend(t).GoMLX, []byte(translated["dense"]), 2, dtypes.Float64)
	if err != nil {
		t.Fatal(err)
	}
	defer net.net.Close()
	if p.load, err = net.write(p.dir, "full"); err != nil {
		t.Fatal(err)
	}
	if err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	bad := func(change func(*request)) request {
		q := p.load
		change(&q)
		return q
	}
	for name, q := range map[string]request{
		"an op without translation": bad(func(q *request) {
			q.Spec = []byte(`{"layers": [{"op": "erf"}], "parameterization": "ntk", "input_shape": [5]}`)
		}),
		"a field without translation": bad(func(q *request) {
			q.Spec = []byte(`{"layers": [{"op": "dense", "width": 3, "w_std": 1, "s": [1, 2]}], "parameterization": "ntk", "input_shape": [5]}`)
		}),
		"a norm with weights": bad(func(q *request) {
			q.Spec = []byte(`{"layers": [{"op": "layer_norm", "axis": [-1], "eps": 1, "affine": true}], "parameterization": "ntk", "input_shape": [5]}`)
		}),
		"outputs, unknown":            bad(func(q *request) { q.Outputs = "pseudo" }),
		"too few weights":             bad(func(q *request) { q.Params = q.Params[1:] }),
		"weights in another order":    bad(func(q *request) { q.Params = []string{q.Params[2], q.Params[1], q.Params[0]} }),
		"arrays of another dtype":     bad(func(q *request) { q.DType = "float32" }),
		"a parameterization, unknown": bad(func(q *request) { q.Spec = []byte(`{"layers": [], "parameterization": "mup"}`) }),
		"a command, unknown":          {Do: "dance"},
	} {
		_, err := p.w.ask(t.Context(), loadLimit, q)
		if said := (*peerError)(nil); !errors.As(err, &said) {
			t.Errorf("%s: error %v, want one of the peer", name, err)
		}
	}
	if _, err := p.w.ask(t.Context(), loadLimit, p.load); err != nil {
		t.Errorf("after errors: %v", err)
	}
	// The first run compiles for longer than this.
	if _, err := p.run(t.Context(), implementations[0], time.Millisecond); !errors.Is(err, errSlow) {
		t.Errorf("error %v, want %v", err, errSlow)
	}
	if err := p.drop(t.Context(), implementations[0], fmt.Errorf("first call: %w", errSlow)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.run(t.Context(), implementations[0], loadLimit); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}
