"""Forward values of the layers of package models by PyTorch, in float64.

    python3 layers.py > layers.json        (Debian's python3-torch 1.13)

Every layer is evaluated by the function of PyTorch that computes it; images are
NHWC, filters HWIO, dense weights [in, out] here and turned for PyTorch. Where
PyTorch has no function of that kind its tensor operations stand. layers_nt.py
has what neural-tangents computes: paddings with strides, local and transposed
convolutions, attention without softmax, resizing, aggregation.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from shaped import leaky_dks, smooth, trelu_slope
from stream import write

torch.set_default_dtype(torch.float64)


def tensor(a):
    return torch.from_numpy(np.ascontiguousarray(a)).double()


def first(x):
    """NHWC to NCHW."""
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


# Weights.

def dense(net, x, width, w_std, b_std=None, axis=-1, s=(1, 1)):
    x = tensor(x).movedim(axis, -1)
    n, m = x.shape[-1], s[1] * width
    w = net.weight("W", w_std, n, n, m) / (1 if net.ntk else math.sqrt(s[0]))
    return F.linear(x, tensor(w).T, tensor(net.bias(b_std, m))).movedim(-1, axis)


def conv(net, x, width, filter, w_std, b_std=None, strides=None, padding="VALID", dilation=None, groups=1):
    x = tensor(x)
    per, dims = x.shape[-1] // groups, len(filter)
    w = net.weight("W", w_std, per * math.prod(filter), *filter, per, width)
    cls = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)[dims - 1]
    f = cls(x.shape[-1], width, filter, strides or 1, "valid" if padding == "VALID" else "same", dilation or 1, groups,
            padding_mode="circular" if padding == "CIRCULAR" else "zeros")
    f.weight.data = tensor(w).movedim(-1, 0).movedim(-1, 1).contiguous()
    f.bias.data = tensor(net.bias(b_std, width))
    return last(f(first(x))).detach()


def conv_transpose(net, x, width, filter, strides, w_std, b_std=None, padding="VALID"):
    """PyTorch's is the adjoint of its convolution: its filter is ours turned round."""
    assert padding == "VALID" and all(k >= s for k, s in zip(filter, strides)), "see layers_nt.py"
    x = tensor(x)
    c = x.shape[-1]
    w = tensor(net.weight("W", w_std, c * math.prod(filter), *filter, c, width)).flip(0, 1)
    return last(F.conv_transpose2d(first(x), w.permute(2, 3, 0, 1), tensor(net.bias(b_std, width)), strides))


