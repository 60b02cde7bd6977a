package onnx

// An operator converts the nodes of one type.
type operator struct {
	min, max int // inputs
	convert  func(c *call) []*value
}

// variadic is the most inputs that a node may have.
const variadic = 1 << 16

// ops are the operators that are supported: those that have a derivative, and
// those that compute shapes, indices and masks.
//
// Source: ONNX, docs/Operators.md and docs/Changelog.md, opsets 7 to 21.
var ops = map[string]operator{
	// Elementwise.
	"Abs": {1, 1, unary(abs)}, "Celu": {1, 1, celu}, "Cos": {1, 1, unary(cos)}, "Elu": {1, 1, elu}, "Erf": {1, 1, unary(erf)},
	"Exp": {1, 1, unary(exp)}, "Gelu": {1, 1, geluOp}, "HardSigmoid": {1, 1, hardSigmoid}, "HardSwish": {1, 1, hardSwish},
	"Identity": {1, 1, identity}, "Dropout": {1, 3, dropout}, "LeakyRelu": {1, 1, leakyRelu}, "Log": {1, 1, unary(log)},
	"Mish": {1, 1, mish}, "Neg": {1, 1, unary(neg)}, "PRelu": {2, 2, prelu}, "Reciprocal": {1, 1, unary(reciprocal)},
	"Relu": {1, 1, relu}, "Selu": {1, 1, selu}, "Sigmoid": {1, 1, sigmoid}, "Sign": {1, 1, unary(sign)},
	"Sin": {1, 1, unary(sin)}, "Softplus": {1, 1, softplus}, "Softsign": {1, 1, softsign}, "Sqrt": {1, 1, unary(sqrt)},
	"Tanh": {1, 1, unary(tanh)}, "Ceil": {1, 1, hostUnary(ceil)}, "Floor": {1, 1, hostUnary(floor)}, "Not": {1, 1, not},
	"Clip": {1, 3, clip}, "Cast": {1, 1, cast},

	// Elementwise in several operands.
	"Add": {2, 2, each(add)}, "Sub": {2, 2, each(sub)}, "Mul": {2, 2, each(mul)}, "Div": {2, 2, div},
	"Pow": {2, 2, pow}, "Mod": {2, 2, hostBinary(mod)}, "Max": {1, variadic, each(maximum)}, "Min": {1, variadic, each(minimum)},
	"Sum": {1, variadic, each(add)}, "Mean": {1, variadic, meanOf}, "Where": {3, 3, where},
	"Equal": {2, 2, compare(equal)}, "Greater": {2, 2, compare(greater)}, "GreaterOrEqual": {2, 2, compare(greaterOrEqual)},
	"Less": {2, 2, compare(less)}, "LessOrEqual": {2, 2, compare(lessOrEqual)},
	"And": {2, 2, compare(and)}, "Or": {2, 2, compare(or)}, "Xor": {2, 2, compare(xor)},

	// Products.
	"MatMul": {2, 2, matMul}, "Gemm": {2, 3, gemm}, "Einsum": {2, 2, einsum}, "Conv": {2, 3, conv}, "ConvTranspose": {2, 3, convTranspose},

	// Windows and reductions.
	"MaxPool": {1, 1, maxPool}, "AveragePool": {1, 1, averagePool}, "GlobalAveragePool": {1, 1, globalAverage},
	"GlobalMaxPool": {1, 1, globalMax}, "Softmax": {1, 1, softmax}, "LogSoftmax": {1, 1, logSoftmax},
	"ReduceSum": {1, 2, reduceSum}, "ReduceMean": {1, 2, reduceMean}, "ReduceMax": {1, 2, reduceMax}, "ReduceMin": {1, 2, reduceMin},
	"ReduceSumSquare": {1, 2, reduceSumSquare}, "ReduceL1": {1, 2, reduceL1}, "ReduceL2": {1, 2, reduceL2},
	"ReduceLogSumExp": {1, 2, reduceLogSumExp}, "ReduceProd": {1, 2, reduceProd},

	// Normalization.
	"BatchNormalization": {5, 5, batchNorm}, "LayerNormalization": {2, 3, layerNorm},
	"InstanceNormalization": {3, 3, instanceNorm}, "GroupNormalization": {3, 3, groupNorm},

	// Shapes.
	"Concat": {1, variadic, concatenate}, "DepthToSpace": {1, 1, depthToSpace}, "Expand": {2, 2, expand}, "Flatten": {1, 1, flatten},
	"Gather": {2, 2, gather}, "Pad": {1, 4, pad}, "Reshape": {2, 2, reshape}, "Slice": {1, 5, slice}, "SpaceToDepth": {1, 1, spaceToDepth},
	"Split": {1, 2, split}, "Squeeze": {1, 2, squeeze}, "Tile": {2, 2, tile}, "Transpose": {1, 1, transpose},
	"Trilu": {1, 2, trilu}, "Unsqueeze": {1, 2, unsqueeze},

	// Constants.
	"Constant": {0, 0, constantOp}, "ConstantOfShape": {1, 1, constantOfShape}, "Range": {3, 3, rangeOp},
	"Shape": {1, 1, shapeOp}, "Size": {1, 1, sizeOp},
}
