package models_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gontk/ntk/graph"
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
		{"shallow", models.Config{InputShape: []int{12}, Width: 5, Outputs: 2, BStd: 0.1}, 12*5 + 5 + 5*2 + 2, 2, "dense relu dense"},
		// 32 → 16 → 8 → 4 → 2 → 1.
		{
			"myrtle5",
			models.Config{InputShape: []int{32, 32, 3}, Width: 4, Outputs: 10},
			9*3*4 + 3*9*4*4 + 40, 10, "conv relu conv relu avg_pool conv relu avg_pool conv relu avg_pool avg_pool avg_pool flatten dense",
		},
		{"myrtle7", models.Config{InputShape: []int{32, 32, 3}, Width: 4, Outputs: 10}, 9*3*4 + 5*9*4*4 + 40, 10, "conv relu conv relu avg_pool conv relu conv relu avg_pool conv relu conv relu avg_pool avg_pool avg_pool flatten dense"},
		// 8 × 6 → 4 × 3 → 2 × 1 → 1 × 1.
		{
			"myrtle10",
			models.Config{InputShape: []int{8, 6, 3}, Depth: 1, Width: 4, Outputs: 10},
			9*3*4 + 2*9*4*4 + 40, 10, "conv relu avg_pool conv relu avg_pool conv relu avg_pool flatten dense",
		},
		{"myrtle10", models.Config{InputShape: []int{32, 32, 3}, Width: 4}, 9*3*4 + 8*9*4*4 + 4, 1, "conv relu conv relu conv relu avg_pool conv relu conv relu conv relu avg_pool conv relu conv relu conv relu avg_pool avg_pool avg_pool flatten dense"},
		// Widths 2, 4, 8, 16, 16.
		{
			"vgg11",
			models.Config{InputShape: []int{32, 32, 3}, Width: 2, Outputs: 10, Published: true},
			9*(3*2+2*4+4*8+8*8+8*16+16*16+16*16+16*16) + 2 + 4 + 8 + 8 + 4*16 + 170, 10,
			"conv relu max_pool conv relu max_pool conv relu conv relu max_pool conv relu conv relu max_pool conv relu conv relu max_pool flatten dense",
		},
		// Bottlenecks: 2 → 2, 3×3, → 8 with a shortcut 2 → 8; 8 → 4, and so on.
		{
			"resnet50",
			models.Config{InputShape: []int{8, 8, 3}, Depth: 1, Width: 2},
			9*3*2 + 2*2 + 9*2*2 + 2*8 + 2*8 + 8*4 + 9*4*4 + 4*16 + 8*16 + 16*8 + 9*8*8 + 8*32 + 16*32 + 32*16 + 9*16*16 + 16*64 + 32*64 + 64, 1,
			"conv residual residual residual residual relu global_avg_pool dense",
		},
		{"resnet18-ln", models.Config{InputShape: []int{8, 8, 3}, Depth: 1, Width: 2}, 9*(3*2+2*2+2*2+2*4+4*4+4*8+8*8+8*16+16*16) + 2*4 + 4*8 + 8*16 + 16, 1, "conv residual residual residual residual layer_norm relu global_avg_pool dense"},
		// A stem of 16 channels, then 8, 16, 32: every stage has a shortcut.
		{
			"wide-resnet",
			models.Config{InputShape: []int{8, 8, 3}, Depth: 1, Width: 8},
			9*(3*16+16*8+8*8+8*16+16*16+16*32+32*32) + 16*8 + 8*16 + 16*32 + 32, 1, "conv residual residual residual relu global_avg_pool dense",
		},
		// Growth 2: 4 → 6 → 8, to 4, → 6 → 8, to 4, → 6 → 8.
		{
			"densenet",
			models.Config{InputShape: []int{8, 8, 3}, Depth: 2, Width: 2},
			9*3*4 + 3*(4*8+9*8*2+6*8+9*8*2) + 2*8*4 + 8, 1,
			"conv concat concat relu conv avg_pool concat concat relu conv avg_pool concat concat relu global_avg_pool dense",
		},
		// Four tokens of 8 channels.
		{"mixer-s", models.Config{InputShape: []int{8, 8, 3}, Depth: 1, Width: 8}, 16*3*8 + 2*4*4 + 2*8*32 + 8, 1, "conv tokens residual residual layer_norm global_avg_pool dense"},
		{
			"vit-tiny",
			models.Config{InputShape: []int{8, 8, 3}, Depth: 1, Width: 8, Heads: 2, Outputs: 3},
			16*3*8 + 8 + 5*8 + 4*8*8 + 2*8*32 + 24, 3, "conv tokens class_token position_embedding residual residual layer_norm slice flatten dense",
		},
		{"transformer", models.Config{InputShape: []int{7, 3}, Depth: 1, Width: 8, BStd: 0.1}, 3*8 + 8 + 4*8*8 + 4*8 + 2*8*32 + 40 + 9, 1, "dense position_embedding residual residual layer_norm global_avg_pool dense"},
		{"transformer-linear", models.Config{InputShape: []int{4, 4, 3}, Depth: 1, Width: 128}, 3*128 + 3*128*128 + 2*128*512 + 128, 1, "tokens dense position_embedding residual residual layer_norm global_avg_pool dense"},
		{"rnn", models.Config{InputShape: []int{7, 3}, Depth: 2, Width: 8}, 3*8 + 3*8*8 + 8, 1, "rnn rnn dense"},
		{"rnn", models.Config{InputShape: []int{7}, Vocabulary: 50, Width: 8}, 50*8 + 2*8*8 + 8, 1, "embedding rnn dense"},
		{"gru", models.Config{InputShape: []int{7, 3}, Width: 8, Published: true}, 3*(3*8+8*8+8) + 9, 1, "gru dense"},
		{"deepsets", models.Config{InputShape: []int{7, 3}, Depth: 1, Width: 8}, 3*8 + 8*8 + 8, 1, "dense relu global_avg_pool dense relu dense"},
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
			if total := trained(t, s); total != tc.parameters {
				t.Errorf("%d parameters, want %d", total, tc.parameters)
			}
			r := record(t, s, 3)
			for _, v := range r.Variables {
				if !v.Tagged {
					t.Errorf("%s has no distribution", v.ScopeAndName())
				}
			}
			if len(r.Variables) == 0 {
				t.Error("no variables")
			}
			out := r.Program.Outputs[0].Shape.Dimensions
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