def conv_local(net, x, width, filter, w_std, b_std=None, strides=(1, 1)):
    x = tensor(x)
    n, h, w, c = x.shape
    oh, ow = ((h - filter[0]) // strides[0] + 1, (w - filter[1]) // strides[1] + 1)
    taps = math.prod(filter)
    W = tensor(net.weight("W", w_std, taps * c, oh, ow, taps, c, width))
    b = tensor(net.bias(b_std, oh, ow, width))
    patches = F.unfold(first(x), filter, stride=strides).reshape(n, c, taps, oh, ow)
    return torch.einsum("ncthw,hwtco->nhwo", patches, W) + b


def embedding(net, x, vocabulary, width, w_std):
    rows = tensor(x).floor().clamp(0, vocabulary - 1).long()
    return F.embedding(rows, tensor(net.weight("E", w_std, 1, vocabulary, width)))


def position_embedding(net, x, std=1, kind="trained"):
    x = tensor(x)
    if kind == "trained":
        return x + tensor(net.weight("P", std, 1, *x.shape[1:]))
    # As in PyTorch's tutorial of the transformer.
    steps, d = x.shape[1:]
    position = torch.arange(steps).double().unsqueeze(1)
    div = torch.exp(torch.arange(0, d, 2).double() * (-math.log(10000.0) / d))
    pe = torch.zeros(steps, d)
    pe[:, 0::2] = torch.sin(position * div)
    pe[:, 1::2] = torch.cos(position * div)
    return x + std * pe


def class_token(net, x, std=1):
    x = tensor(x)
    token = tensor(net.weight("W", std, 1, x.shape[-1]))
    return torch.cat([token.expand(len(x), 1, -1), x], dim=1)


def self_attention(net, x, width, heads, n_key, n_val, causal=False, wq_std=1, wk_std=1, wv_std=1, wo_std=1, b_std=None,
                   qkv_b_std=None, linear_scaling=False):
    """torch.nn.MultiheadAttention, whose heads are blocks of features.

    There n_key = n_val, heads n_key = width = d. Its head h has the features h n_val
    to (h+1) n_val; in our Wo the feature v of head h is v heads + h.
    """
    x = tensor(x)
    n, *positions, d = x.shape
    assert not linear_scaling and n_key == n_val and heads * n_key == d == width, "see layers_nt.py"
    x = x.reshape(n, -1, d)
    wq, wk = net.weight("Wq", wq_std, d, heads, d, n_key), net.weight("Wk", wk_std, d, heads, d, n_key)
    wv = net.weight("Wv", wv_std, d, heads, d, n_val)
    wo = net.weight("Wo", wo_std, n_val * heads, n_val * heads, width)
    bq, bk, bv = (net.bias(qkv_b_std, heads, n_key, array=a) for a in ("bq", "bk", "bv"))
    b = net.bias(b_std, width)

    f = torch.nn.MultiheadAttention(d, heads, batch_first=True)
    f.in_proj_weight.data = torch.cat([tensor(w.transpose(0, 2, 1).reshape(d, d)) for w in (wq, wk, wv)])
    f.in_proj_bias.data = torch.cat([tensor(a.reshape(-1)) for a in (bq, bk, bv)])
    f.out_proj.weight.data = tensor(wo.reshape(n_val, heads, width).transpose(2, 1, 0).reshape(width, d))
    f.out_proj.bias.data = tensor(b)
    t = x.shape[1]
    hidden = torch.ones(t, t, dtype=torch.bool).triu(1) if causal else None
    y, _ = f(x, x, x, attn_mask=hidden, need_weights=True)
    return y.detach().reshape(n, *positions, width)


def rnn(net, x, width, u_std, w_std, b_std=None, activation="tanh", output="all"):
    x = tensor(x)
    c = x.shape[-1]
    f = torch.nn.RNN(c, width, nonlinearity=activation, batch_first=True)
    f.weight_ih_l0.data = tensor(net.weight("U", u_std, c, c, width)).T.contiguous()
    f.weight_hh_l0.data = tensor(net.weight("W", w_std, width, width, width)).T.contiguous()
    f.bias_ih_l0.data = tensor(net.bias(b_std, width))
    f.bias_hh_l0.data = torch.zeros(width)
    states, final = f(x)
    return (states if output == "all" else final[0]).detach()


# Norms.

def moved(net, x, affine, f, shift=True):
    """f on NCHW, with scale and shift per channel."""
    scale = tensor(net.take("scale", x.shape[-1])) if affine else None
    shift = tensor(net.take("shift", x.shape[-1])) if affine and shift else None
    return last(f(first(tensor(x)), scale, shift))


def layer_norm(net, x, axis=(-1,), eps=1e-12, affine=False):
    x, rank = tensor(x), len(x.shape)
    axes = sorted(a % rank for a in axis)
    if axes == [rank - 1]:
        scale, shift = (tensor(net.take(a, x.shape[-1])) if affine else None for a in ("scale", "shift"))
        return F.layer_norm(x, x.shape[-1:], scale, shift, eps)
    if axes == list(range(1, rank)):  # everything: one group of channels
        return moved(net, x, affine, lambda z, s, b: F.group_norm(z, 1, s, b, eps))
    assert not affine and axes == list(range(axes[0], rank))
    return F.layer_norm(x, x.shape[axes[0]:], None, None, eps)


def group_norm(net, x, groups, eps=1e-12, affine=False):
    return moved(net, x, affine, lambda z, s, b: F.group_norm(z, groups, s, b, eps))


def rms_norm(net, x, axis=(-1,), eps=1e-12, affine=False):
    x = tensor(x)
    y = x * torch.rsqrt(x.pow(2).mean(dim=tuple(axis), keepdim=True) + eps)
    return y * tensor(net.take("scale", x.shape[-1])) if affine else y


def batch_norm(net, x, mode="train", eps=1e-12, affine=False):
    if mode == "train":
        return moved(net, x, affine, lambda z, s, b: F.batch_norm(z, None, None, s, b, True, eps=eps))
    c = x.shape[-1]
    scale, shift = (tensor(net.take(a, c)) if affine else None for a in ("scale", "shift"))
    mean, variance = tensor(net.take("mean", c)), tensor(net.take("variance", c))
    return last(F.batch_norm(first(tensor(x)), mean, variance, scale, shift, False, eps=eps))


# Pools and shapes.

def max_pool(net, x, window, strides=None, padding="VALID"):
    f = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(window) - 1]
    return last(f(first(tensor(x)), window, strides or 1))


