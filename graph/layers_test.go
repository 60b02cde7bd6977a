package graph_test

import (
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/images"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/gomlx/gomlx/pkg/ml/layers/batchnorm"
	"github.com/gomlx/gomlx/pkg/ml/layers/fnn"
	"github.com/gomlx/gomlx/pkg/ml/layers/lstm"
	"github.com/gomlx/gomlx/pkg/ml/layers/rational"
	"github.com/gomlx/gomlx/pkg/ml/layers/regularizers"
	"github.com/gomlx/gomlx/pkg/ml/layers/vnn"
	"github.com/gomlx/gomlx/pkg/ml/train"

	"github.com/gontk/ntk/graph"
)

// A layer is one of GoMLX's, at a tiny shape.
type layer struct {
	name string
	in   []shapes.Shape
	f    func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node

	training bool
	// mixes says that its examples interact: then nothing is asked of their axes.
	mixes bool
	// stops says that it stops gradients of what depends on its operands, so
	// that its tangent is not the slope.
	stops bool
	// lacks says what GoMLX's pure-Go backend lacks or does wrong: only XLA runs
	// the layer as it is.
	lacks string
	// noReverse says why GoMLX has no gradient of it.
	noReverse string
}

func f64(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float64, dims...) }
func i32(dims ...int) shapes.Shape { return shapes.Make(dtypes.Int32, dims...) }

// one makes a layer of one input and one output.
func one(name string, x shapes.Shape, f func(ctx *mlctx.Context, x *gx.Node) *gx.Node) layer {
	return layer{name: name, in: []shapes.Shape{x}, f: func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
		return []*gx.Node{f(ctx, x[0])}
	}}
}

func (l layer) inTraining() layer {
	l.name += " in training"
	l.training = true
	return l
}

func (l layer) only(lacks string) layer {
	l.lacks = lacks
	return l
}

const (
	noBatchNorm = "BatchNorm"
	noConv      = "groups and dilations: it ends the process"
	noPad       = "Pad"
	noReverse   = "Reverse"
)

// gomlxLayers lists what GoMLX v0.26.0 exports in pkg/ml/layers and below it
// that builds a graph, and what of pkg/core/graph models are written with.
// What is missing, and why, says covered_test.go.
func gomlxLayers() []layer {
	var ls []layer
	for _, list := range [][]layer{
		denseLayers(), activationLayers(), normLayers(), convLayers(), poolLayers(), sequenceLayers(),
		calibrationLayers(), vectorLayers(), trainingLayers(), functions(),
	} {
		ls = append(ls, list...)
	}
	return ls
}

func denseLayers() []layer {
	return []layer{
		one("Dense", f64(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return layers.Dense(ctx, x, true, 4) }),
		one("Dense of sequences into heads", f64(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return layers.DenseWithBias(ctx, x, 2, 5)
		}),
		one("Embedding", i32(2, 3, 1), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return layers.Embedding(ctx, x, dtypes.Float64, 5, 4)
		}),
		one("Embedding of sorted indices", i32(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return layers.Embedding(ctx, x, dtypes.Float64, 5, 4, false)
		}),
		one("fnn", f64(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return fnn.New(ctx, x, 2).NumHiddenLayers(2, 4).Activation(activations.TypeTanh).Done()
		}),
		one("fnn with everything", f64(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return fnn.New(ctx, x, 2, 2).NumHiddenLayers(3, 4).Activation(activations.TypeGelu).
				Normalization("layer").Residual(true).UseBias(true).Dropout(0.3).Done()
		}),
		{
			name: "regularizers", in: []shapes.Shape{f64(2, 3)},
			f: func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
				ctx.SetParam(regularizers.ParamL2, 0.1)
				ctx.SetParam(regularizers.ParamL1, 0.2)
				y := layers.Dense(ctx, x[0], true, 4)
				train.AddLoss(ctx, gx.ReduceAllMean(y))
				w := ctx.In("dense").GetVariableByScopeAndName("/dense", "weights")
				regularizers.ConstantL1(0.5)(ctx, x[0].Graph(), w)
				return []*gx.Node{y, train.GetLosses(ctx, x[0].Graph())}
			},
			mixes: true, // the loss sums over the batch
		},
	}
}

func activationLayers() (ls []layer) {
	for _, a := range activations.TypeValues() {
		if a == activations.TypeNone { // the identity
			continue
		}
		ls = append(ls, one("activation "+a.String(), f64(2, 5), func(_ *mlctx.Context, x *gx.Node) *gx.Node {
			return activations.Apply(a, x)
		}))
	}
	return append(ls,
		one("LeakyReluWithAlpha", f64(2, 5), func(_ *mlctx.Context, x *gx.Node) *gx.Node {
			return activations.LeakyReluWithAlpha(x, 0.1)
		}),
		one("activation from the context", f64(2, 5), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return activations.ApplyFromContext(ctx, x)
		}),
	)
}

