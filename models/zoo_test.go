package models_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gontk/ntk/models"
)

func build(t *testing.T, name string, c models.Config) *models.Spec {
	t.Helper()
	b, err := models.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestZoo counts layers and parameters by hand.
func TestZoo(t *testing.T) {
	for _, tc := range []struct {
		model      string
		config     models.Config
		parameters int
		output     int
		ops        string
	}{
		{"mlp", models.Config{InputShape: []int{12}}, 12*512 + 2*512*512 + 512, 1, "dense relu dense relu dense relu dense"},
		{
			"mlp",
			models.Config{InputShape: []int{28, 28, 1}, Depth: 1, Width: 10, Outputs: 3, BStd: 0.1, Activation: "erf"},
			784*10 + 10 + 10*3 + 3, 3, "flatten dense erf dense",
		},
		{"mlp", models.Config{InputShape: []int{12}, Depth: -1, Outputs: 2}, 24, 2, "dense"},
		{"mlp", models.Config{InputShape: []int{12}, Depth: 1, Width: 5, Norm: "layer"}, 65, 1, "dense layer_norm relu dense"},
		{"mlp", models.Config{InputShape: []int{12}, Depth: 2, Width: 5, Parameterization: "mup"}, 60 + 25 + 5, 1, "dense relu dense relu dense"},
		{"cnn", models.Config{InputShape: []int{8, 6, 3}, Depth: 2, Width: 4, Outputs: 10}, 9*3*4 + 9*4*4 + 8*6*4*10, 10, "conv relu conv relu flatten dense"},
		{"cnn-gap", models.Config{InputShape: []int{8, 6, 3}, Depth: 1, Width: 4}, 9*3*4 + 4, 1, "conv relu global_avg_pool dense"},
		{"cnn-gap", models.Config{InputShape: []int{9, 2}, Depth: 1, Width: 4}, 3*2*4 + 4, 1, "conv relu global_avg_pool dense"},
		{"cnn-maxpool", models.Config{InputShape: []int{8, 6, 3}, Depth: 1, Width: 4}, 9*3*4 + 4, 1, "conv relu max_pool flatten dense"},
		{
			"resnet-small",
			models.Config{InputShape: []int{8, 8, 3}, Depth: 2, Width: 4, Outputs: 10, Norm: "batch"},
			9*3*4 + 4*9*4*4 + 40, 10, "conv residual residual batch_norm relu global_avg_pool dense",
		},
	} {
		t.Run(tc.model, func(t *testing.T) {
			s := build(t, tc.model, tc.config)
			var ops []string
			for _, l := range s.Layers {
				ops = append(ops, l.Op())
			}
			if got := strings.Join(ops, " "); got != tc.ops {
				t.Errorf("layers %q, want %q", got, tc.ops)
			}
			params, err := s.Params()
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for _, p := range params {
				total += size(p.Shape)
			}
			if total != tc.parameters {
				t.Errorf("%d parameters, want %d", total, tc.parameters)
			}
			out := record(t, s, 3).Program.Outputs[0].Shape.Dimensions
			if !slices.Equal(out, []int{3, tc.output}) {
				t.Errorf("output %v, want [3 %d]", out, tc.output)
			}
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := models.ParseSpec(strings.NewReader(string(text))); err != nil {
				t.Errorf("%v in %s", err, text)
			}
		})
	}
}

// TestZooKeepsVariance: at the default gain a deep, wide network's hidden
// values have the variance 1 of its inputs, within what the draws of 100 × 400
// outputs through 5 layers of width 400 allow (about 0.1).
func TestZooKeepsVariance(t *testing.T) {
	for _, activation := range []string{"relu", "tanh", "gelu"} {
		s := build(t, "mlp", models.Config{InputShape: []int{400}, Depth: 5, Width: 400, Outputs: 400, Activation: activation})
		params, err := s.Params()
		if err != nil {
			t.Fatal(err)
		}
		a := map[string]nd{}
		for i, p := range params {
			a[p.Name] = gaussian(uint64(i), p.Shape...)
		}
		// The first layer's gain acts on values of variance 1/gain², so that its output has 1.
		gain, err := models.DefaultGain(activation)
		if err != nil {
			t.Fatal(err)
		}
		x := gaussian(99, 20, 400)
		for i := range x.data {
			x.data[i] /= gain
		}
		sum := 0.0
		y := forward(t, s, a, x)
		for _, v := range y.data {
			sum += v * v
		}
		if v := sum / float64(len(y.data)); !(v > 0.75 && v < 1.25) {
			t.Errorf("%s: variance %g, want 1", activation, v)
		}
	}
}

func TestZooErrors(t *testing.T) {
	if _, err := models.Lookup("mpl"); err == nil || !strings.Contains(err.Error(), `unknown model "mpl" (did you mean "mlp"?)`) {
		t.Errorf("error %v", err)
	}
	for _, tc := range []struct {
		model  string
		config models.Config
		want   string
	}{
		{"mlp", models.Config{}, "input_shape is empty"},
		{"mlp", models.Config{InputShape: []int{0}}, "sizes must be from 1"},
		{"cnn", models.Config{InputShape: []int{12}}, "a convolutional network needs inputs with positions and channels"},
		{"resnet-small", models.Config{InputShape: []int{12}}, "a convolutional network needs inputs with positions and channels"},
		{"cnn-maxpool", models.Config{}, "a convolutional network needs inputs"},
		{"mlp", models.Config{InputShape: []int{2}, Activation: "rleu"}, `unknown activation "rleu" (did you mean "relu"?)`},
		{"mlp", models.Config{InputShape: []int{2}, Activation: "flatten"}, `unknown activation "flatten"`},
		{"mlp", models.Config{InputShape: []int{2}, Activation: "gabor"}, `no default gain for activation "gabor"`},
		{"mlp", models.Config{InputShape: []int{2}, Parameterization: "ntp"}, `unknown parameterization "ntp" (did you mean "ntk"?)`},
		{"mlp", models.Config{InputShape: []int{2}, Norm: "leyer"}, `unknown norm "leyer" (did you mean "layer"?)`},
		{"mlp", models.Config{InputShape: []int{2}, Width: -4}, "width is -4"},
		{"mlp", models.Config{InputShape: []int{2}, Depth: 1 << 40}, "depth is 1099511627776, more than 10000"},
		{"mlp", models.Config{InputShape: []int{2}, Depth: 2, Parameterization: "mean-field"}, "use mup"},
		{"mlp", models.Config{InputShape: []int{2}, WStd: -1}, "w_std is -1"},
	} {
		b, err := models.Lookup(tc.model)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b(tc.config); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %+v: error %v, want %q", tc.model, tc.config, err, tc.want)
		}
	}
}

func TestList(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range models.List() {
		if e.Description == "" || strings.Contains(e.Description, "\n") || seen[e.Name] {
			t.Errorf("entry %+v", e)
		}
		seen[e.Name] = true
	}
}
