package models

import (
	"fmt"
	"math"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// selfAttention attends over all positions, pixels or tokens:
//
//	Q = s_q·x W_q, K and V alike, per head; y = mechanism(Q Kᵀ/√n_key) V;
//	z = s_o·y W_o + s_b·b,
//
// with the feature v of head h at v·heads + h of y. With linear scaling the
// divisor is n_key and W_k is W_q.
//
// Shapes: x [n, positions…, d], Wq, Wk [heads, d, n_key], Wv [heads, d, n_val],
// Wo [n_val·heads, width], b [width].
type selfAttention struct {
	Width         int      `json:"width" spec:"required"`
	Heads         int      `json:"heads" spec:"required"`
	NKey          int      `json:"n_key" spec:"required"`
	NVal          int      `json:"n_val" spec:"required"`
	LinearScaling bool     `json:"linear_scaling"`
	Mechanism     string   `json:"mechanism"`
	WqStd         float64  `json:"wq_std"`
	WkStd         float64  `json:"wk_std"`
	WvStd         float64  `json:"wv_std"`
	WoStd         float64  `json:"wo_std"`
	BStd          *float64 `json:"b_std"`
	PosEmb        string   `json:"pos_emb"`
	WPosEmbStd    float64  `json:"w_pos_emb_std"`
	ValPosEmb     bool     `json:"val_pos_emb"`
	names
}

func newSelfAttention() Layer {
	return &selfAttention{Mechanism: "SOFTMAX", WqStd: 1, WkStd: 1, WvStd: 1, WoStd: 1, PosEmb: "NONE", WPosEmbStd: 1}
}

// mechanisms map the logits [n, heads, queries, keys].
var mechanisms = map[string]func(x *gx.Node) *gx.Node{
	"SOFTMAX":  func(x *gx.Node) *gx.Node { return gx.Softmax(x, -1) },
	"IDENTITY": func(x *gx.Node) *gx.Node { return x },
	"RELU":     ReLU,
	"ABS":      gx.Abs,
}

// Op implements Layer.
func (*selfAttention) Op() string { return "self_attention" }

func (l *selfAttention) shape(_ *check, in []int) ([]int, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("its input %v has no positions to attend over", in)
	}
	for _, f := range []struct {
		name string
		v    int
	}{{"width", l.Width}, {"heads", l.Heads}, {"n_key", l.NKey}, {"n_val", l.NVal}} {
		if err := positive(f.name, f.v); err != nil {
			return nil, err
		}
	}
	for _, g := range []gains{{l.WqStd, nil}, {l.WkStd, nil}, {l.WvStd, nil}, {l.WoStd, l.BStd}} {
		if err := g.check(); err != nil {
			return nil, err
		}
	}
	if l.LinearScaling && l.WqStd == 0 {
		return nil, fmt.Errorf("wq_std is 0; with linear_scaling keys are queries times wk_std/wq_std")
	}
	if mechanisms[l.Mechanism] == nil {
		all := sortedKeys(mechanisms)
		return nil, fmt.Errorf("unknown mechanism %q%s; known are %s", l.Mechanism, didYouMean(l.Mechanism, all), join(all))
	}
	if l.PosEmb != "NONE" || l.ValPosEmb {
		return nil, fmt.Errorf("positional embeddings %w: pos_emb must be \"NONE\" and val_pos_emb false", ErrNotBuilt)
	}
	return append(slices.Clone(in[:len(in)-1]), l.Width), nil
}

func (l *selfAttention) arrays(in []int) []array {
	d := in[len(in)-1]
	a := []array{{"Wq", []int{l.Heads, d, l.NKey}, l.WqStd}}
	if !l.LinearScaling {
		a = append(a, array{"Wk", []int{l.Heads, d, l.NKey}, l.WkStd})
	}
	a = append(a,
		array{"Wv", []int{l.Heads, d, l.NVal}, l.WvStd},
		array{"Wo", []int{l.NVal * l.Heads, l.Width}, l.WoStd})
	if l.BStd != nil {
		a = append(a, array{"b", []int{l.Width}, *l.BStd})
	}
	return a
}

func (l *selfAttention) build(b *builder, x *gx.Node) *gx.Node {
	shape := slices.Clone(x.Shape().Dimensions)
	n, d := shape[0], shape[len(shape)-1]
	positions := product(spatialDims(x))
	x = gx.Reshape(x, n, positions, d)
	ctx, w := b.weights(l, gains{l.WoStd, l.BStd})

	// project is s·x W for every head: [n, positions, heads, features].
	project := func(name string, gain float64, features int) *gx.Node {
		s, dist := w.matrix(gain, d, features)
		return scale(gx.DotGeneral(x, []int{2}, nil, weight(ctx, x, name, dist, l.Heads, d, features), []int{1}, nil), s)
	}
	q := project("Wq", l.WqStd, l.NKey)
	var k *gx.Node
	divisor := math.Sqrt(float64(l.NKey))
	if l.LinearScaling {
		divisor = float64(l.NKey)
		k = scale(q, l.WkStd/l.WqStd)
	} else {
		k = project("Wk", l.WkStd, l.NKey)
	}
	v := project("Wv", l.WvStd, l.NVal)

	// [n, heads, queries, keys], then [n, heads, queries, n_val].
	logits := gx.MulScalar(gx.DotGeneral(q, []int{3}, []int{0, 2}, k, []int{3}, []int{0, 2}), 1/divisor)
	y := gx.DotGeneral(mechanisms[l.Mechanism](logits), []int{3}, []int{0, 1}, v, []int{1}, []int{0, 2})
	y = gx.Reshape(gx.TransposeAllAxes(y, 0, 2, 3, 1), n, positions, l.NVal*l.Heads)

	z := denseNamed(ctx, y, "Wo", l.Width, w)
	return gx.Reshape(z, append(shape[:len(shape)-1], l.Width)...)
}
