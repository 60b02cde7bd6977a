"""Forward values of layers by neural-tangents' apply_fn, and of GRU by Keras.

    python layers_nt.py > layers_nt.json    (neural-tangents 0.6.5, jax 0.4.25, keras 3.15, tensorflow 2.21)

In float64. What neural-tangents has no layer for is computed by jax's own: groups
and dilation by lax.conv_general_dilated, maximum pools by example_libraries.stax.
Keras has the GRU that resets the state before the matrix (reset_after=False),
which PyTorch has not. Cases and fields are those of layers.py.
"""

import math
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax
from jax.example_libraries import stax as plain
from neural_tangents import stax

from stream import write


def apply(layer, x, params=(), **more):
    return layer[1](params, jnp.asarray(x), **more)


def by(net):
    return "ntk" if net.ntk else "standard"


def dense(net, x, width, w_std, b_std=None, axis=-1):
    n = x.shape[axis]
    W, b = net.take("W", n, width), (None if b_std is None else net.take("b", width))
    shape = [1] * x.ndim
    shape[axis] = width
    layer = stax.Dense(width, w_std, b_std, parameterization=by(net), channel_axis=axis)
    return apply(layer, x, (W, None if b is None else b.reshape(shape)))


def conv(net, x, width, filter, w_std, b_std=None, strides=None, padding="VALID", dilation=None, groups=1, kind=stax.Conv):
    per, spatial = x.shape[-1] // groups, len(filter)
    W, b = net.take("W", *filter, per, width), (None if b_std is None else net.take("b", width))
    if groups == 1 and not dilation:
        layer = kind(width, filter, strides, padding, w_std, b_std, parameterization=by(net), dimension_numbers=layout(spatial))
        return apply(layer, x, (W, None if b is None else b.reshape([1] * (spatial + 1) + [width])))
    assert net.ntk and b is not None and kind is stax.Conv
    z = lax.conv_general_dilated(x, W, strides or (1,) * spatial, padding, rhs_dilation=dilation or (1,) * spatial,
                                 dimension_numbers=layout(spatial), feature_group_count=groups)
    return w_std / math.sqrt(per * math.prod(filter)) * z + b_std * b


def layout(spatial):
    s = "DHW"[3 - spatial:]
    return (f"N{s}C", f"{s}IO", f"N{s}C")


def conv_transpose(net, x, **fields):
    return conv(net, x, kind=stax.ConvTranspose, **fields)