def avg_pool(net, x, window, strides=None, padding="VALID", normalize_edges=False):
    """SAME for odd windows and stride 1, which PyTorch pads alike on both sides."""
    assert padding == "VALID" or all(k % 2 for k in window) and not strides, "see layers_nt.py"
    pads = 0 if padding == "VALID" else tuple(k // 2 for k in window)
    f = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(window) - 1]
    return last(f(first(tensor(x)), window, strides or 1, pads, count_include_pad=not normalize_edges))


def sum_pool(net, x, window, strides=None):
    f = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(window) - 1]
    return last(f(first(tensor(x)), window, strides or 1)) * math.prod(window)


def global_avg_pool(net, x):
    return F.adaptive_avg_pool2d(first(tensor(x)), 1).flatten(1)


def global_sum_pool(net, x):
    return tensor(x).sum(dim=tuple(range(1, x.ndim - 1)))


def residual(net, x, main, shortcut=()):
    return net.run(main, x) + net.run(shortcut, x)


def concat(net, x, branches, axis=-1):
    return torch.cat([tensor(net.run(b, x)) for b in branches], dim=axis)


def prod(net, x, branches):
    return torch.stack([tensor(net.run(b, x)) for b in branches]).prod(dim=0)


def glu(net, x, activation="sigmoid"):
    if activation == "sigmoid":
        return F.glu(tensor(x), dim=-1)
    a, b = tensor(x).chunk(2, dim=-1)
    return a * ACTIVATIONS[activation](b)


def image_resize(net, x, shape, method="linear", antialias=True):
    modes = {"linear": "bilinear", "nearest": "nearest-exact"}
    return last(F.interpolate(first(tensor(x)), tuple(shape), mode=modes[method], antialias=antialias and method == "linear"))


def slice_(net, x, spatial):
    return tensor(x)[(slice(None), *(slice(*s) for s in spatial))]


def aggregate(net, x, axis=1, pattern="pattern"):
    x = tensor(x).movedim(axis, 1)
    return torch.einsum("nij,ni...->nj...", tensor(net.inputs[pattern]), x).movedim(1, axis)


# Activations.

ACTIVATIONS = {
    "identity": torch.nn.Identity(), "relu": F.relu, "abs": torch.abs, "sign": torch.sign, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "softplus": F.softplus, "swish": F.silu, "selu": F.selu,
    "sigmoid_like": lambda x: torch.special.ndtr(x * math.sqrt(2) / 2.4020563531719796),
    "gabor": lambda x: torch.exp(-x * x) * torch.sin(x),
}


def plain(name):
    return lambda net, x: ACTIVATIONS[name](tensor(x))


def power(x, n):
    return tensor(x).pow(n)


def hermite(net, x, degree):
    return tensor(np.polynomial.hermite_e.hermeval(np.asarray(x), [0] * degree + [1])) / math.sqrt(math.factorial(degree))


def dks(net, x, fn, depth, slope=1.5):
    if fn == "relu":
        a, gamma, delta = leaky_dks(depth, slope)
        return gamma * (F.leaky_relu(tensor(x), a) + delta)
    alpha, beta, gamma, delta = smooth(fn, [1, 1, 0, slope ** (1 / depth), None])
    return gamma * (SMOOTH[fn](alpha * tensor(x) + beta) + delta)


def tat(net, x, fn, depth, curvature=0.3):
    alpha, beta, gamma, delta = smooth(fn, [1, 1, None, 1, curvature / depth])
    return gamma * (SMOOTH[fn](alpha * tensor(x) + beta) + delta)


SMOOTH = {"tanh": torch.tanh, "softplus": F.softplus, "gelu": F.gelu}


