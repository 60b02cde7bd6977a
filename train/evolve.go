package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/predict"
)

// A Result is the evolution of a network and its kernel. Its JSON form is stable.
type Result struct {
	Optimizer string  `json:"optimizer"`
	Rate      float64 `json:"rate"`
	Momentum  float64 `json:"momentum"`
	Loss      string  `json:"loss"`

	Examples int `json:"examples"`
	Tests    int `json:"test_examples"`
	Outputs  int `json:"outputs"`
	Batch    int `json:"batch"`
	Steps    int `json:"steps"`
	// Taken counts the steps so far.
	Taken      int `json:"steps_taken"`
	Parameters int `json:"parameters"`

	// Probe counts the examples that Θ is measured on, Reduction is mean or full.
	Probe     int    `json:"probe"`
	Reduction string `json:"reduction"`
	// Method is how the kernel at the start predicts; empty if it does not.
	Method string `json:"prediction,omitempty"`
	// Notes say what is missing, and why.
	Notes  []string `json:"notes,omitempty"`
	Points []Point  `json:"points"`

	Elapsed time.Duration `json:"elapsed_ns"`
}

const (
	networkName, linearName = "network", "linearized"
	checkpointFile          = "checkpoint.npz"
)

// Files are the patterns of the files that Evolve leaves in Config.Folder.
var Files = []string{checkpointFile, predictionFile}

// Evolve trains a network, and measures at the steps of Config.At what has become
// of its kernel, of the network linearized at the start and trained by the same
// steps, and of what the kernel at the start predicts.
//
// A run in a Folder leaves a checkpoint there: one that was killed goes on with
// Resume, and ends with the same weights and points to the bit.
//
// When ctx ends, or training diverges ([ErrDiverged]), it returns what is finished
// beside the cause.
func Evolve(ctx context.Context, c Config) (*Result, error) {
	e := &evolution{c: c, start: time.Now()}
	var err error
	if e.order, err = e.c.check(); err != nil {
		return nil, err
	}
	defer e.close()
	if err := e.begin(ctx); err != nil {
		return e.result(), err
	}
	err = e.run(ctx)
	if serr := e.leave(); err == nil {
		err = serr
	}
	return e.result(), err
}

// An evolution is a run of Evolve.
type evolution struct {
	c     Config
	order *Order
	start time.Time

	net, linear *Trainer
	foresight   *foresight
	precision   empirical.Precision // of the probe's Θ at the start
	theta0      []float64           // that Θ, and the last point's
	theta       []float64
	weights     []float64      // at the start
	pattern     *Pattern       // at the start
	outputs0    predict.Matrix // on training examples, at the start

	points []Point
	notes  []string
	saved  time.Time
}

func (e *evolution) close() {
	for _, t := range e.networks() {
		_ = t.Close()
	}
}

// networks are those that are trained.
func (e *evolution) networks() map[string]*Trainer {
	m := map[string]*Trainer{}
	if e.net != nil {
		m[networkName] = e.net
	}
	if e.linear != nil {
		m[linearName] = e.linear
	}
	return m
}

// begin makes the trainers, and looks at the network at the start.
func (e *evolution) begin(ctx context.Context) error {
	c := &e.c
	shapes := inputsOf(c.Train.X)
	opts := Options{Loss: c.Loss, Joint: c.Joint, Memory: c.Memory}
	if c.Linearize {
		l, err := Linearized(c.Network)
		if err != nil {
			return err
		}
		opts.Optimizer = c.Optimizer.New()
		if e.linear, err = New(c.Backend, l.Context, l.Model, opts, shapes...); err != nil {
			return err
		}
	}
	opts.Optimizer = c.Optimizer.New()
	var err error
	if e.net, err = New(c.Backend, c.Network.Context(), c.Model, opts, shapes...); err != nil {
		return err
	}
	for _, t := range e.networks() { // compiled, so that all variables are there
		if _, err := t.stepOf(e.order.Batch); err != nil {
			return err
		}
	}
	if e.weights, err = e.net.weights(); err != nil {
		return err
	}
	if e.outputs0, err = e.net.Outputs(ctx, c.Train.X); err != nil {
		return err
	}
	probe, err := e.probe()
	if err != nil {
		return err
	}
	if e.pattern, err = e.net.Pattern(ctx, probe); err != nil {
		return err
	}
	g, err := e.ntk(ctx, "kernel of the probe", probe, nil, c.Outputs)
	if err != nil {
		return err
	}
	e.theta0 = g.Values
	if e.precision, err = c.Network.Precision(ctx, probe, g, e.options()); err != nil {
		return err
	}
	if e.foresight, err = e.foresee(ctx); err != nil {
		return err
	}
	if e.foresight.Note != "" {
		e.notes = append(e.notes, "kernel's prediction: "+e.foresight.Note)
	}
	return e.resume()
}