def conv_local(net, x, width, filter, w_std, b_std=None, strides=None, padding="VALID"):
    """jax flattens the channels of a patch before its taps: [out..., in taps, width]."""
    h, w, c = x.shape[1:]
    sh, sw = strides or (1, 1)
    if padding == "VALID":
        oh, ow = (h - filter[0]) // sh + 1, (w - filter[1]) // sw + 1
    else:
        oh, ow = -(-h // sh), -(-w // sw)
    taps = math.prod(filter)
    W, b = net.take("W", oh, ow, taps, c, width), (None if b_std is None else net.take("b", oh, ow, width))
    W = W.transpose(0, 1, 3, 2, 4).reshape(oh, ow, c * taps, width)
    layer = stax.ConvLocal(width, filter, strides, padding, w_std, b_std, parameterization=by(net))
    return apply(layer, x, (W, None if b is None else b[None]))


def self_attention(net, x, width, heads, n_key, n_val, linear_scaling=False, mechanism="SOFTMAX", wq_std=1, wk_std=1, wv_std=1,
                   wo_std=1, b_std=None, pos_emb="NONE", w_pos_emb_std=1, val_pos_emb=False):
    """With linear scaling both have one matrix, queries' here and keys' there."""
    d = x.shape[-1]
    Wq = net.take("Wq", heads, d, n_key)
    Wk = Wq if linear_scaling else net.take("Wk", heads, d, n_key)
    Wv, Wo = net.take("Wv", heads, d, n_val), net.take("Wo", n_val * heads, width)
    P = net.take("P", *x.shape[1:])[None] if pos_emb == "SUM" else None
    b = None if b_std is None else net.take("b", width).reshape([1] * (x.ndim - 1) + [width])
    layer = stax.GlobalSelfAttention(
        width, n_key, n_val, heads, linear_scaling, wk_std, wv_std, wq_std, wo_std, b_std, mechanism, pos_emb,
        W_pos_emb_std=w_pos_emb_std, val_pos_emb=val_pos_emb)
    return apply(layer, x, (None if linear_scaling else Wq, Wk, Wv, Wo, b, P))


def gru(net, x, width, u_std, w_std, b_std=None, output="all"):
    c = x.shape[-1]
    U, W, b = [], [], []
    for gate in "zrh":  # Keras' order
        U.append(net.weight("U" + gate, u_std, c, c, width))
        W.append(net.weight("W" + gate, w_std, width, width, width))
        b.append(net.bias(b_std, width, array="b" + gate))
    f = keras.layers.GRU(width, reset_after=False, return_sequences=output == "all", dtype="float64")
    f.build(x.shape)
    f.set_weights([np.concatenate(a, axis=-1) for a in (U, W, b)])
    return np.asarray(f(x))


def max_pool(net, x, window, strides=None, padding="VALID"):
    return apply(plain.MaxPool(tuple(window), tuple(strides or [1] * len(window)), padding), x)


def avg_pool(net, x, window, strides=None, padding="VALID", normalize_edges=False):
    return apply(stax.AvgPool(tuple(window), tuple(strides or [1] * len(window)), padding, normalize_edges), x)


def sum_pool(net, x, window, strides=None, padding="VALID"):
    return apply(stax.SumPool(tuple(window), tuple(strides or [1] * len(window)), padding), x)


def resize(net, x, shape, method="linear", antialias=True):
    return apply(stax.ImageResize((-1, *shape, -1), method, antialias), x)


def aggregate(net, x, axis=1, pattern="pattern"):
    """Their pattern has receivers along its last axis, as ours."""
    return apply(stax.Aggregate(aggregate_axis=axis), x, pattern=jnp.asarray(net.inputs[pattern]))


def activation(make):
    return lambda net, x, **fields: apply(make(**fields), x)


def of(layer):
    return lambda net, x: apply(layer, x)


TABLE = {
    "dense": dense, "conv": conv, "conv_transpose": conv_transpose, "conv_local": conv_local,
    "self_attention": self_attention, "gru": gru, "max_pool": max_pool, "avg_pool": avg_pool, "sum_pool": sum_pool,
    "global_avg_pool": of(stax.GlobalAvgPool()), "global_sum_pool": of(stax.GlobalSumPool()), "flatten": of(stax.Flatten()),
    "layer_norm": lambda net, x, axis, eps: apply(stax.LayerNorm(tuple(axis), eps), x),
    "image_resize": resize, "aggregate": aggregate,
    "relu": of(stax.Relu()), "abs": of(stax.Abs()), "sign": of(stax.Sign()), "sigmoid_like": of(stax.Sigmoid_like()), "gabor": of(stax.Gabor()),
    "leaky_relu": activation(stax.LeakyRelu), "abrelu": activation(stax.ABRelu), "gelu": activation(stax.Gelu), "rbf": activation(stax.Rbf),
    "erf": activation(stax.Erf), "sin": activation(stax.Sin), "cos": activation(stax.Cos), "exp": activation(stax.Exp),
    "gaussian": activation(stax.Gaussian), "hermite": activation(stax.Hermite), "monomial": activation(stax.Monomial),
    "rectified_monomial": activation(stax.RectifiedMonomial), "polynomial": activation(stax.Polynomial),
}


def op(_op, **fields):
    return {"op": _op, **fields}


gains = {"w_std": 1.5, "b_std": 0.3}
standard = {"parameterization": "standard"}


def convolved(kind="conv", **fields):
    return [op(kind, **{"width": 2, "filter": [3, 3], **gains, **fields})]


def attention(**fields):
    return [op("self_attention", **{"width": 3, "heads": 2, "n_key": 3, "n_val": 2, "linear_scaling": True,
                                    "wq_std": 1.2, "wk_std": 0.9, "wv_std": 1.3, "wo_std": 0.8, "b_std": 0.3, **fields})]


CASES = [
    ("dense", [op("dense", width=4, **gains)], [3, 5]),
    ("dense, standard", [op("dense", width=4, **gains)], [6], standard),
    ("conv SAME, strides", convolved(filter=[3, 2], strides=[2, 3], padding="SAME"), [5, 6, 2]),
    ("conv SAME, strides, even sides", convolved(strides=[2, 2], padding="SAME"), [6, 4, 2]),
    ("conv SAME, strides, dilation", convolved(strides=[2, 1], dilation=[1, 2], padding="SAME"), [5, 5, 2]),
    ("conv SAME, strides, depthwise", convolved(width=4, groups=4, strides=[2, 2], padding="SAME"), [5, 5, 4]),
    ("conv CIRCULAR", convolved(padding="CIRCULAR"), [3, 4, 2]),
    ("conv CIRCULAR, strides", convolved(strides=[2, 2], padding="CIRCULAR"), [4, 6, 2]),
    ("conv SAME, standard", convolved(strides=[2, 2], padding="SAME"), [4, 4, 2], standard),
    ("conv of rows", convolved(filter=[4], strides=[2], padding="SAME"), [9, 2]),
    ("conv of volumes", convolved(filter=[2, 2, 3], strides=[1, 2, 1], padding="SAME"), [3, 4, 3, 2]),
] + [
    (f"conv_transpose {p}, filter {k}, strides {s}", convolved("conv_transpose", filter=k, strides=s, padding=p), [2, 3, 2])
    for p in ("SAME", "VALID") for k, s in (([3, 3], [1, 1]), ([3, 2], [2, 2]), ([2, 4], [3, 1]), ([1, 3], [2, 3]))
] + [
    (f"conv_local {p}, strides {s}", convolved("conv_local", filter=[3, 2], strides=s, padding=p), [4, 5, 2])
    for p in ("SAME", "VALID", "CIRCULAR") for s in ([1, 1], [2, 1])
] + [
    (f"self_attention {m}, linear scaling {linear}", attention(mechanism=m, linear_scaling=linear), [4, 5])
    for m in ("SOFTMAX", "IDENTITY", "RELU", "ABS") for linear in (True, False)
] + [
    ("self_attention, positions", attention(pos_emb="SUM", w_pos_emb_std=0.7), [4, 5]),
    ("self_attention, positions, values too", attention(pos_emb="SUM", val_pos_emb=True, w_pos_emb_std=0.7), [4, 5]),
    ("self_attention, positions of an image", attention(pos_emb="SUM", w_pos_emb_std=0.7, linear_scaling=False, b_std=None), [2, 3, 4]),
    ("gru", [op("gru", width=4, u_std=1.1, **gains)], [5, 3]),
    ("gru, last", [op("gru", width=4, u_std=1.1, output="last", **gains)], [5, 3]),
    ("gru, no bias", [op("gru", width=3, u_std=1.1, w_std=0.8, b_std=None, output="all")], [4, 3]),
    ("gru, standard", [op("gru", width=3, u_std=1.1, output="last", **gains)], [4, 3], standard),
] + [
    (f"{kind} {p}, strides {s}", [op(kind, window=[2, 3], strides=s, padding=p)], [5, 6, 1])
    for kind, paddings in (("max_pool", ("SAME", "VALID")), ("sum_pool", ("SAME", "CIRCULAR")), ("avg_pool", ("SAME", "CIRCULAR")))
    for p in paddings for s in ([1, 2], [2, 2])
] + [
    (f"avg_pool {p}, edges", [op("avg_pool", window=[3, 2], strides=[2, 1], padding=p, normalize_edges=True)], [5, 4, 1])
    for p in ("SAME", "CIRCULAR")
] + [
    ("global_avg_pool", [op("global_avg_pool")], [3, 4, 2]),
    ("global_sum_pool", [op("global_sum_pool")], [3, 4, 2]),
    ("flatten", [op("flatten")], [2, 3, 2]),
    ("layer_norm of all", [op("layer_norm", axis=[1, 2, 3], eps=0.1)], [2, 3, 4]),
    ("layer_norm of columns", [op("layer_norm", axis=[2, -1], eps=0.1)], [2, 3, 4]),
    ("layer_norm of rows of a channel", [op("layer_norm", axis=[1], eps=0.1)], [3, 2, 2]),
    ("image_resize, antialias", [op("image_resize", shape=[3, 7], method="linear", antialias=True)], [7, 4, 1]),
    ("image_resize, linear", [op("image_resize", shape=[3, 7], method="linear", antialias=False)], [7, 4, 1]),
    ("image_resize, nearest", [op("image_resize", shape=[3, 7], method="nearest")], [7, 4, 1]),
    ("image_resize of rows", [op("image_resize", shape=[4])], [7, 2]),
    ("aggregate", [op("aggregate", axis=1, pattern="adjacency")], [3, 2], {"inputs": {"adjacency": [3, 3]}}),
    ("aggregate on another axis", [op("aggregate", axis=2)], [2, 3, 2], {"inputs": {"pattern": [3, 3]}}),
] + [
    (", ".join(["activation", name] + [f"{k} {v}" for k, v in fields.items()]), [op(name, **fields)], [6], {"times": 1.5})
    for name, fields in [
        ("relu", {}), ("abs", {}), ("sign", {}), ("sigmoid_like", {}), ("gabor", {}),
        ("leaky_relu", {"alpha": 0.2}), ("abrelu", {"a": -0.4, "b": 1.3}), ("gelu", {}), ("gelu", {"approximate": True}),
        ("rbf", {"gamma": 0.8}), ("erf", {"a": 1.3, "b": 0.7, "c": -0.2}), ("sin", {"a": 1.3, "b": 0.7, "c": -0.2}),
        ("cos", {"a": 1.3, "b": 0.7, "c": -0.2}), ("exp", {"a": 0.7, "b": -0.4}), ("gaussian", {"a": 1.3, "b": -0.6}),
        ("hermite", {"degree": 4}), ("monomial", {"degree": 3}), ("rectified_monomial", {"degree": 2}),
        ("polynomial", {"coef": [0.3, -1, 0, 0.5]}),
    ]
]

if __name__ == "__main__":
    # Keras is named by the cases whose layer it computes.
    write([(n, l, s, {**(f[0] if f else {}), **({"by": "Keras"} if l[0]["op"] == "gru" else {})}) for n, l, s, *f in CASES],
          TABLE, {"by": "neural-tangents"})