func normLayers() []layer {
	norm := func(name string, f func(b *batchnorm.Config) *batchnorm.Config) layer {
		return one("batchnorm "+name, f64(3, 4, 2), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return f(batchnorm.New(ctx, x, -1)).Done()
		})
	}
	backend := norm("by the backend", func(b *batchnorm.Config) *batchnorm.Config { return b }).only(noBatchNorm)
	plain := norm("written out", func(b *batchnorm.Config) *batchnorm.Config { return b.UseBackendInference(false) })
	bare := norm("without gain and offset", func(b *batchnorm.Config) *batchnorm.Config {
		return b.UseBackendInference(false).Scale(false).Center(false)
	})
	joint, stopped := backend.inTraining(), plain.inTraining()
	joint.mixes, stopped.mixes, stopped.stops = true, true, true
	backend.noReverse = "BatchNormForInference"
	normalize := one("Normalize", f64(2, 4), func(_ *mlctx.Context, x *gx.Node) *gx.Node { return layers.Normalize(x, 0) })
	normalize.mixes = true // GoMLX v0.26.0 reduces axis 0 whatever it is told
	return []layer{
		backend, plain, bare, joint, stopped,
		one("LayerNormalization", f64(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return layers.LayerNormalization(ctx, x, -1).Done()
		}),
		one("LayerNormalization of two axes, no gain, no offset", f64(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return layers.LayerNormalization(ctx, x, 1, 2).LearnedGain(false).LearnedOffset(false).Epsilon(1e-2).Done()
		}),
		one("LayerNormalization without scale", f64(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return layers.LayerNormalization(ctx, x, 1).ScaleNormalization(false).Done()
		}),
		one("LayerNormalization with a mask", f64(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			mask := gx.GreaterThan(x, gx.Scalar(x.Graph(), x.DType(), -1))
			return layers.LayerNormalization(ctx, x, -1).Mask(mask).Done()
		}),
		one("RMSNorm", f64(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return layers.RMSNorm(ctx, x).Done() }),
		one("RMSNorm of two axes", f64(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return layers.RMSNorm(ctx, x).WithNormalizationAxes(1, 2).WithEpsilon(0).WithScale(true).Done()
		}),
		one("normalization from the context", f64(2, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			ctx.SetParam(layers.ParamNormalization, "rms")
			return layers.NormalizeFromContext(ctx, x)
		}),
		normalize,
	}
}

func convLayers() []layer {
	conv := func(name string, x shapes.Shape, f func(c *layers.ConvBuilder) *layers.ConvBuilder) layer {
		return one("Convolution "+name, x, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return f(layers.Convolution(ctx, x).Channels(4)).Done()
		})
	}
	core := func(name string, x, w shapes.Shape, f func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder) layer {
		return one("Convolve "+name, x, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return f(gx.Convolve(x, ctx.VariableWithShape("w", w).ValueGraph(x.Graph())).Strides(1)).Done()
		})
	}
	dilatedInput := core("input dilation", f64(2, 4, 3), f64(3, 3, 2), func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder {
		return c.InputDilationPerAxis(2)
	}).only(noConv)
	dilatedInput.noReverse = "input dilation"
	return []layer{
		conv("1d", f64(2, 5, 3), func(c *layers.ConvBuilder) *layers.ConvBuilder { return c.KernelSize(3).PadSame() }),
		conv("2d", f64(2, 4, 5, 3), func(c *layers.ConvBuilder) *layers.ConvBuilder { return c.KernelSize(3).PadSame() }),
		conv("3d", f64(2, 3, 4, 3, 2), func(c *layers.ConvBuilder) *layers.ConvBuilder { return c.KernelSize(2).UseBias(false) }),
		conv("strides", f64(2, 5, 6, 3), func(c *layers.ConvBuilder) *layers.ConvBuilder {
			return c.KernelSizePerAxis(2, 3).StridePerAxis(2, 1)
		}),
		conv("dilations", f64(2, 6, 6, 3), func(c *layers.ConvBuilder) *layers.ConvBuilder {
			return c.KernelSize(2).DilationPerAxis(2, 3)
		}).only(noConv),
		conv("channels first", f64(2, 3, 4, 5), func(c *layers.ConvBuilder) *layers.ConvBuilder {
			return c.ChannelsAxis(images.ChannelsFirst).KernelSize(2).PadSame()
		}),
		core("groups", f64(2, 4, 4, 6), f64(3, 2, 3, 4), func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder {
			return c.ChannelGroupCount(2).PadSame()
		}).only(noConv),
		core("depthwise", f64(2, 4, 4, 3), f64(3, 3, 1, 3), func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder {
			return c.ChannelGroupCount(3)
		}).only(noConv),
		core("paddings", f64(2, 4, 4, 3), f64(3, 3, 3, 2), func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder {
			return c.PaddingPerDim([][2]int{{1, 2}, {0, 1}})
		}),
		dilatedInput,
	}
}

