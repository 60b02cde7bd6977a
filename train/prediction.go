package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/predict"
)

const predictionFile = "prediction.npz"

// A foresight is what the kernel at the start predicts for every point: outputs
// on training and test examples, one after another.
type foresight struct {
	What tiles.Manifest `json:"what"`
	// Method says by which equation, Note why points are missing.
	Method string `json:"method"`
	Note   string `json:"note,omitempty"`
	// Points counts the first points for which there are outputs.
	Points int `json:"points"`

	train, test []predict.Matrix
}

// foresee predicts, or reads what an earlier run predicted.
func (e *evolution) foresee(ctx context.Context) (*foresight, error) {
	c := e.c
	if !c.Predict {
		return &foresight{}, nil
	}
	if !c.Optimizer.isDescent() {
		return &foresight{Note: fmt.Sprintf("a kernel says nothing of %s, which does not move weights along the gradient", c.Optimizer.Name)}, nil
	}
	file := filepath.Join(c.Folder, predictionFile)
	if c.Folder != "" && c.Resume {
		f, err := e.readForesight(file)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	f := &foresight{What: c.What}
	if err := e.predict(ctx, f); err != nil {
		return nil, err
	}
	if c.Folder == "" {
		return f, nil
	}
	return f, writeArchive(file, f, func(yield func(string, *tensors.Tensor) error) error {
		for i := range f.train {
			for name, m := range sorted(map[string]predict.Matrix{"train": f.train[i], "test": f.test[i]}) {
				if m.Rows == 0 {
					continue
				}
				if err := yield(fmt.Sprint(name, "-", c.At[i]), tensors.FromFlatDataAndDimensions(m.Data, m.Rows, m.Cols)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (e *evolution) readForesight(file string) (*foresight, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, err
	}
	f := &foresight{}
	a, err := openArchive(file, f)
	if err != nil {
		return nil, err
	}
	defer a.close()
	if err := agree(file, f.What, e.c.What); err != nil {
		return nil, err
	}
	if f.Points > len(e.c.At) {
		return nil, a.bad(fmt.Errorf("it has %d points", f.Points))
	}
	for _, s := range e.c.At[:f.Points] {
		for name, y := range map[string]predict.Matrix{"train": e.c.Train.Y, "test": e.c.Test.Y} {
			m := predict.Matrix{}
			if y.Rows > 0 {
				x, err := a.array(fmt.Sprint(name, "-", s), shapes.Make(dtypes.Float64, y.Rows, y.Cols))
				if err != nil {
					return nil, err
				}
				m = predict.NewMatrix(y.Rows, y.Cols)
				if m.Data, err = graph.Floats(x); err != nil {
					return nil, err
				}
			}
			if name == "train" {
				f.train = append(f.train, m)
			} else {
				f.test = append(f.test, m)
			}
		}
	}
	return f, nil
}

// predict fills in f.
func (e *evolution) predict(ctx context.Context, f *foresight) error {
	c := e.c
	n, o := c.Train.Y.Rows, c.Train.Y.Cols
	reduction, kernel, d := empirical.Mean, predict.PerOutput, n
	if n*o <= c.FullUpTo {
		reduction, kernel, d = empirical.Full, predict.Full, n*o
	}
	// Θ, its copy, eigenvectors and the solver's work; Θ of test examples.
	need := 8 * (5*int64(d)*int64(d) + int64(d)*int64(c.Test.Len())*int64(d/n))
	if b := e.net.opts.budget(); !b.Fits(need) {
		return b.Exceeded(fmt.Sprintf("the prediction of the kernel of all %d training examples", n), need, "leave it out, or take fewer examples")
	}
	theta, err := e.matrix(ctx, "kernel of all training examples", c.Train.X, nil, reduction)
	if err != nil {
		return err
	}
	f0 := e.outputs0
	size := c.Loss.sizeOfAll(n, e.order.Batch, o)
	var thetaTest, f0Test predict.Matrix
	if c.Test.Len() > 0 {
		if thetaTest, err = e.matrix(ctx, "kernel of test examples", c.Test.X, c.Train.X, reduction); err != nil {
			return err
		}
		if f0Test, err = e.net.Outputs(ctx, c.Test.X); err != nil {
			return err
		}
	}
	f.Method = fmt.Sprintf("%s kernel of all training examples at the start, ", reduction)
	if c.Loss.Kind == CrossEntropy {
		f.Method += "gradient flow"
		if err := e.flow(ctx, f, theta, thetaTest, f0, f0Test, kernel, size); err != nil {
			return err
		}
	} else {
		f.Method += "gradient descent step by step"
		if err := e.dynamics(ctx, f, theta, thetaTest, f0, f0Test, kernel, size); err != nil {
			return err
		}
	}
	if e.order.Batch < n {
		f.Method += ", on all examples in every step"
	}
	f.Points = len(f.train)
	return nil
}

// dynamics predicts training on squared loss, in closed form.
func (e *evolution) dynamics(ctx context.Context, f *foresight, theta, thetaTest, f0, f0Test predict.Matrix, kernel predict.Reduction, size float64) error {
	c := e.c
	d, err := predict.NewDynamics(ctx, c.BLAS, theta, f0, c.Train.Y, predict.DynamicsOptions{
		Kernel: kernel, Size: size, Error: e.precision.EigenvalueError(theta.Rows),
	})
	if err != nil {
		return err
	}
	var filters []predict.Filter
	for _, s := range c.At {
		filter, err := c.Optimizer.filter(d, s)
		if err != nil {
			f.Note = fmt.Sprintf("with the kernel as it is at the start, training diverges (the largest stable rate is %.4g)", e.maxRate(d))
			break
		}
		filters = append(filters, filter)
	}
	if f.train, err = d.Train(filters...); err != nil {
		return err
	}
	f.test = make([]predict.Matrix, len(filters))
	if c.Test.Len() > 0 {
		f.test, err = d.Test(ctx, thetaTest, f0Test, filters...)
	}
	return err
}

func (e *evolution) maxRate(d *predict.Dynamics) float64 {
	if m := e.c.Optimizer.Momentum; m != 0 {
		return d.MaxRateHeavyBall(m)
	}
	return d.MaxRate()
}

// flow predicts training on another loss, by its differential equation.
func (e *evolution) flow(ctx context.Context, f *foresight, theta, thetaTest, f0, f0Test predict.Matrix, kernel predict.Reduction, size float64) error {
	c := e.c
	flow, err := predict.NewLossFlow(c.BLAS, theta, f0, c.Loss.Of(c.Train.Y, size), predict.LossFlowOptions{
		Kernel: kernel, Rate: c.Optimizer.Rate, Momentum: c.Optimizer.Momentum,
	})
	if err != nil {
		return err
	}
	state := flow.Start()
	for i, s := range c.At {
		if err := flow.Advance(ctx, state, float64(s)); err != nil {
			if ctx.Err() != nil {
				return err
			}
			f.Note = err.Error()
			break
		}
		e.report("gradient flow of the kernel", i+1, len(c.At))
		out := predict.NewMatrix(state.Outputs.Rows, state.Outputs.Cols)
		copy(out.Data, state.Outputs.Data)
		test := predict.Matrix{}
		if c.Test.Len() > 0 {
			if test, err = flow.Test(thetaTest, f0Test, state); err != nil {
				return err
			}
		}
		f.train, f.test = append(f.train, out), append(f.test, test)
	}
	return nil
}

// matrix returns Θ(x1, x2), a Full one with index (n, o).
func (e *evolution) matrix(ctx context.Context, stage string, x1, x2 empirical.Batch, reduction empirical.Outputs) (predict.Matrix, error) {
	g, err := e.ntk(ctx, stage, x1, x2, reduction)
	if err != nil {
		return predict.Matrix{}, err
	}
	if reduction == empirical.Mean {
		return predict.Matrix{Rows: g.N1, Cols: g.N2, Data: g.Values}, nil
	}
	return flattened(g.Values, g.N1, g.N2, g.O), nil
}

// flattened turns Θ [n1, n2, o, o] into the matrix with index (n, o).
func flattened(theta []float64, n1, n2, o int) predict.Matrix {
	m := predict.NewMatrix(n1*o, n2*o)
	for i := range n1 {
		for j := range n2 {
			for p := range o {
				copy(m.Row(i*o + p)[j*o:][:o], theta[((i*n2+j)*o+p)*o:][:o])
			}
		}
	}
	return m
}
