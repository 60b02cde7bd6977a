package spectral

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

type estimator struct {
	name string
	run  func(context.Context, Operator, TraceOptions) (Estimate, error)
}

var estimators = []estimator{{"Hutchinson", Hutchinson}, {"Hutch++", HutchPP}, {"XTrace", XTrace}}

func diagonalSum(a *Dense) float64 {
	sum := 0.0
	for i := range a.Dim() {
		sum += a.a.Data[i*a.Dim()+i]
	}
	return sum
}

// TestTraceExact has operators for which there is nothing left to chance.
func TestTraceExact(t *testing.T) {
	low := gram(t, 40, 3, 2)
	small := gram(t, 9, 20, 3)
	for _, e := range estimators {
		for _, c := range []struct {
			name     string
			a        *Dense
			products int
			exact    bool
		}{
			{"zero", diagonal(t, make([]float64, 20)), 15, true},
			{"one number", diagonal(t, []float64{-3}), 0, true},
			{"two by two", matrix(t, 2, func(i, j int) float64 { return float64(1 + i + j) }), 0, true},
			{"rank 3", low, 24, e.name != "Hutchinson"},
			{"as many products as rows", small, 9, true},
			{"fewer products than rows", small, 8, false},
			{"twice the identity", diagonal(t, constant(100, 2)), 0, true},
		} {
			got, err := e.run(context.Background(), c.a, TraceOptions{Products: c.products, Seed: 1})
			if err != nil {
				t.Fatalf("%s: %s: %v", e.name, c.name, err)
			}
			want := diagonalSum(c.a)
			if c.exact {
				closeTo(t, e.name+": "+c.name, []float64{got.Value, got.Error}, []float64{want, 0}, 1e-11*(1+math.Abs(want)))
			} else if !(got.Error > 0 && math.Abs(got.Value-want) <= 5*got.Error) {
				t.Errorf("%s: %s: %g ± %g, want %g", e.name, c.name, got.Value, got.Error, want)
			}
			if most := max(c.products, 60*(1-min(c.products, 1))); got.Products > most {
				t.Errorf("%s: %s: %d products, more than %d", e.name, c.name, got.Products, most)
			}
		}
	}
}