func poolLayers() (ls []layer) {
	pools := []struct {
		name string
		f    func(x *gx.Node) *gx.PoolBuilder
	}{{"MaxPool", gx.MaxPool}, {"MinPool", gx.MinPool}, {"MeanPool", gx.MeanPool}, {"SumPool", gx.SumPool}}
	for _, p := range pools {
		ls = append(ls,
			one(p.name, f64(2, 4, 5, 3), func(_ *mlctx.Context, x *gx.Node) *gx.Node { return p.f(x).Window(2).Done() }),
			one(p.name+" overlapping", f64(2, 5, 5, 3), func(_ *mlctx.Context, x *gx.Node) *gx.Node {
				return p.f(x).Window(3).Strides(2).PadSame().Done()
			}),
			one(p.name+" channels first", f64(2, 3, 4, 5), func(_ *mlctx.Context, x *gx.Node) *gx.Node {
				return p.f(x).ChannelsAxis(images.ChannelsFirst).WindowPerAxis(1, 2).StridePerAxis(1, 1).Done()
			}),
			one(p.name+" 1d", f64(2, 5, 3), func(_ *mlctx.Context, x *gx.Node) *gx.Node { return p.f(x).Window(2).Strides(1).Done() }),
		)
	}
	concat := one("ConcatPool", f64(2, 4, 6, 3), func(_ *mlctx.Context, x *gx.Node) *gx.Node { return gx.ConcatPool(x).Window(2).Done() })
	return append(ls, concat)
}

func sequenceLayers() []layer {
	attention := func(name string, f func(b *layers.MultiHeadAttentionBuilder) *layers.MultiHeadAttentionBuilder) layer {
		return one("MultiHeadAttention "+name, f64(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return f(layers.MultiHeadAttention(ctx, x, x, x, 2, 3)).Done()
		})
	}
	recurrent := func(name string, f func(l *lstm.LSTM) *lstm.LSTM) layer {
		return layer{
			name: "lstm " + name, in: []shapes.Shape{f64(2, 3, 4)},
			f: func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
				all, last, cell := f(lstm.New(ctx, x[0], 3)).Done()
				return []*gx.Node{gx.TransposeAllAxes(all, 2, 0, 1, 3), gx.Transpose(last, 0, 1), gx.Transpose(cell, 0, 1)}
			},
		}
	}
	plain := func(l *lstm.LSTM) *lstm.LSTM { return l }
	return []layer{
		attention("of itself", func(b *layers.MultiHeadAttentionBuilder) *layers.MultiHeadAttentionBuilder { return b }),
		attention("causal", func(b *layers.MultiHeadAttentionBuilder) *layers.MultiHeadAttentionBuilder {
			return b.UseCausalMask().UseProjectionBias(false).SetOutputDim(5).SetKeyQueryDim(2)
		}),
		{
			name: "MultiHeadAttention of others, masked, with coefficients", in: []shapes.Shape{f64(2, 3, 4), f64(2, 5, 2)},
			f: func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
				key := gx.GreaterThan(gx.ReduceSum(x[1], -1), gx.Scalar(x[1].Graph(), dtypes.Float64, -1))
				query := gx.GreaterThan(gx.ReduceSum(x[0], -1), gx.Scalar(x[1].Graph(), dtypes.Float64, -10))
				y, c := layers.MultiHeadAttention(ctx, x[0], x[1], x[1], 2, 3).
					SetKeyMask(gx.BroadcastToDims(gx.InsertAxes(key, 1), 2, 2, 5)).SetQueryMask(query).DoneWithCoefficients()
				return []*gx.Node{y, c}
			},
		},
		recurrent("forward", plain),
		recurrent("reverse, peephole", func(l *lstm.LSTM) *lstm.LSTM { return l.Direction(lstm.DirReverse).UsePeephole(true) }),
		recurrent("bidirectional", func(l *lstm.LSTM) *lstm.LSTM { return l.Direction(lstm.DirBidirectional) }),
	}
}

