package predict_test

import (
	"encoding/json"
	"os"
	"sync"
	"testing"

	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
)

// reference holds the values of testdata/sklearn_values.py.
type reference struct {
	GP struct {
		N, M                 int
		Scale, Length, Noise float64
		Y, Mean              []float64
		CovNoisy             []float64 `json:"cov_noisy"`
		LML                  float64
		Gradient             []float64
		LOOMean              []float64 `json:"loo_mean"`
		LOOVariance          []float64 `json:"loo_variance"`
		LOODensity           float64   `json:"loo_density"`
		BestTheta            []float64 `json:"best_theta"`
		BestLML              float64   `json:"best_lml"`
	} `json:"gp"`
	Machines struct {
		N, M, Classes int
		Gamma         float64
		Labels        []int
		TestLabels    []int `json:"test_labels"`
		SVM           []struct {
			C     float64
			Pairs []struct {
				Objective, Bias float64
				Support         int
			}
			Predict   []int
			Decisions []float64
		}
		Y                             []float64
		Ridge                         float64
		RidgeWant                     []float64 `json:"ridge_predict"`
		Centres                       []int
		Nystrom                       []float64 `json:"nystrom_predict"`
		Polynomial, Gaussian, Laplace []float64
	}
	Flow struct {
		N, M, O        int
		T, Train, Test []float64
	}
}

func readReference(t *testing.T) (r reference) {
	t.Helper()
	text, err := os.ReadFile("testdata/sklearn_values.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

var openBLAS = sync.OnceValues(func() (*native.BLAS, error) { return native.DefaultBLAS("", nil) })

// blas returns OpenBLAS where it is installed, and gonum elsewhere.
func blas(t testing.TB) *native.BLAS {
	t.Helper()
	b, err := openBLAS()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func matrixOf(rows, cols int, v []float64) predict.Matrix {
	return predict.Matrix{Rows: rows, Cols: cols, Data: v}
}
