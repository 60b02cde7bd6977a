package limits_test

import (
	"errors"
	"math"
	"testing"

	"github.com/gontk/ntk/dual"
	"github.com/gontk/ntk/limits"
)

// TestPropagate takes a pair through steps by closed forms: the arc-cosine kernel
// of ReLU, of He's gain, lets lengths alone; the identity multiplies by σ_w² and adds σ_b².
func TestPropagate(t *testing.T) {
	in := limits.Covariance{Q1: 0.8, Q2: 1.7, K: 0.4}
	scale := math.Sqrt(in.Q1 * in.Q2)
	theta := math.Acos(in.K / scale)
	for _, tc := range []struct {
		name  string
		layer dual.Layer
		want  limits.Covariance
	}{
		{"relu", dual.Layer{Activation: dual.ReLU(), WeightVariance: 2}, limits.Covariance{Q1: 0.8, Q2: 1.7, K: scale / math.Pi * (math.Sin(theta) + (math.Pi-theta)*math.Cos(theta))}},
		{"identity", dual.Layer{Activation: dual.Identity(), WeightVariance: 3, BiasVariance: 0.5}, limits.Covariance{Q1: 2.9, Q2: 5.6, K: 1.7}},
	} {
		s := limits.SignalLayer{Layer: tc.layer}
		got, err := s.Propagate(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range [][2]float64{{got.Q1, tc.want.Q1}, {got.Q2, tc.want.Q2}, {got.K, tc.want.K}} {
			if !(math.Abs(n[0]-n[1]) <= 1e-13*math.Abs(n[1])) { // some roundings
				t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
			}
		}
	}
	s := limits.SignalLayer{Why: "branches"}
	if _, err := s.Propagate(in); !errors.Is(err, limits.ErrBranches) {
		t.Errorf("a step that is none: %v", err)
	}
}
