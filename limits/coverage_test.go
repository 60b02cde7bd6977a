package limits_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

// covered are networks with each layer of package models, and why those that
// are refused have no limit. Their numbers are compared elsewhere: with
// neural-tangents, with finite networks, with formulas.
var covered = []struct {
	op, layers string
	input      []int
	refused    string
}{
	{"dense", `D,{"op":"relu"}`, []int{4}, ""},
	{"dense", `D,{"op":"relu"},{"op":"dense","axis":1,"width":3,"w_std":1},{"op":"relu"},GAP`, []int{3, 4}, "contracts positions only"},
	{"conv", `C,{"op":"relu"},{"op":"conv","width":32,"filter":[2,2],"strides":[2,2],"dilation":[1,1],"padding":"CIRCULAR","w_std":1,"b_std":0.1},{"op":"relu"},{"op":"flatten"}`, []int{4, 4, 3}, ""},
	{"conv", `C,{"op":"relu"},{"op":"conv","width":32,"filter":[3,3],"padding":"SAME","groups":2,"w_std":1},{"op":"relu"},GAP`, []int{4, 4, 3}, ""},
	{"conv", `C,{"op":"relu"},{"op":"conv","width":32,"filter":[3,3],"padding":"SAME","groups":32,"w_std":1},{"op":"relu"},GAP`, []int{4, 4, 3}, "contracts positions only"},
	{"conv_transpose", `C,{"op":"relu"},{"op":"conv_transpose","width":32,"filter":[3,3],"strides":[2,2],"padding":"SAME","w_std":1},{"op":"relu"},GAP`, []int{3, 3, 2}, ""},
	{"conv_local", `C,{"op":"relu"},{"op":"conv_local","width":32,"filter":[3,3],"padding":"VALID","w_std":1,"b_std":0.1},{"op":"relu"},GAP`, []int{4, 4, 3}, ""},
	{"self_attention", `D,{"op":"self_attention","width":32,"heads":2,"n_key":32,"n_val":16,"linear_scaling":true,"wq_std":1,"wk_std":1,"wv_std":1,"wo_std":1},{"op":"relu"},GAP`, []int{3, 4}, ""},
	{"self_attention", `D,{"op":"self_attention","width":32,"heads":2,"n_key":32,"n_val":16,"wq_std":1,"wk_std":1,"wv_std":1,"wo_std":1},{"op":"relu"},GAP`, []int{3, 4}, "is no mean"},
	{"embedding", `{"op":"embedding","vocabulary":5,"width":32,"w_std":1},{"op":"relu"},GAP`, []int{4}, ""},
	{"position_embedding", `D,{"op":"position_embedding","std":0.5},{"op":"relu"},GAP`, []int{3, 4}, ""},
	{"position_embedding", `D,{"op":"position_embedding","std":0.5,"kind":"waves"},{"op":"dense","width":32,"w_std":1},{"op":"relu"},GAP`, []int{3, 4}, ""},
	{"position_embedding", `D,{"op":"position_embedding","std":0.5,"kind":"waves"},{"op":"relu"},GAP`, []int{3, 4}, "vary along a width"},
	{"class_token", `D,{"op":"class_token","std":0.5},{"op":"relu"},GAP`, []int{3, 4}, ""},
	{"tokens", `C,{"op":"tokens"},{"op":"relu"},GAP`, []int{3, 3, 2}, ""},
	{"rnn", `{"op":"rnn","width":32,"u_std":1,"w_std":1,"b_std":0.1},GAP`, []int{3, 2}, ""},
	{"gru", `{"op":"gru","width":32,"u_std":1,"w_std":1,"b_std":0.1,"output":"last"}`, []int{3, 2}, "several"},
	{"layer_norm", `D,{"op":"relu"},{"op":"layer_norm","axis":[-1],"affine":true},{"op":"relu"},GAP`, []int{3, 4}, ""},
	{"layer_norm", `D,{"op":"layer_norm","axis":[1]},{"op":"relu"},GAP`, []int{3, 4}, "a sum over positions"},
	{"rms_norm", `D,{"op":"rms_norm","axis":[-1],"affine":true},{"op":"relu"}`, []int{4}, ""},
	{"group_norm", `C,{"op":"group_norm","groups":2,"affine":true},{"op":"relu"},GAP`, []int{3, 3, 2}, ""},
	{"batch_norm", `D,{"op":"batch_norm","mode":"train"},{"op":"relu"}`, []int{4}, "mixes examples"},
	{"batch_norm", `D,{"op":"batch_norm","mode":"running","affine":true},{"op":"relu"}`, []int{4}, ""},
	{"dropout", `D,{"op":"relu"},{"op":"dropout","keep_rate":0.8}`, []int{4}, ""},
	{"avg_pool", `C,{"op":"relu"},{"op":"avg_pool","window":[2,2],"strides":[1,1],"padding":"SAME","normalize_edges":true},C,{"op":"relu"},GAP`, []int{4, 4, 3}, ""},
	{"avg_pool", `C,{"op":"relu"},{"op":"avg_pool","window":[2,2],"strides":[2,2]},{"op":"relu"},GAP`, []int{4, 4, 3}, "a sum over positions"},
	{"sum_pool", `C,{"op":"relu"},{"op":"sum_pool","window":[2,2],"strides":[2,2]},GAP`, []int{4, 4, 3}, ""},
	{"max_pool", `C,{"op":"max_pool","window":[2,2],"strides":[2,2]},{"op":"relu"},GAP`, []int{4, 4, 3}, "max-pool"},
	{"global_avg_pool", `C,{"op":"relu"},GAP`, []int{4, 4, 3}, ""},
	{"global_sum_pool", `C,{"op":"relu"},{"op":"global_sum_pool"}`, []int{4, 4, 3}, ""},
	{"flatten", `C,{"op":"relu"},{"op":"flatten"}`, []int{4, 4, 3}, ""},
	{"residual", `D,{"op":"residual","main":[{"op":"relu"},D]},{"op":"relu"}`, []int{4}, ""},
	{"residual", `D,{"op":"relu"},{"op":"residual","main":[D]},{"op":"relu"}`, []int{4}, "several Gaussians"},
	{"concat", `{"op":"concat","axis":-1,"branches":[[D,{"op":"relu"}],[D,{"op":"tanh"}]]},D,{"op":"relu"}`, []int{4}, ""},
	{"concat", `C,{"op":"concat","axis":1,"branches":[[{"op":"relu"}],[{"op":"tanh"}]]},GAP`, []int{4, 4, 3}, ""},
	{"prod", `{"op":"prod","branches":[[D,{"op":"relu"}],[D,{"op":"tanh"}]]}`, []int{4}, ""},
	{"prod", `D,{"op":"prod","branches":[[],[]]}`, []int{4}, ""},
	{"prod", `D,{"op":"residual","main":[{"op":"prod","branches":[[D],[]]}]}`, []int{4}, ""},
	{"prod", `D,{"op":"prod","branches":[[],[{"op":"residual","main":[D]}]]}`, []int{4}, ""},
	{"prod", `D,{"op":"prod","branches":[[{"op":"relu"}],[{"op":"residual","main":[D]},{"op":"relu"}]]}`, []int{4}, "several Gaussians"},
	{"glu", `D,{"op":"glu","activation":"sigmoid"}`, []int{4}, ""},
	{"image_resize", `C,{"op":"relu"},{"op":"image_resize","shape":[6,6],"method":"linear"},C,{"op":"relu"},GAP`, []int{4, 4, 3}, ""},
	{"slice", `C,{"op":"relu"},{"op":"slice","spatial":[[0,4,2],[1,4,1]]},GAP`, []int{4, 4, 3}, ""},
	{"aggregate", `D,{"op":"relu"},{"op":"aggregate","axis":1,"pattern":"p"},D,{"op":"relu"},GAP`, []int{4, 3}, ""},
	{"exp_normalized", `D,{"op":"exp_normalized","gamma":1.5,"shift":-1}`, []int{4}, "cannot be built"},
	{"identity", `D,{"op":"identity"}`, []int{4}, ""},
	{"relu", `D,{"op":"relu"}`, []int{4}, ""},
	{"abs", `D,{"op":"abs"}`, []int{4}, ""},
	{"sign", `D,{"op":"sign"}`, []int{4}, ""},
	{"tanh", `D,{"op":"tanh"}`, []int{4}, ""},
	{"dks", `D,{"op":"dks","fn":"tanh","depth":10}`, []int{4}, ""},
	{"tat", `D,{"op":"tat","fn":"swish","depth":10}`, []int{4}, ""},
	{"trelu", `D,{"op":"trelu","depth":30}`, []int{4}, ""},
	{"sigmoid", `D,{"op":"sigmoid"}`, []int{4}, ""},
	{"softplus", `D,{"op":"softplus"}`, []int{4}, ""},
	{"swish", `D,{"op":"swish"}`, []int{4}, ""},
	{"selu", `D,{"op":"selu"}`, []int{4}, ""},
	{"sigmoid_like", `D,{"op":"sigmoid_like"}`, []int{4}, ""},
	{"gabor", `D,{"op":"gabor"}`, []int{4}, ""},
	{"leaky_relu", `D,{"op":"leaky_relu","alpha":0.1}`, []int{4}, ""},
	{"elu", `D,{"op":"elu","alpha":0.7}`, []int{4}, ""},
	{"abrelu", `D,{"op":"abrelu","a":-0.5,"b":1.2}`, []int{4}, ""},
	{"gelu", `D,{"op":"gelu"}`, []int{4}, ""},
	{"erf", `D,{"op":"erf","a":1,"b":1,"c":0.3}`, []int{4}, ""},
	{"sin", `D,{"op":"sin","a":1,"b":1,"c":0.3}`, []int{4}, ""},
	{"cos", `D,{"op":"cos","a":1,"b":1,"c":0.3}`, []int{4}, ""},
	{"exp", `D,{"op":"exp","a":1,"b":0.5}`, []int{4}, ""},
	{"gaussian", `D,{"op":"gaussian","a":1,"b":-1}`, []int{4}, ""},
	{"rbf", `D,{"op":"rbf","gamma":0.7}`, []int{4}, ""},
	{"monomial", `D,{"op":"monomial","degree":3}`, []int{4}, ""},
	{"rectified_monomial", `D,{"op":"rectified_monomial","degree":2}`, []int{4}, ""},
	{"hermite", `D,{"op":"hermite","degree":2}`, []int{4}, ""},
	{"polynomial", `D,{"op":"polynomial","coef":[0.5,1,-0.3,0.2]}`, []int{4}, ""},
	{"numerical", `D,{"op":"numerical","fn":"tanh","deg":25}`, []int{4}, ""},
}