def trelu(net, x, depth, correlation=0.9):
    a = trelu_slope(depth, correlation)
    return F.leaky_relu(tensor(x), a) * math.sqrt(2 / (1 + a * a))


TABLE = {name: plain(name) for name in ACTIVATIONS} | {
    "dense": dense, "conv": conv, "conv_transpose": conv_transpose, "conv_local": conv_local,
    "embedding": embedding, "position_embedding": position_embedding, "class_token": class_token,
    "self_attention": self_attention, "rnn": rnn,
    "layer_norm": layer_norm, "group_norm": group_norm, "rms_norm": rms_norm, "batch_norm": batch_norm,
    "max_pool": max_pool, "avg_pool": avg_pool, "sum_pool": sum_pool,
    "global_avg_pool": global_avg_pool, "global_sum_pool": global_sum_pool,
    "flatten": lambda net, x: tensor(x).flatten(1),
    "tokens": lambda net, x: tensor(x).flatten(1, -2),
    "residual": residual, "concat": concat, "prod": prod, "glu": glu,
    "dropout": lambda net, x, keep_rate, mode=None: F.dropout(tensor(x), 1 - keep_rate, training=False),
    "image_resize": image_resize, "slice": slice_, "aggregate": aggregate,
    "leaky_relu": lambda net, x, alpha: F.leaky_relu(tensor(x), alpha),
    "elu": lambda net, x, alpha: F.elu(tensor(x), alpha),
    "abrelu": lambda net, x, a, b: b * F.leaky_relu(tensor(x), a / b),
    "gelu": lambda net, x, approximate=False: F.gelu(tensor(x), approximate="tanh" if approximate else "none"),
    "rbf": lambda net, x, gamma: math.sqrt(2) * torch.sin(math.sqrt(2 * gamma) * tensor(x) + math.pi / 4),
    "erf": lambda net, x, a=1, b=1, c=0: a * torch.erf(b * tensor(x)) + c,
    "sin": lambda net, x, a=1, b=1, c=0: a * torch.sin(b * tensor(x) + c),
    "cos": lambda net, x, a=1, b=1, c=0: a * torch.cos(b * tensor(x) + c),
    "exp": lambda net, x, a=1, b=1: a * torch.exp(b * tensor(x)),
    "gaussian": lambda net, x, a=1, b=-1: a * torch.exp(b * tensor(x) ** 2),
    "monomial": lambda net, x, degree: power(x, degree),
    "rectified_monomial": lambda net, x, degree: power(F.relu(tensor(x)), degree),
    "hermite": hermite,
    "polynomial": lambda net, x, coef: tensor(np.polynomial.Polynomial(coef)(np.asarray(x))),
    "numerical": lambda net, x, fn, deg=0: ACTIVATIONS[fn](tensor(x)),
    "dks": dks, "tat": tat, "trelu": trelu,
}


def op(_op, **fields):
    return {"op": _op, **fields}


gains = {"w_std": 1.5, "b_std": 0.3}
image, volume, row = [5, 6, 4], [3, 4, 3, 2], [7, 2]
standard = {"parameterization": "standard"}


def convolved(**fields):
    return [op("conv", **{"width": 2, "filter": [3, 3], **gains, **fields})]


def attention(**fields):
    return [op("self_attention", **{"width": 6, "heads": 3, "n_key": 2, "n_val": 2, "linear_scaling": False,
                                    "wq_std": 1.2, "wk_std": 0.9, "wv_std": 1.3, "wo_std": 0.8, "b_std": 0.3, **fields})]


def perceptron(depth):
    hidden = [op("dense", width=4, **gains), op("tanh"), op("dense", width=5, **gains), op("tanh")][:2 * depth]
    return [*hidden, op("dense", width=2, **gains)]


mine = {"name": "mine", "all": {"weight": {"s": {"gain": 0.5, "in": -0.25, "out": 0.3}}, "bias": {"s": {"gain": 2}}}}