// TestShallow: a hidden layer in each parameterization.
func TestShallow(t *testing.T) {
	for _, param := range []string{"ntk", "standard", "mean-field", "mup"} {
		s := build(t, "shallow", models.Config{InputShape: []int{3}, Width: 8, Parameterization: param, Initializer: "uniform"})
		if got := s.Parameterization.String(); got != param {
			t.Errorf("parameterization %s, want %s", got, param)
		}
		for _, v := range record(t, s, 2).Variables {
			if !v.Tagged || v.Distribution.Family != graph.Uniform {
				t.Errorf("%s: %s is drawn from %+v, want the uniform family", param, v.ScopeAndName(), v.Distribution)
			}
		}
	}
}

// TestSetsAndOrder: a deep set does not see the order of its members; an RNN does.
func TestSetsAndOrder(t *testing.T) {
	x := gaussian(1, 1, 5, 3)
	reversed := newND(x.dims...)
	each(x.dims, func(i []int) { *reversed.at(0, 4-i[1], i[2]) = *x.at(i...) })
	for name, seesOrder := range map[string]bool{"deepsets": false, "rnn": true, "gru": true, "transformer": true} {
		s := build(t, name, models.Config{InputShape: []int{5, 3}, Depth: 1, Width: 8})
		params, err := s.Params()
		if err != nil {
			t.Fatal(err)
		}
		a := map[string]nd{}
		for i, p := range params {
			a[p.Name] = gaussian(uint64(i), p.Shape...)
		}
		e := relErr(forward(t, s, a, x), forward(t, s, a, reversed))
		if sees := !(e <= 1e-13); sees != seesOrder || seesOrder && e < 1e-3 {
			t.Errorf("%s: outputs of a sequence and its reverse differ by %g", name, e)
		}
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
		{"mlp", models.Config{InputShape: []int{2}, Initializer: "unifrom"}, `unknown initializer "unifrom" (did you mean "uniform"?)`},
		{"shallow", models.Config{InputShape: []int{2}, Depth: 2}, "depth is 2; shallow has one hidden layer: use mlp"},
		{"myrtle5", models.Config{InputShape: []int{12}}, "a convolutional network needs inputs with positions and channels"},
		{"vgg11", models.Config{InputShape: []int{12}}, "a convolutional network needs inputs with positions and channels"},
		{"densenet", models.Config{InputShape: []int{12}}, "a convolutional network needs inputs with positions and channels"},
		{"resnet50", models.Config{}, "a convolutional network needs inputs with positions and channels"},
		{"mixer-s", models.Config{InputShape: []int{12, 3}}, "a network of patches needs images, such as [32 32 3], not [12 3]"},
		{"vit-tiny", models.Config{InputShape: []int{8, 8, 3}, Patch: 9}, "patch is 9, larger than the images, 8 × 8"},
		{"vit-tiny", models.Config{InputShape: []int{8, 8, 3}, Heads: 5}, "width is 192, which 5 heads do not divide"},
		{"vit-tiny", models.Config{InputShape: []int{8, 8, 3}, Heads: -1}, "they must not be negative"},
		{"transformer", models.Config{InputShape: []int{12}}, "numbers of words need a vocabulary"},
		{"rnn", models.Config{InputShape: []int{12, 3}, Vocabulary: 9}, "with a vocabulary inputs are numbers of words, [steps], not [12 3]"},
		{"rnn", models.Config{InputShape: []int{12, 3}, Depth: -1}, "at least one recurrent layer"},
		{"rnn", models.Config{InputShape: []int{1, 3}}, "no sequence [steps, features] of 2 to 4096 steps"},
		{"gru", models.Config{InputShape: []int{100, 100, 3}}, "no sequence [steps, features] of 2 to 4096 steps"},
		{"deepsets", models.Config{}, "a network of sequences needs inputs with positions and channels"},
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