// short writes the layers of covered out.
var short = strings.NewReplacer(
	"D,", `{"op":"dense","width":32,"w_std":1.2,"b_std":0.1},`, "[D]", `[{"op":"dense","width":32,"w_std":1.2,"b_std":0.1}]`,
	",D]", `,{"op":"dense","width":32,"w_std":1.2,"b_std":0.1}]`,
	"C,", `{"op":"conv","width":32,"filter":[3,3],"padding":"SAME","w_std":1.2,"b_std":0.1},`,
	"GAP", `{"op":"global_avg_pool"}`,
)

// TestLayers derives networks with every layer that docs/models.md lists, and
// compares what its last column says.
func TestLayers(t *testing.T) {
	seen := map[string]bool{}
	for _, tc := range covered {
		t.Run(tc.op, func(t *testing.T) {
			text := `{"layers":[` + short.Replace(tc.layers) + `,{"op":"dense","width":2,"w_std":1}],"parameterization":"ntk","input_shape":` + ints(tc.input) + `}`
			spec, err := models.ParseSpec(strings.NewReader(text))
			if err == nil {
				err = deriveSpec(spec)
			}
			if err != nil {
				t.Log(err)
			}
			switch {
			case tc.refused == "" && err != nil:
				t.Error(err)
			case tc.refused != "" && (err == nil || !strings.Contains(err.Error(), tc.refused)):
				t.Errorf("error %v, want %q", err, tc.refused)
			}
			seen[tc.op] = seen[tc.op] || err == nil
		})
	}
	for op, says := range limitColumn(t, "## Layers", "## Zoo") {
		derives, ok := seen[op]
		if !ok {
			t.Errorf("no network here has the layer %s", op)
		} else if derives != strings.Contains(says, "yes") {
			t.Errorf("%s derives: %t, but the document says %q", op, derives, says)
		}
	}
}

