package models

// ops creates, for every op, a layer with its defaults.
var ops = map[string]func(op string) Layer{
	"dense":              func(string) Layer { return new(dense) },
	"conv":               func(string) Layer { return new(conv) },
	"conv_transpose":     func(string) Layer { return new(convTranspose) },
	"conv_local":         func(string) Layer { return new(convLocal) },
	"self_attention":     func(string) Layer { return newSelfAttention() },
	"layer_norm":         func(string) Layer { return &layerNorm{Axis: []int{-1}, normFields: normFields{Eps: 1e-12}} },
	"rms_norm":           func(string) Layer { return &rmsNorm{Axis: []int{-1}, normFields: normFields{Eps: 1e-12}} },
	"group_norm":         func(string) Layer { return &groupNorm{normFields: normFields{Eps: 1e-12}} },
	"batch_norm":         func(string) Layer { return &batchNorm{normFields: normFields{Eps: 1e-12}} },
	"embedding":          func(string) Layer { return new(embedding) },
	"position_embedding": func(string) Layer { return &positionEmbedding{Std: 1} },
	"class_token":        func(string) Layer { return &classToken{Std: 1} },
	"tokens":             func(string) Layer { return new(tokens) },
	"rnn":                func(string) Layer { return new(rnn) },
	"gru":                func(string) Layer { return new(gru) },
	"glu":                func(string) Layer { return &glu{Activation: "sigmoid"} },
	"dropout":            func(string) Layer { return new(dropout) },
	"avg_pool":           func(string) Layer { return new(avgPool) },
	"sum_pool":           newPool,
	"max_pool":           newPool,
	"global_avg_pool":    newWhole,
	"global_sum_pool":    newWhole,
	"flatten":            newWhole,
	"residual":           func(string) Layer { return new(residual) },
	"concat":             func(string) Layer { return &concat{Axis: -1} },
	"prod":               func(string) Layer { return new(prod) },
	"image_resize":       func(string) Layer { return &imageResize{Method: "linear", Antialias: true} },
	"slice":              func(string) Layer { return new(slice) },
	"aggregate":          func(string) Layer { return &aggregate{Axis: 1, Pattern: "pattern"} },
	"leaky_relu":         func(op string) Layer { return &slopeActivation{op: op} },
	"elu":                func(op string) Layer { return &slopeActivation{op: op} },
	"abrelu":             func(string) Layer { return new(abRelu) },
	"gelu":               func(string) Layer { return new(gelu) },
	"rbf":                func(string) Layer { return new(rbf) },
	"erf":                newWave,
	"sin":                newWave,
	"cos":                newWave,
	"exp":                func(op string) Layer { return &expActivation{op: op, A: 1, B: 1} },
	"gaussian":           func(op string) Layer { return &expActivation{op: op, A: 1, B: -1} },
	"monomial":           newPower,
	"rectified_monomial": newPower,
	"hermite":            newPower,
	"polynomial":         func(string) Layer { return new(polynomial) },
	"numerical":          func(string) Layer { return new(numerical) },
	"dks":                func(string) Layer { return &dks{Slope: 1.5} },
	"tat":                func(string) Layer { return &tat{Curvature: 0.3} },
	"trelu":              func(string) Layer { return &trelu{Correlation: 0.9} },
}

func newPool(op string) Layer  { return &pool{op: op} }
func newWhole(op string) Layer { return &whole{op: op} }
func newWave(op string) Layer  { return &waveActivation{op: op, A: 1, B: 1} }
func newPower(op string) Layer { return &powerActivation{op: op} }

func init() {
	for name := range plainActivations {
		ops[name] = func(op string) Layer { return &plainActivation{op: op} }
	}
}

// notBuilt lists the ops of the format that no finite network computes.
var notBuilt = map[string]string{
	"exp_normalized": "it is a kernel without a network",
}
