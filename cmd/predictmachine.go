package cmd

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/spectral"
)

// A teacher has what methods learn: targets, and what is added to predictions.
type teacher struct {
	method  string
	blas    *native.BLAS
	labels  []int          // of all examples; nil for regression
	classes int            // 0 for regression
	y       predict.Matrix // [N, O], targets of all examples
	memory  int64          // for Falkon's rows
}

// newTeacher makes targets of a set's labels.
func newTeacher(set *data.Set, p *predictFlags) (*teacher, error) {
	t := &teacher{method: p.method, classes: set.Classes}
	if set.Y == nil {
		return nil, fmt.Errorf("%s has no labels to learn; --labels says where they are", set.Name)
	}
	if set.Classes == 0 {
		if p.method == "svm" || p.protocol == "uci" {
			return nil, fmt.Errorf("%s has numbers to predict, not classes; want --method ridge, falkon or gp, and no --protocol uci", set.Name)
		}
		o := len(set.Y) / set.Len()
		t.y = predict.Matrix{Rows: set.Len(), Cols: o, Data: set.Y}
		return t, nil
	}
	t.labels = make([]int, len(set.Y))
	for i, c := range set.Y {
		t.labels[i] = int(c)
	}
	var err error
	t.y, err = predict.OneHot(t.labels, t.classes, p.targets == "centred")
	return t, err
}

// centre returns the targets of some examples less their mean for regression, and
// that mean [O]; targets of classes are left as they are.
func (t *teacher) centre(idx []int) (predict.Matrix, []float64) {
	y, mean := t.y.Select(idx), make([]float64, t.y.Cols)
	if t.classes > 0 {
		return y, mean
	}
	for i := range y.Rows {
		for o, v := range y.Row(i) {
			mean[o] += v / float64(y.Rows)
		}
	}
	for i := range y.Rows {
		for o := range mean {
			y.Row(i)[o] -= mean[o]
		}
	}
	return y, mean
}

// An answer is what a method says of some examples.
type answer struct {
	outputs predict.Matrix // [M, O]; an SVM's are its decisions, one for each pair of classes
	classes []int          // nil for regression
	fit     fitInfo
}

// fitInfo is how a fit went; fields of other methods are zero.
type fitInfo struct {
	Support    int     // of an SVM, over all pairs
	Iterations int     // of an SVM, over all pairs, or of Falkon
	Residual   float64 // of Falkon, the largest
	Jitter     float64
}

// learn fits a method to the examples train, and asks about the examples ask.
func (t *teacher) learn(ctx context.Context, k *kernelRows, m machinePoint, train, ask []int) (*answer, error) {
	switch t.method {
	case "svm":
		return t.svm(ctx, k, m, train, ask)
	case "falkon":
		return t.falkon(ctx, k, m, train, ask)
	}
	y, mean := t.centre(train)
	g, err := predict.NewGP(ctx, t.blas, k.between(train, train), y, m.Ridge)
	if err != nil {
		return nil, err
	}
	f, err := g.Mean(k.between(ask, train))
	if err != nil {
		return nil, err
	}
	return t.answer(f, mean), nil
}

// answer adds what was subtracted, and names classes.
func (t *teacher) answer(f predict.Matrix, mean []float64) *answer {
	for i := range f.Rows {
		for o, v := range mean {
			f.Row(i)[o] += v
		}
	}
	a := &answer{outputs: f}
	if t.classes > 0 {
		a.classes = predict.Classify(f)
	}
	return a
}

func (t *teacher) svm(ctx context.Context, k *kernelRows, m machinePoint, train, ask []int) (*answer, error) {
	labels := make([]int, len(train))
	for i, r := range train {
		labels[i] = t.labels[r]
	}
	// LIBSVM's tolerance.
	o, err := predict.NewOneVsOne(ctx, k.between(train, train), labels, t.classes, predict.SVMOptions{C: m.C, Tol: 1e-3})
	if err != nil {
		return nil, err
	}
	cross := k.between(ask, train)
	a := &answer{}
	if a.outputs, err = o.Decisions(cross); err != nil {
		return nil, err
	}
	for _, s := range o.Pairs {
		if s != nil {
			a.fit.Support, a.fit.Iterations = a.fit.Support+s.Support, a.fit.Iterations+s.Iterations
		}
	}
	a.classes, err = o.Predict(cross)
	return a, err
}

func (t *teacher) falkon(ctx context.Context, k *kernelRows, m machinePoint, train, ask []int) (*answer, error) {
	centres := predict.NewMatrix(len(k.columns), len(k.columns))
	if err := k.of(k.columns)(ctx, centres, 0); err != nil {
		return nil, err
	}
	y, mean := t.centre(train)
	opts := predict.FalkonOptions{Ridge: m.Ridge, Memory: t.memory}
	f, err := predict.NewFalkon(ctx, t.blas, k.of(train), centres, y, opts)
	if err != nil && !(errors.Is(err, spectral.ErrNotConverged) && f != nil) {
		return nil, err
	}
	out, err := f.Predict(ctx, len(ask), k.of(ask))
	if err != nil {
		return nil, err
	}
	a := t.answer(out, mean)
	a.fit.Iterations, a.fit.Jitter = f.Iterations, f.Jitter
	for _, r := range f.Residuals {
		a.fit.Residual = max(a.fit.Residual, r)
	}
	return a, nil
}

// score is the accuracy, or for numbers less the mean squared error, on some examples.
func (t *teacher) score(a *answer, ask []int) float64 {
	s := 0.0
	for i, r := range ask {
		switch {
		case t.classes == 0:
			for o, v := range a.outputs.Row(i) {
				e := v - t.y.Row(r)[o]
				s -= e * e / float64(t.y.Cols)
			}
		case a.classes[i] == t.labels[r]:
			s++
		}
	}
	return s / float64(len(ask))
}

// wilson returns the limits of a 95 % interval of a share k/n.
//
// Source: Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
func wilson(k, n float64) (low, high float64) {
	const z = 1.959963984540054
	p := k / n
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, (middle-half)/(1+z*z/n)), min(1, (middle+half)/(1+z*z/n))
}