// deriveSpec derives the limit of a spec.
func deriveSpec(spec *models.Spec) error {
	f, err := spec.Model()
	if err != nil {
		return err
	}
	inputs, err := spec.Inputs()
	if err != nil {
		return err
	}
	var in []shapes.Shape
	for _, x := range inputs {
		in = append(in, shapes.Make(dtypes.Float64, x.Shape...))
	}
	_, err = limits.Derive(mlctx.New(), f, in, limits.Options{})
	return err
}

// limitColumn reads the last column of a table of docs/models.md by the names
// in the first.
func limitColumn(t *testing.T, from, to string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/models.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), from+"\n")
	if !ok {
		t.Fatalf("docs/models.md has no %s", from)
	}
	rest, _, _ = strings.Cut(rest, to+"\n")
	says := map[string]string{}
	name := regexp.MustCompile("`([^`]+)`")
	for _, line := range strings.Split(rest, "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		for _, m := range name.FindAllStringSubmatch(cells[0], -1) {
			says[m[1]] = cells[len(cells)-1]
		}
	}
	if len(says) == 0 {
		t.Fatalf("docs/models.md lists nothing under %s", from)
	}
	return says
}

// TestZoo derives every network of the zoo, in a small size, and compares what
// docs/models.md says.
func TestZoo(t *testing.T) {
	says := limitColumn(t, "## Zoo", "## ")
	for _, e := range models.List() {
		t.Run(e.Name, func(t *testing.T) {
			c := models.Config{Width: 32, InputShape: []int{8, 8, 3}}
			switch e.Name {
			case "transformer", "transformer-linear", "rnn", "gru", "deepsets":
				c.InputShape = []int{4, 3}
			case "resnet50", "densenet", "wide-resnet", "resnet18", "resnet34", "resnet18-ln", "resnet18-bn":
				c.Width = 16
			}
			spec, err := e.Build(c)
			if err != nil {
				t.Fatal(err)
			}
			err = deriveSpec(spec)
			var r *limits.Refusal
			if err != nil && !errors.As(err, &r) {
				t.Fatal(err)
			}
			if derives := err == nil; derives != strings.HasPrefix(says[e.Name], "yes") {
				t.Errorf("error %v, but the document says %q", err, says[e.Name])
			}
		})
	}
}