// TestTraceErrors: over many seeds, estimates are unbiased, errors are as large
// as claimed, and 95% intervals cover.
func TestTraceErrors(t *testing.T) {
	const trials = 400
	a := gram(t, 100, 150, 4)
	want := diagonalSum(a)
	for _, e := range estimators {
		hits, mean, squares, claimed := 0, 0.0, 0.0, 0.0
		for seed := range uint64(trials) {
			got, err := e.run(context.Background(), a, TraceOptions{Products: 36, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			off := got.Value - want
			mean += off / trials
			squares += off * off / trials
			claimed += got.Error * got.Error / trials
			// Student's factors for the 36, 12 and 18 samples that errors are from.
			if math.Abs(off) <= map[string]float64{"Hutchinson": 2.03, "Hutch++": 2.20, "XTrace": 2.11}[e.name]*got.Error {
				hits++
			}
		}
		rms := math.Sqrt(squares)
		if !(math.Abs(mean) <= 4*rms/math.Sqrt(trials)) {
			t.Errorf("%s: the mean of %d estimates is off by %g, their error %g", e.name, trials, mean, rms)
		}
		// The ratio of two standard deviations from 400 trials is known to 4%;
		// XTrace's samples are dependent, so its claim is only a guide.
		ratio, least, most := math.Sqrt(claimed)/rms, 0.85, 1.15
		low, high := 0.905, 0.99
		if e.name == "XTrace" {
			least, most, low, high = 0.6, 1.5, 0.8, 1
		}
		f := float64(hits) / trials
		if !(ratio >= least && ratio <= most && f >= low && f <= high) {
			t.Errorf("%s: claims %.2f of the true error; 95%% intervals cover %.1f%%", e.name, ratio, 100*f)
		}
		t.Logf("%s: error %.3g, claims %.2f of it, covers %.1f%%", e.name, rms, ratio, 100*f)
		if e.name == "Hutchinson" {
			sum := 0.0
			for i := range 100 {
				for j := range 100 {
					if i != j {
						sum += a.a.Data[i*100+j] * a.a.Data[i*100+j]
					}
				}
			}
			if exact := math.Sqrt(2 * sum / 36); !(math.Abs(rms/exact-1) <= 0.15) { // known to 4%
				t.Errorf("Hutchinson: error %g over seeds, closed form %g", rms, exact)
			}
		}
	}
}

// TestTraceDecay: where eigenvalues decay, Hutch++ beats Hutchinson and XTrace
// both by much, as published (Epperly, Tropp, Webber, arXiv:2301.07825v2).
func TestTraceDecay(t *testing.T) {
	a := kernel(t, 150)
	var rms [3]float64
	for i, e := range estimators {
		for seed := range uint64(50) {
			got, err := e.run(context.Background(), a, TraceOptions{Products: 48, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			rms[i] += (got.Value - 150) * (got.Value - 150) / 50
		}
		rms[i] = math.Sqrt(rms[i])
	}
	t.Logf("errors of a trace of 150: %.3g", rms)
	if !(10*rms[1] < rms[0] && 2*rms[2] < rms[1]) {
		t.Errorf("errors of Hutchinson, Hutch++, XTrace: %.3g; want each well below the one before", rms)
	}
}

// TestXTraceDefinition computes the estimate as it is defined: for each vector
// an orthonormal basis of the others' products by gonum's QR, and dense products.
func TestXTraceDefinition(t *testing.T) {
	const n, k, seed = 30, 6, 11
	a := gram(t, n, 50, 5)
	got, err := XTrace(context.Background(), a, TraceOptions{Products: 2 * k, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	am := mat.NewDense(n, n, a.a.Data)
	omega := mat.NewDense(n, k, nil)
	for i := range k {
		z := make([]float64, n)
		spherical(z, seed, sketchStream, i)
		omega.SetCol(i, z)
	}
	samples := make([]float64, k)
	for i := range k {
		others := mat.NewDense(n, k-1, nil)
		for j, at := 0, 0; j < k; j++ {
			if j != i {
				others.SetCol(at, mat.Col(nil, j, omega))
				at++
			}
		}
		var y, full, aq, qaq mat.Dense
		y.Mul(am, others)
		var qr mat.QR
		qr.Factorize(&y)
		qr.QTo(&full)
		q := full.Slice(0, n, 0, k-1)
		aq.Mul(am, q)
		qaq.Mul(q.T(), &aq)
		w := omega.ColView(i)
		var qw, mu, amu mat.VecDense
		qw.MulVec(q.T(), w)
		mu.MulVec(q, &qw)
		mu.SubVec(w, &mu)
		amu.MulVec(am, &mu)
		samples[i] = mat.Trace(&qaq) + float64(n-k+1)*mat.Dot(&mu, &amu)/mat.Dot(&mu, &mu)
	}
	mean, variance := 0.0, 0.0
	for _, s := range samples {
		mean += s / k
	}
	for _, s := range samples {
		variance += (s - mean) * (s - mean) / (k - 1)
	}
	closeTo(t, "XTrace", []float64{got.Value, got.Error}, []float64{mean, math.Sqrt(variance / k)}, 1e-11) // of about 30
}

// TestTraceBatch: batches and block products change rounding only.
func TestTraceBatch(t *testing.T) {
	a := gram(t, 50, 80, 6)
	for _, e := range estimators {
		one, err := e.run(context.Background(), vecOnly{a}, TraceOptions{Products: 30, Seed: 9})
		if err != nil {
			t.Fatal(err)
		}
		many, err := e.run(context.Background(), a, TraceOptions{Products: 30, Batch: 7, Seed: 9})
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, e.name, []float64{many.Value, many.Error}, []float64{one.Value, one.Error}, 1e-11)
		other, err := e.run(context.Background(), a, TraceOptions{Products: 30, Seed: 10})
		if err != nil {
			t.Fatal(err)
		}
		if other.Value == many.Value || many.Products != one.Products {
			t.Errorf("%s: seeds 9 and 10 agree, or %d products in batches and %d singly", e.name, many.Products, one.Products)
		}
	}
}
