package models

import (
	"fmt"
	"math"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// selfAttention attends over all positions, pixels or tokens:
//
//	Q = s_q·x W_q, K and V alike, per head; y = mechanism(Q Kᵀ/√n_key) V;
//	z = s_o·y W_o + s_b·b,
//
// with the feature v of head h at v·heads + h of y. With linear scaling the
// divisor is n_key and W_k is W_q. A causal layer sees no later position. With
// pos_emb SUM queries and keys, with val_pos_emb values too, read x + s_p·P in
// place of x. With qkv_b_std queries, keys and values have biases.
//
// Shapes: x [n, positions…, d], Wq, Wk [heads, d, n_key], Wv [heads, d, n_val],
// Wo [n_val·heads, width], P [positions…, d], bq, bk [heads, n_key], bv [heads,
// n_val], b [width].
type selfAttention struct {
	Width         int      `json:"width" spec:"required"`
	Heads         int      `json:"heads" spec:"required"`
	NKey          int      `json:"n_key" spec:"required"`
	NVal          int      `json:"n_val" spec:"required"`
	LinearScaling bool     `json:"linear_scaling"`
	Mechanism     string   `json:"mechanism"`
	Causal        bool     `json:"causal,omitempty"`
	WqStd         float64  `json:"wq_std"`
	WkStd         float64  `json:"wk_std"`
	WvStd         float64  `json:"wv_std"`
	WoStd         float64  `json:"wo_std"`
	BStd          *float64 `json:"b_std"`
	QKVBStd       *float64 `json:"qkv_b_std,omitempty"`
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
	if err := l.checkGains(); err != nil {
		return nil, err
	}
	if mechanisms[l.Mechanism] == nil {
		all := sortedKeys(mechanisms)
		return nil, fmt.Errorf("unknown mechanism %q%s; known are %s", l.Mechanism, didYouMean(l.Mechanism, all), join(all))
	}
	if t := product(in[:len(in)-1]); l.Causal && product([]int{t, t}) > maxMatrix {
		return nil, fmt.Errorf("causal over %d positions needs a mask of more than %d entries", t, maxMatrix)
	}
	return append(slices.Clone(in[:len(in)-1]), l.Width), nil
}

func (l *selfAttention) checkGains() error {
	for _, g := range []struct {
		name string
		v    float64
	}{{"wq_std", l.WqStd}, {"wk_std", l.WkStd}, {"wv_std", l.WvStd}, {"wo_std", l.WoStd}, {"w_pos_emb_std", l.WPosEmbStd}} {
		if err := checkGain(g.name, g.v); err != nil {
			return err
		}
	}
	if err := (gains{1, l.BStd}).check(); err != nil {
		return err
	}
	if l.QKVBStd != nil {
		if err := checkGain("qkv_b_std", *l.QKVBStd); err != nil {
			return err
		}
	}
	if l.LinearScaling && l.WqStd == 0 {
		return fmt.Errorf("wq_std is 0; with linear_scaling keys are queries times wk_std/wq_std")
	}
	if l.LinearScaling && l.QKVBStd != nil {
		return fmt.Errorf("qkv_b_std is for layers without linear_scaling, whose keys have weights of their own")
	}
	switch l.PosEmb {
	case "NONE":
		if l.ValPosEmb {
			return fmt.Errorf("val_pos_emb needs pos_emb \"SUM\"")
		}
	case "SUM":
	case "CONCAT":
		return fmt.Errorf("pos_emb CONCAT %w; use \"SUM\", or \"NONE\"", ErrNotBuilt)
	default:
		all := []string{"NONE", "SUM"}
		return fmt.Errorf("unknown pos_emb %q%s; known are %s", l.PosEmb, didYouMean(l.PosEmb, all), join(all))
	}
	return nil
}

func (l *selfAttention) arrays(in []int) []array {
	d := in[len(in)-1]
	a := []array{{name: "Wq", dims: []int{l.Heads, d, l.NKey}, gain: l.WqStd}}
	if !l.LinearScaling {
		a = append(a, array{name: "Wk", dims: []int{l.Heads, d, l.NKey}, gain: l.WkStd})
	}
	a = append(a,
		array{name: "Wv", dims: []int{l.Heads, d, l.NVal}, gain: l.WvStd},
		array{name: "Wo", dims: []int{l.NVal * l.Heads, l.Width}, gain: l.WoStd})
	if l.QKVBStd != nil {
		a = append(a,
			array{name: "bq", dims: []int{l.Heads, l.NKey}, gain: *l.QKVBStd},
			array{name: "bk", dims: []int{l.Heads, l.NKey}, gain: *l.QKVBStd},
			array{name: "bv", dims: []int{l.Heads, l.NVal}, gain: *l.QKVBStd})
	}
	if l.PosEmb == "SUM" {
		a = append(a, array{name: "P", dims: in, gain: l.WPosEmbStd})
	}
	if l.BStd != nil {
		a = append(a, array{name: "b", dims: []int{l.Width}, gain: *l.BStd})
	}
	return a
}

func (l *selfAttention) build(b *builder, x *gx.Node) *gx.Node {
	shape := slices.Clone(x.Shape().Dimensions)
	n, d := shape[0], shape[len(shape)-1]
	t := product(spatialDims(x))
	ctx, w := b.weights(l, gains{l.WoStd, l.BStd})
	placed := x
	if l.PosEmb == "SUM" {
		_, p := b.weights(l, gains{l.WPosEmbStd, nil})
		placed = gx.Add(x, positions(ctx, x, p))
	}
	values := x
	if l.ValPosEmb {
		values = placed
	}
	placed, values = gx.Reshape(placed, n, t, d), gx.Reshape(values, n, t, d)

	q := l.project(ctx, placed, "q", l.WqStd, l.NKey, w)
	var k *gx.Node
	divisor := math.Sqrt(float64(l.NKey))
	if l.LinearScaling {
		divisor = float64(l.NKey)
		k = scale(q, l.WkStd/l.WqStd)
	} else {
		k = l.project(ctx, placed, "k", l.WkStd, l.NKey, w)
	}
	v := l.project(ctx, values, "v", l.WvStd, l.NVal, w)

	// [n, heads, queries, keys], then [n, heads, queries, n_val].
	logits := gx.MulScalar(gx.DotGeneral(q, []int{3}, []int{0, 2}, k, []int{3}, []int{0, 2}), 1/divisor)
	y := gx.DotGeneral(l.attend(logits), []int{3}, []int{0, 1}, v, []int{1}, []int{0, 2})
	y = gx.Reshape(gx.TransposeAllAxes(y, 0, 2, 3, 1), n, t, l.NVal*l.Heads)

	z := denseNamed(ctx, y, "Wo", l.Width, w)
	return gx.Reshape(z, append(shape[:len(shape)-1], l.Width)...)
}

// project is s·x W + s_b·b for every head: [n, positions, heads, features].
func (l *selfAttention) project(ctx *mlctx.Context, x *gx.Node, name string, gain float64, features int, w Weights) *gx.Node {
	d := x.Shape().Dim(-1)
	s, dist := w.matrix(gain, d, features)
	z := scale(gx.DotGeneral(x, []int{2}, nil, weight(ctx, x, "W"+name, blockwise(dist), l.Heads, d, features), []int{1}, nil), s)
	w.BStd = l.QKVBStd
	return addBiasNamed(ctx, z, "b"+name, d, w, l.Heads, features)
}

// attend applies the mechanism; a causal layer's later keys get no weight.
func (l *selfAttention) attend(logits *gx.Node) *gx.Node {
	if !l.Causal {
		return mechanisms[l.Mechanism](logits)
	}
	// Adding is exact for the softmax: every row has a key that stays, and
	// exp(−10³⁰) is 0 in every dtype. It needs no Where, whose branches would
	// be differentiated.
	keep, drop := 1.0, 0.0
	if l.Mechanism == "SOFTMAX" {
		keep, drop = 0, -1e30
	}
	t := logits.Shape().Dim(-1)
	mask := make([]float64, 0, t*t)
	for query := range t {
		for key := range t {
			if key <= query {
				mask = append(mask, keep)
			} else {
				mask = append(mask, drop)
			}
		}
	}
	m := constant(logits, mask, 1, 1, t, t)
	if l.Mechanism == "SOFTMAX" {
		return mechanisms[l.Mechanism](gx.Add(logits, m))
	}
	return gx.Mul(mechanisms[l.Mechanism](logits), m)
}