# Name, layers, shape of an input, other fields.
CASES = [
    ("dense", [op("dense", width=4, **gains)], [6]),
    ("dense, no bias", [op("dense", width=4, w_std=1.5, b_std=None)], [6]),
    ("dense, bias of gain 0", [op("dense", width=4, w_std=1.5, b_std=0)], [6]),
    ("dense of positions", [op("dense", width=4, **gains)], [3, 2, 5]),
    ("dense along an axis", [op("dense", width=4, axis=1, **gains)], [3, 2, 5]),
    ("dense, standard", [op("dense", width=4, **gains)], [6], standard),
    ("dense, standard, split", [op("dense", width=2, s=[2, 3], **gains)], [6], standard),
    ("dense, named and shared", [op("dense", width=4, name="first", **gains), op("tanh"), op("dense", width=4, share="first", **gains)], [4]),

    ("perceptron, mup", perceptron(2), [6], {"parameterization": "mup", "weighted": 3}),
    ("perceptron, mean-field", perceptron(1), [6], {"parameterization": "mean-field", "weighted": 2}),
    ("perceptron, a parameterization of one's own", perceptron(2), [6], {"parameterization": mine}),

    ("conv VALID", convolved(padding="VALID"), image),
    ("conv VALID, strides", convolved(filter=[2, 3], strides=[2, 1], padding="VALID"), image),
    ("conv VALID, dilation", convolved(filter=[2, 3], dilation=[3, 2], padding="VALID"), image),
    ("conv VALID, strides and dilation", convolved(filter=[2, 2], strides=[1, 2], dilation=[2, 3], padding="VALID"), image),
    ("conv SAME", convolved(padding="SAME"), [3, 4, 2]),
    ("conv SAME, even filter", convolved(filter=[2, 4], padding="SAME"), [3, 4, 2]),
    ("conv SAME, dilation", convolved(filter=[3, 2], dilation=[2, 3], padding="SAME"), [4, 5, 2]),
    ("conv SAME, no bias", convolved(padding="SAME", b_std=None), [3, 4, 2]),
    ("conv CIRCULAR", convolved(padding="CIRCULAR"), [3, 4, 2]),
    ("conv CIRCULAR, even filter", convolved(filter=[2, 4], padding="CIRCULAR"), [3, 5, 2]),
    ("conv CIRCULAR, dilation", convolved(filter=[2, 3], dilation=[3, 2], padding="CIRCULAR"), [5, 6, 2]),
    ("conv, groups", convolved(width=6, groups=2, padding="VALID"), image),
    ("conv, depthwise", convolved(width=8, groups=4, padding="VALID"), image),
    ("conv, groups, SAME, dilation", convolved(width=4, groups=2, dilation=[2, 1], padding="SAME"), [3, 3, 4]),
    ("conv of rows", convolved(filter=[3], strides=[2], padding="VALID"), row),
    ("conv of volumes", convolved(filter=[2, 2, 3], strides=[1, 2, 1], padding="VALID"), volume),
    ("conv 1x1", convolved(filter=[1, 1], strides=[2, 2], padding="VALID"), [3, 3, 2]),
    ("conv, standard", convolved(padding="SAME"), [3, 4, 2], standard),

    ("conv_transpose VALID", [op("conv_transpose", width=2, filter=[2, 3], strides=[2, 1], padding="VALID", **gains)], [2, 3, 2]),
    ("conv_transpose VALID, standard", [op("conv_transpose", width=2, filter=[3, 3], strides=[2, 3], padding="VALID", **gains)], [2, 2, 2], standard),
    ("conv_local VALID", [op("conv_local", width=2, filter=[3, 2], **gains)], [4, 5, 2]),
    ("conv_local VALID, strides", [op("conv_local", width=2, filter=[2, 2], strides=[2, 1], w_std=1.5)], [5, 4, 2]),
    ("conv_local VALID, standard", [op("conv_local", width=2, filter=[2, 2], **gains)], [3, 3, 2], standard),

    ("self_attention", attention(), [4, 6]),
    ("self_attention, causal", attention(causal=True), [4, 6]),
    ("self_attention, biases", attention(qkv_b_std=0.7), [4, 6]),
    ("self_attention, biases, causal", attention(qkv_b_std=0.7, causal=True), [4, 6]),
    ("self_attention of an image", attention(b_std=None), [2, 3, 6]),
    ("self_attention, one head", attention(heads=1, n_key=6, n_val=6), [3, 6]),
    ("self_attention, standard", attention(qkv_b_std=0.7), [3, 6], standard),

    ("embedding", [op("embedding", vocabulary=5, width=3, w_std=1.5)], [4], {"times": 4}),
    ("embedding of an image", [op("embedding", vocabulary=7, width=2, w_std=1.5)], [2, 3], {"times": 4}),
    ("embedding, standard", [op("embedding", vocabulary=5, width=3, w_std=1.5)], [4], {"times": 4, **standard}),
    ("position_embedding", [op("position_embedding", std=0.7)], [3, 4]),
    ("position_embedding of an image", [op("position_embedding", kind="trained")], [2, 2, 3]),
    ("position_embedding, standard", [op("position_embedding", std=0.7)], [3, 4], standard),
    ("position_embedding, waves", [op("position_embedding", kind="waves", std=0.7)], [5, 6]),
    ("class_token", [op("class_token", std=0.7)], [3, 4]),
    ("class_token, standard", [op("class_token")], [3, 4], standard),
    ("tokens", [op("tokens")], [2, 3, 2]),

    ("rnn", [op("rnn", width=4, u_std=1.1, **gains)], [5, 3]),
    ("rnn, last", [op("rnn", width=4, u_std=1.1, output="last", **gains)], [5, 3]),
    ("rnn, relu", [op("rnn", width=4, u_std=1.1, activation="relu", output="all", **gains)], [5, 3]),
    ("rnn, no bias", [op("rnn", width=4, u_std=1.1, w_std=0.8, b_std=None, output="last")], [5, 3]),
    ("rnn, standard", [op("rnn", width=4, u_std=1.1, output="last", **gains)], [5, 3], standard),

    ("layer_norm", [op("layer_norm")], [2, 2, 5]),
    ("layer_norm, affine", [op("layer_norm", eps=1e-3, affine=True)], [2, 2, 5]),
    ("layer_norm of vectors", [op("layer_norm", eps=0.1, affine=True)], [5]),
    ("layer_norm of all", [op("layer_norm", axis=[1, 2, 3], eps=0.1, affine=True)], [2, 3, 4]),
    ("layer_norm of columns", [op("layer_norm", axis=[2, -1], eps=1e-5)], [2, 3, 4]),
    ("rms_norm", [op("rms_norm", eps=0.1)], [2, 2, 5]),
    ("rms_norm, affine", [op("rms_norm", eps=1e-5, affine=True)], [2, 2, 5]),
    ("rms_norm of all", [op("rms_norm", axis=[1, 2, 3], eps=0.1, affine=True)], [2, 2, 5]),
    ("group_norm", [op("group_norm", groups=2, eps=1e-3)], [2, 2, 6]),
    ("group_norm, affine", [op("group_norm", groups=3, eps=0.1, affine=True)], [2, 2, 6]),
    ("group_norm, instances", [op("group_norm", groups=4, eps=0.1)], [2, 3, 4]),
    ("batch_norm", [op("batch_norm", eps=1e-3)], [2, 3, 4]),
    ("batch_norm, affine", [op("batch_norm", mode="train", eps=0.1, affine=True)], [2, 3, 4]),
    ("batch_norm, running", [op("batch_norm", mode="running", eps=1e-3)], [2, 3, 4]),
    ("batch_norm, running, affine", [op("batch_norm", mode="running", eps=0.1, affine=True)], [2, 3, 4]),

    ("max_pool", [op("max_pool", window=[2, 3])], image),
    ("max_pool, strides", [op("max_pool", window=[3, 2], strides=[2, 3], padding="VALID")], image),
    ("max_pool of rows", [op("max_pool", window=[3], strides=[2])], row),
    ("avg_pool", [op("avg_pool", window=[2, 3])], image),
    ("avg_pool, strides", [op("avg_pool", window=[3, 2], strides=[2, 3], padding="VALID")], image),
    ("avg_pool SAME", [op("avg_pool", window=[3, 3], padding="SAME")], [3, 4, 2]),
    ("avg_pool SAME, edges", [op("avg_pool", window=[3, 5], padding="SAME", normalize_edges=True)], [3, 4, 2]),
    ("sum_pool", [op("sum_pool", window=[2, 3], strides=[1, 2])], image),
    ("sum_pool of volumes", [op("sum_pool", window=[2, 1, 3])], volume),
    ("global_avg_pool", [op("global_avg_pool")], image),
    ("global_sum_pool", [op("global_sum_pool")], image),
    ("global_sum_pool of volumes", [op("global_sum_pool")], volume),
    ("flatten", [op("flatten")], [2, 3, 2]),

    ("residual", [op("residual", main=[op("relu"), op("dense", width=4, **gains)])], [2, 4]),
    ("residual, both", [op("residual", main=[op("dense", width=3, **gains)], shortcut=[op("abs"), op("dense", width=3, w_std=0.7)])], [2, 4]),
    ("concat", [op("concat", branches=[[], [op("abs")], [op("dense", width=2, **gains)]])], [2, 3]),
    ("concat along an axis", [op("concat", axis=1, branches=[[op("slice", spatial=[[0, 2, 1], [0, 2, 1]])], []])], [3, 2, 2]),
    ("prod", [op("prod", branches=[[op("dense", width=3, **gains)], [op("cos")], []])], [2, 3]),
    ("glu", [op("glu")], [2, 6]),
    ("glu, relu", [op("glu", activation="relu")], [2, 6]),
    ("glu, swish", [op("glu", activation="swish")], [6]),
    ("dropout, inference", [op("dropout", keep_rate=0.5)], [6]),
    ("dropout, test", [op("dropout", keep_rate=0.5, mode="test")], [6]),
    ("image_resize, linear up", [op("image_resize", shape=[5, 7], antialias=False)], [3, 4, 1]),
    ("image_resize, linear down", [op("image_resize", shape=[2, 3], method="linear", antialias=False)], [5, 7, 1]),
    ("image_resize, antialias", [op("image_resize", shape=[3, 2])], [7, 5, 1]),
    ("image_resize, nearest", [op("image_resize", shape=[5, 3], method="nearest")], [3, 4, 1]),
    ("slice", [op("slice", spatial=[[1, 4, 2], [0, 6, 4]])], image),
    ("aggregate", [op("aggregate", axis=1, pattern="adjacency")], [3, 2], {"inputs": {"adjacency": [3, 3]}}),
    ("aggregate on another axis", [op("aggregate", axis=2)], [2, 3, 2], {"inputs": {"pattern": [3, 3]}}),
] + [(name, [op(name)], [6], {"times": 2}) for name in ACTIVATIONS] + [
    (", ".join(["activation", name] + [f"{k} {v}" for k, v in fields.items()]), [op(name, **fields)], [6], {"times": 1.5})
    for name, fields in [
        ("leaky_relu", {"alpha": 0.2}), ("elu", {"alpha": 0.7}), ("abrelu", {"a": -0.4, "b": 1.3}),
        ("gelu", {}), ("gelu", {"approximate": True}), ("rbf", {"gamma": 0.8}),
        ("erf", {}), ("erf", {"a": 1.3, "b": 0.7, "c": -0.2}), ("sin", {}), ("sin", {"a": 1.3, "b": 0.7, "c": -0.2}),
        ("cos", {}), ("cos", {"a": 1.3, "b": 0.7, "c": -0.2}), ("exp", {}), ("exp", {"a": 0.7, "b": -0.4}),
        ("gaussian", {}), ("gaussian", {"a": 1.3, "b": -0.6}), ("monomial", {"degree": 1}), ("monomial", {"degree": 3}),
        ("rectified_monomial", {"degree": 2}), ("hermite", {"degree": 1}), ("hermite", {"degree": 5}),
        ("polynomial", {"coef": [0.3]}), ("polynomial", {"coef": [0.3, -1, 0, 0.5]}), ("numerical", {"fn": "swish", "deg": 25}),
        ("dks", {"fn": "tanh", "depth": 10}), ("dks", {"fn": "softplus", "depth": 20, "slope": 2}), ("dks", {"fn": "relu", "depth": 5}),
        ("tat", {"fn": "tanh", "depth": 10}), ("tat", {"fn": "gelu", "depth": 20, "curvature": 0.5}),
        ("trelu", {"depth": 50}), ("trelu", {"depth": 20, "correlation": 0.5}),
    ]
]

if __name__ == "__main__":
    write(CASES, TABLE, {"by": "PyTorch"})
