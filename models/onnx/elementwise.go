package onnx

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"

	"github.com/gontk/ntk/models"
)

// A function of one number, in the graph and on the host.
type function struct {
	graph func(x *gx.Node) *gx.Node
	host  func(x float64) float64
}

var (
	abs        = function{gx.Abs, math.Abs}
	cos        = function{gx.Cos, math.Cos}
	erf        = function{gx.Erf, math.Erf}
	exp        = function{gx.Exp, math.Exp}
	log        = function{gx.Log, math.Log}
	neg        = function{gx.Neg, func(x float64) float64 { return -x }}
	reciprocal = function{gx.Reciprocal, func(x float64) float64 { return 1 / x }}
	sign       = function{gx.Sign, func(x float64) float64 { return truth(x > 0) - truth(x < 0) }}
	sin        = function{gx.Sin, math.Sin}
	sqrt       = function{gx.Sqrt, math.Sqrt}
	tanh       = function{gx.Tanh, math.Tanh}
	ceil       = function{nil, math.Ceil}
	floor      = function{nil, math.Floor}
)

func unary(f function) func(c *call) []*value {
	return func(c *call) []*value {
		if l := c.in[0].lit; l != nil {
			return c.must(combine(l.kind, func(v []float64) float64 { return f.host(v[0]) }, l))
		}
		return result(f.graph(c.x(0)))
	}
}

// hostUnary is for functions without a derivative: shapes are rounded by them.
func hostUnary(f function) func(c *call) []*value {
	return func(c *call) []*value {
		l := c.known(0)
		return c.must(combine(l.kind, func(v []float64) float64 { return f.host(v[0]) }, l))
	}
}

// relu is max(x, 0). Its derivative at 0 is 1, as everywhere in GoMLX; PyTorch has 0.
func relu(c *call) []*value { return result(models.ReLU(c.x(0))) }

func identity(c *call) []*value { return []*value{c.in[0]} }

// dropout is the identity, as in inference.
func dropout(c *call) []*value {
	if c.has(2) && c.number(2) != 0 {
		c.fail("the file was exported in training mode; export it in inference mode")
	}
	return identity(c)
}

func sigmoid(c *call) []*value { return result(gx.Sigmoid(c.x(0))) }

func softplus(c *call) []*value { return result(models.Softplus(c.x(0))) }

func selu(c *call) []*value {
	const alpha, gamma = 1.67326319217681884765625, 1.05070102214813232421875 // ONNX's defaults
	return result(gx.MulScalar(models.ELU(c.x(0), c.float("alpha", alpha)), c.float("gamma", gamma)))
}

func elu(c *call) []*value { return result(models.ELU(c.x(0), c.float("alpha", 1))) }

// celu is α·elu(x/α).
func celu(c *call) []*value {
	a := c.float("alpha", 1)
	if a == 0 {
		c.fail("attribute alpha is 0")
	}
	return result(gx.MulScalar(models.ELU(gx.MulScalar(c.x(0), 1/a), 1), a))
}

func geluOp(c *call) []*value {
	switch a := c.text("approximate", "none"); a {
	case "none", "tanh":
		return result(models.GELU(c.x(0), a == "tanh"))
	default:
		c.fail("attribute approximate is %q; want none or tanh", a)
		return nil
	}
}

// mish is x·tanh(softplus(x)).
func mish(c *call) []*value { return result(gx.Mul(c.x(0), gx.Tanh(models.Softplus(c.x(0))))) }

func softsign(c *call) []*value { return result(gx.Div(c.x(0), gx.AddScalar(gx.Abs(c.x(0)), 1.0))) }

func leakyRelu(c *call) []*value { return result(models.ABReLU(c.x(0), c.float("alpha", 0.01), 1)) }

// hardSigmoidOf is max(0, min(1, αx + β)).
func hardSigmoidOf(x *gx.Node, alpha, beta float64) *gx.Node {
	return gx.MaxScalar(gx.MinScalar(gx.AddScalar(gx.MulScalar(x, alpha), beta), 1.0), 0.0)
}

func hardSigmoid(c *call) []*value {
	return result(hardSigmoidOf(c.x(0), c.float("alpha", 0.2), c.float("beta", 0.5)))
}

func hardSwish(c *call) []*value { return result(gx.Mul(c.x(0), hardSigmoidOf(c.x(0), 1.0/6, 0.5))) }

// prelu is max(x, 0) + slope·min(x, 0), the slope broadcast to x.
func prelu(c *call) []*value {
	x := c.x(0)
	slope := c.spread(c.x(1), x.Shape().Dimensions)
	pos := models.ReLU(x)
	return result(gx.Add(pos, gx.Mul(slope, gx.Sub(x, pos))))
}

// clip bounds by attributes up to opset 10, by inputs from then on.
func clip(c *call) []*value {
	x := c.in[0]
	low, high := math.Inf(-1), math.Inf(1)
	if c.m.opset < 11 {
		low, high = c.float("min", low), c.float("max", high)
	} else {
		if c.has(1) {
			low = c.number(1)
		}
		if c.has(2) {
			high = c.number(2)
		}
	}
	if x.lit != nil {
		return c.must(combine(x.lit.kind, func(v []float64) float64 { return math.Min(math.Max(v[0], low), high) }, x.lit))
	}
	y := x.node
	if !math.IsInf(low, -1) {
		y = gx.MaxScalar(y, low)
	}
	if !math.IsInf(high, 1) {
		y = gx.MinScalar(y, high)
	}
	return result(y)
}

func cast(c *call) []*value {
	e, err := elemOf(int64(c.integer("to", 0)))
	if err != nil {
		panic(err)
	}
	v := c.in[0]
	if l := v.lit; l != nil {
		return c.must(combine(e.kind, func(v []float64) float64 {
			switch e.kind {
			case whole:
				return math.Trunc(v[0])
			case logical:
				return truth(v[0] != 0)
			}
			return v[0]
		}, l))
	}
	dt := c.dtypeOf(e.kind)
	if e.kind == whole && v.node.DType().IsInt() || v.node.DType() == dt {
		return []*value{v}
	}
	if dt == dtypes.Bool {
		return result(gx.NotEqual(v.node, gx.ZerosLike(v.node)))
	}
	return result(gx.ConvertDType(v.node, dt))
}

func not(c *call) []*value {
	if l := c.in[0].lit; l != nil {
		return c.must(combine(logical, func(v []float64) float64 { return truth(v[0] == 0) }, l))
	}
	return result(gx.LogicalNot(c.x(0)))
}
