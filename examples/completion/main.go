// Completion fills in hidden pixels of images of digits: a matrix of images × pixels,
// completed by the NTK of an infinitely wide network that maps what is known of a pixel
// to its values in all images:
//
//	go run ./examples/completion
//
// What is known of a pixel is where it is, or its values in other images.
package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
	"github.com/gontk/ntk/predict"
)

const (
	images, others = 200, 200
	side           = 8
	hidden         = 0.5 // share of the pixels
	ridge          = 1e-3
)

func main() {
	lines, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "completion:", err)
		os.Exit(1)
	}
	for _, l := range lines {
		fmt.Printf("%-34s %.3f\n", l.name, l.error)
	}
}

// A line is the root mean square error on hidden pixels of one way to complete, over
// their standard deviation.
type line struct {
	name  string
	error float64
}

func run(ctx context.Context) ([]line, error) {
	blas, err := native.DefaultBLAS("", func(string) {})
	if err != nil {
		return nil, err
	}
	set, err := data.Open(ctx, "digits", data.Options{Examples: images + others, Seed: 1})
	if err != nil {
		return nil, err
	}
	const pixels = side * side
	y := predict.Matrix{Rows: images, Cols: pixels, Data: set.X[:images*pixels]}
	r := rand.New(rand.NewPCG(1, 1))
	known := make([]bool, len(y.Data))
	for e := range known {
		known[e] = r.Float64() >= hidden
	}

	places, values := predict.NewMatrix(pixels, 3), predict.NewMatrix(pixels, others)
	for j := range pixels {
		// A constant beside them: Θ depends on the angle between features.
		places.Row(j)[0], places.Row(j)[1], places.Row(j)[2] = float64(j%side)-3.5, float64(j/side)-3.5, 3
		for i := range others {
			values.Row(j)[i] = set.X[(images+i)*pixels+j]
		}
	}
	complete := func(z predict.Matrix) (float64, error) {
		k, err := ntk(ctx, z)
		if err != nil {
			return 0, err
		}
		f, err := predict.Complete(ctx, blas, k, y, known, ridge)
		if err != nil {
			return 0, err
		}
		return score(y, known, f), nil
	}
	byPlace, err := complete(places)
	if err != nil {
		return nil, err
	}
	byValues, err := complete(values)
	if err != nil {
		return nil, err
	}
	return []line{
		{"mean of the image's known pixels", score(y, known, rowMeans(y, known))},
		{"NTK of where pixels are", byPlace},
		{"mean of the pixel in other images", score(y, known, columnMeans(values, images))},
		{"NTK of the pixel in other images", byValues},
	}, nil
}

// ntk is Θ of an infinitely wide ReLU network of two hidden layers, at examples z.
func ntk(ctx context.Context, z predict.Matrix) (predict.Matrix, error) {
	build, err := models.Lookup("mlp")
	if err != nil {
		return predict.Matrix{}, err
	}
	spec, err := build(models.Config{Depth: 2, InputShape: []int{z.Cols}})
	if err != nil {
		return predict.Matrix{}, err
	}
	model, err := spec.Model()
	if err != nil {
		return predict.Matrix{}, err
	}
	limit, err := limits.Derive(mlctx.New(), model, []shapes.Shape{shapes.Make(dtypes.Float64, z.Cols)}, limits.Options{})
	if err != nil {
		return predict.Matrix{}, err
	}
	g, err := limit.Gram(ctx, empirical.Batch{tensors.FromFlatDataAndDimensions(z.Data, z.Rows, z.Cols)}, nil, limits.GramOptions{})
	if err != nil {
		return predict.Matrix{}, err
	}
	return predict.Matrix{Rows: z.Rows, Cols: z.Rows, Data: g.NTK}, nil
}

// score compares f with y where y is hidden.
func score(y predict.Matrix, known []bool, f predict.Matrix) float64 {
	var squares, sum, sum2, n float64
	for e, is := range known {
		if is {
			continue
		}
		d := f.Data[e] - y.Data[e]
		squares, sum, sum2, n = squares+d*d, sum+y.Data[e], sum2+y.Data[e]*y.Data[e], n+1
	}
	return math.Sqrt(squares / (sum2 - sum*sum/n))
}

func rowMeans(y predict.Matrix, known []bool) predict.Matrix {
	f := predict.NewMatrix(y.Rows, y.Cols)
	for i := range y.Rows {
		sum, n := 0.0, 0.0
		for j, v := range y.Row(i) {
			if known[i*y.Cols+j] {
				sum, n = sum+v, n+1
			}
		}
		for j := range f.Row(i) {
			f.Row(i)[j] = sum / n
		}
	}
	return f
}

// columnMeans repeats the means of the rows of values, one for each pixel.
func columnMeans(values predict.Matrix, rows int) predict.Matrix {
	f := predict.NewMatrix(rows, values.Rows)
	for j := range values.Rows {
		mean := 0.0
		for _, v := range values.Row(j) {
			mean += v / float64(values.Cols)
		}
		for i := range rows {
			f.Row(i)[j] = mean
		}
	}
	return f
}