// resume goes on with the checkpoint, if there is one to go on with.
func (e *evolution) resume() error {
	c := e.c
	if c.Folder == "" || !c.Resume {
		return nil
	}
	file := filepath.Join(c.Folder, checkpointFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	p, err := readCheckpoint(file, c.What, e.networks())
	if err != nil {
		return err
	}
	e.points = p.Points
	if len(e.points) == 0 {
		return nil
	}
	last := e.points[len(e.points)-1].Step
	if last == 0 || c.Kernel == nil {
		e.theta = e.theta0
		return nil
	}
	e.theta, err = c.Kernel(last)
	if err == nil && len(e.theta) != len(e.theta0) {
		err = fmt.Errorf("train: Θ of step %d has %d entries, want %d", last, len(e.theta), len(e.theta0))
	}
	return err
}

// run takes the steps.
func (e *evolution) run(ctx context.Context) error {
	c := e.c
	for {
		s := e.net.Steps()
		if slices.Contains(c.At, s) && !e.measured(s) {
			if err := e.measure(ctx, s); err != nil {
				return err
			}
			if err := e.save(); err != nil {
				return err
			}
		}
		if s >= c.Steps {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := e.step(context.WithoutCancel(ctx), s); err != nil {
			return err
		}
		e.report("training", s+1, c.Steps)
		if time.Since(e.saved) > c.Every {
			if err := e.save(); err != nil {
				return err
			}
		}
	}
}

func (e *evolution) measured(step int) bool {
	return slices.ContainsFunc(e.points, func(p Point) bool { return p.Step == step })
}

// step takes a step of every network, on the same examples.
func (e *evolution) step(ctx context.Context, s int) error {
	idx := e.order.At(s)
	x, err := e.c.Train.X.Rows(idx...)
	if err != nil {
		return err
	}
	y := e.c.Train.Y.Select(idx)
	if _, err := e.net.Step(ctx, x, y); err != nil {
		return err
	}
	if e.linear == nil {
		return nil
	}
	_, err = e.linear.Step(ctx, x, y)
	if errors.Is(err, ErrDiverged) { // the network need not
		note := "the linearized network diverges"
		if !slices.Contains(e.notes, note) {
			e.notes = append(e.notes, note)
		}
		return nil
	}
	return err
}

// save writes the checkpoint.
func (e *evolution) save() error {
	e.saved = time.Now()
	if e.c.Folder == "" {
		return nil
	}
	p := checkpoint{What: e.c.What, Step: e.net.Steps(), Points: e.points}
	return p.write(filepath.Join(e.c.Folder, checkpointFile), e.networks())
}

// leave saves where the run ends, and leaves the weights in the network's context.
func (e *evolution) leave() error {
	if err := e.save(); err != nil {
		return err
	}
	return e.sync()
}

// sync gives the Network the weights of the moment.
func (e *evolution) sync() error {
	if err := e.net.Sync(); err != nil {
		return err
	}
	return e.c.Network.Sync()
}

func (e *evolution) report(stage string, done, total int) {
	if e.c.Progress != nil {
		e.c.Progress(Progress{stage, done, total})
	}
}

func (e *evolution) options() empirical.Options {
	return empirical.Options{Joint: e.c.Joint, Memory: e.c.Memory, BLAS: e.c.BLAS}
}

// ntk returns Θ(x1, x2) at the weights that the Network has.
func (e *evolution) ntk(ctx context.Context, stage string, x1, x2 empirical.Batch, outputs empirical.Outputs) (*empirical.Gram, error) {
	opts := e.options()
	opts.Outputs = outputs
	opts.Progress = func(p empirical.Progress) { e.report(stage, p.Done, p.Total) }
	return e.c.Network.NTK(ctx, x1, x2, opts)
}

// probe returns the examples that Θ is measured on.
func (e *evolution) probe() (empirical.Batch, error) {
	return e.c.Train.X.Rows(upTo(0, e.c.Probe, e.c.Probe)...)
}

func (e *evolution) result() *Result {
	c := e.c
	r := &Result{
		Optimizer: c.Optimizer.Name, Rate: c.Optimizer.Rate, Momentum: c.Optimizer.Momentum, Loss: c.Loss.String(),
		Examples: c.Train.Len(), Tests: c.Test.Len(), Outputs: c.Train.Y.Cols, Batch: e.order.Batch,
		Steps: c.Steps, Parameters: c.Network.Parameters(), Probe: c.Probe, Reduction: c.Outputs.String(),
		Notes: e.notes, Points: e.points, Elapsed: time.Since(e.start),
	}
	if e.net != nil {
		r.Taken = e.net.Steps()
	}
	if e.foresight != nil && e.foresight.Points > 0 {
		r.Method = e.foresight.Method
	}
	return r
}

// outputsOf are what a network gives on training and test examples.
type outputsOf struct{ train, test predict.Matrix }

func (e *evolution) outputs(ctx context.Context, t *Trainer) (o outputsOf, err error) {
	if o.train, err = t.Outputs(ctx, e.c.Train.X); err != nil {
		return o, err
	}
	if e.c.Test.Len() > 0 {
		o.test, err = t.Outputs(ctx, e.c.Test.X)
	}
	return o, err
}