func calibrationLayers() (ls []layer) {
	for _, trainable := range []bool{true, false} {
		name := map[bool]string{true: "trainable", false: "fixed"}[trainable]
		keypoints := func(x *gx.Node) *gx.Node { return gx.Const(x.Graph(), []float64{-1, -0.3, 0.4, 1.2}) }
		ls = append(ls,
			one("PieceWiseLinearCalibration "+name, f64(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
				return layers.PieceWiseLinearCalibration(ctx, x, keypoints(x), trainable)
			}),
			one("PieceWiseLinearCalibrationCascaded "+name, f64(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
				return layers.PieceWiseLinearCalibrationCascaded(ctx, x, keypoints(x), trainable)
			}),
		)
	}
	for _, version := range []string{"A", "B", "C", "D"} {
		ls = append(ls, one("rational "+version, f64(2, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return ofDegrees(rational.New(ctx, x)).Version(version).WithInputGroups(2).WithMultipleOutputs(3).WithMultiplier(true).Done()
		}))
	}
	return ls
}

// ofDegrees gives a rational function of degrees 3 and 2 its first coefficients:
// GoMLX knows them for some degrees and versions only.
func ofDegrees(c *rational.Config) *rational.Config {
	return c.WithDegrees(3, 2).WithInitialValues(tensors.FromValue([]float64{0, 1, 0.5, 0.1}), tensors.FromValue([]float64{0.3, 0.2}))
}

func vectorLayers() []layer {
	return []layer{
		one("vnn", f64(2, 3, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return vnn.New(ctx, x, 2).NumHiddenLayers(2, 4).Normalization("layer").Residual(true).Scaler(true).Done()
		}),
		one("vnn.Relu", f64(2, 3, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return vnn.Relu(ctx, x).ShareNonLinearity(true).NegativeSlope(0).Done()
		}),
		one("vnn.LayerNormalization", f64(2, 3, 3), func(_ *mlctx.Context, x *gx.Node) *gx.Node { return vnn.LayerNormalization(x, 1e-3) }),
		one("vnn.RotateOnOrigin", f64(2, 3, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			angle := func(name string) *gx.Node { return ctx.VariableWithShape(name, f64()).ValueGraph(x.Graph()) }
			return vnn.RotateOnOrigin(x, angle("roll"), angle("pitch"), angle("yaw"))
		}),
		{
			name: "vnn.InvariantDotProduct", in: []shapes.Shape{f64(2, 4, 3), f64(2, 4, 3)},
			f: func(_ *mlctx.Context, x []*gx.Node) []*gx.Node {
				return []*gx.Node{vnn.InvariantDotProduct(x[0], x[1])}
			},
		},
	}
}

// TestRefusedByGoMLX has the layers that GoMLX v0.26.0 itself cannot build, and
// what it says: they are in no other test.
func TestRefusedByGoMLX(t *testing.T) {
	const notPrefix = "Where() requires the condition shape to be a prefix"
	ragged := layer{name: "lstm ragged", in: []shapes.Shape{f64(2, 3, 4), i32(2)}, f: func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
		_, last, _ := lstm.New(ctx, x[0], 3).Ragged(x[1]).Done()
		return []*gx.Node{last}
	}}
	dropout := one("vnn.DropoutNormalize", f64(2, 4, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return vnn.DropoutNormalize(ctx, x, gx.Scalar(x.Graph(), x.DType(), 0.4), true)
	}).inTraining()
	for _, l := range []layer{ragged, dropout} {
		_, err := graph.Trace(mlctx.New(), l.name, func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
			ctx.SetTraining(g, l.training)
			return l.f(ctx, graph.Inputs(g, l.in...))
		})
		if err == nil || !strings.Contains(err.Error(), notPrefix) {
			t.Errorf("%s: error %v, want %q; if there is none, add it to the layers", l.name, err, notPrefix)
		}
	}
}

// trainingLayers draw random numbers in training mode, and do nothing in inference mode.
func trainingLayers() []layer {
	random := func(name string, x shapes.Shape, f func(ctx *mlctx.Context, x *gx.Node) *gx.Node) layer {
		l := one(name, x, f).inTraining()
		l.mixes = true // each example has its own draw
		return l
	}
	scalar := func(x *gx.Node, v float64) *gx.Node { return gx.Scalar(x.Graph(), x.DType(), v) }
	return []layer{
		random("Dropout", f64(2, 5), func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return layers.Dropout(ctx, x, scalar(x, 0.4)) }),
		random("DropoutStatic", f64(2, 5), func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return layers.DropoutStatic(ctx, x, 0.4) }),
		random("DropoutFromContext", f64(2, 5), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			ctx.SetParam(layers.ParamDropoutRate, 0.3)
			return layers.DropoutFromContext(ctx, x)
		}),
		random("DropPath", f64(4, 5), func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return layers.DropPath(ctx, x, scalar(x, 0.4)) }),
		random("DropBlock", f64(2, 4, 4, 2), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return layers.DropBlock(ctx, x).WithDropoutProbability(0.5).WithBlockSize(2).Done()
		}).only("ReduceWindow of booleans"),
		random("rational D", f64(2, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return ofDegrees(rational.New(ctx, x)).Version("D").Done()
		}),
	}
}
