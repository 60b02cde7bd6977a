"""Forward values of the zoo's networks, written from their papers in NumPy.

    python3 zoo.py > zoo.json        (numpy 1.24 or later)

Nothing here reads a Spec: every network is a function that takes its weights one
after the other from a stream of numbers, in the order in which its layers stand
(W, then b; a residual block's main branch, then its shortcut). A test gives the
same numbers to the networks that package models builds. All in float64.

Parameterization NTK: z = w_std/sqrt(fan-in) W x + b_std b, with both in each
config. Layouts: images NHWC, filters HWIO, dense weights [in, out].
"""

import json
import math

import numpy as np


class Stream:
    """x' = 1103515245 x + 12345 mod 2^31; numbers are sqrt(3) (x / 2^30 - 1)."""

    def __init__(self, seed):
        self.x = seed

    def take(self, *shape):
        n = math.prod(shape)
        out = np.empty(n)
        for i in range(n):
            self.x = (1103515245 * self.x + 12345) % 2**31
            out[i] = math.sqrt(3) * (self.x / 2**30 - 1)
        return out.reshape(shape)


erf = np.vectorize(math.erf)


def relu(x):
    return np.maximum(x, 0)


def gelu(x):
    return x * (1 + erf(x / math.sqrt(2))) / 2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_norm(x):
    m = x.mean(axis=-1, keepdims=True)
    return (x - m) / np.sqrt(((x - m) ** 2).mean(axis=-1, keepdims=True) + 1e-5)


def batch_norm(x):
    axes = tuple(range(x.ndim - 1))
    m = x.mean(axis=axes, keepdims=True)
    return (x - m) / np.sqrt(((x - m) ** 2).mean(axis=axes, keepdims=True) + 1e-5)


def none(x):
    return x


class Net:
    def __init__(self, stream, w_std, b_std, act=relu, norm=none):
        self.s, self.w, self.b, self.act, self.norm = stream, w_std, b_std, act, norm

    def hidden(self, x):
        return self.act(self.norm(x))

    def dense(self, x, width, gain=None):
        n = x.shape[-1]
        w, b = self.s.take(n, width), self.s.take(width)
        return (self.w if gain is None else gain) / math.sqrt(n) * x @ w + self.b * b

    def conv(self, x, width, k=3, stride=1, valid=False):
        n, h, w, c = x.shape
        f, b = self.s.take(k, k, c, width), self.s.take(width)
        if not valid:  # SAME: as many outputs as strides fit, zeros around
            def pads(size):
                total = max((-(-size // stride) - 1) * stride + k - size, 0)
                return total // 2, total - total // 2
            x = np.pad(x, ((0, 0), pads(h), pads(w), (0, 0)))
        oh, ow = (x.shape[1] - k) // stride + 1, (x.shape[2] - k) // stride + 1
        z = np.zeros((n, oh, ow, width))
        for i in range(oh):
            for j in range(ow):
                patch = x[:, i * stride:i * stride + k, j * stride:j * stride + k]
                z[:, i, j] = patch.reshape(n, -1) @ f.reshape(-1, width)
        return self.w / math.sqrt(k * k * c) * z + self.b * b

    def attention(self, x, heads, linear):
        n, t, d = x.shape
        m = d // heads
        wq = self.s.take(heads, d, m)
        wk = wq if linear else self.s.take(heads, d, m)
        wv, wo = self.s.take(heads, d, m), self.s.take(m * heads, d)
        bq = bk = bv = np.zeros((heads, m))
        if not linear:
            bq, bk, bv = self.s.take(heads, m), self.s.take(heads, m), self.s.take(heads, m)
        b = self.s.take(d)
        y = np.zeros((n, t, m * heads))
        for e in range(n):
            for h in range(heads):
                q = x[e] @ wq[h] / math.sqrt(d) + self.b * bq[h]
                k = x[e] @ wk[h] / math.sqrt(d) + self.b * bk[h]
                v = x[e] @ wv[h] / math.sqrt(d) + self.b * bv[h]
                a = np.exp(q @ k.T / (m if linear else math.sqrt(m)))
                y[e, :, h::heads] = a / a.sum(axis=1, keepdims=True) @ v
        return y @ wo / math.sqrt(m * heads) + self.b * b

    def perceptron(self, x, hidden):
        d = x.shape[-1]
        return x + self.dense(self.act(self.dense(self.norm(x), hidden)), d)

    def encoder(self, x, depth, heads, linear=False):
        for _ in range(depth):
            x = x + self.attention(self.norm(x), heads, linear)
            x = self.perceptron(x, 4 * x.shape[-1])
        return self.norm(x)


def gap(x):
    return x.mean(axis=tuple(range(1, x.ndim - 1)))


def flat(x):
    return x.reshape(len(x), -1)


def pool(x):
    """2x2 average pools of stride 2, along sides of 2 pixels or more."""
    h, w = x.shape[1], x.shape[2]
    if h > 1:
        x = (x[:, 0:h - h % 2:2] + x[:, 1:h:2]) / 2
    if w > 1:
        x = (x[:, :, 0:w - w % 2:2] + x[:, :, 1:w:2]) / 2
    return x


def mlp(net, x, c):
    x = flat(x)
    for _ in range(c["depth"]):
        x = net.hidden(net.dense(x, c["width"]))
    return net.dense(x, c["outputs"])


def cnn(readout):
    def f(net, x, c):
        for _ in range(c["depth"]):
            x = net.hidden(net.conv(x, c["width"]))
        return net.dense(readout(x), c["outputs"])
    return f


def myrtle(*stages):
    def f(net, x, c):
        for i, n in enumerate(stages):
            for _ in range(n):
                x = net.hidden(net.conv(x, c["width"]))
            x = pool(x)
        return net.dense(flat(pool(pool(x))), c["outputs"])
    return f


def vgg11(net, x, c):
    for width, n in ((1, 1), (2, 1), (4, 2), (8, 2), (8, 2)):
        for _ in range(n):
            x = net.hidden(net.conv(x, width * c["width"]))
        x = pool(x)
    return net.dense(flat(x), c["outputs"])


def resnet_small(net, x, c):
    w = c["width"]
    x = net.conv(x, w)
    for _ in range(c["depth"]):
        x = x + net.conv(net.hidden(net.conv(net.hidden(x), w)), w)
    return net.dense(gap(net.hidden(x)), c["outputs"])


def resnet(blocks, bottleneck=False, stem=0):
    def f(net, x, c):
        x = net.conv(x, stem or c["width"])
        for stage, n in enumerate(blocks or [c["depth"]] * 4):
            w = c["width"] * 2**stage
            for block in range(n):
                stride = 2 if stage > 0 and block == 0 else 1
                if bottleneck:
                    y = net.conv(net.hidden(x), w, 1)
                    y = net.conv(net.hidden(y), w, 3, stride)
                    y = net.conv(net.hidden(y), 4 * w, 1)
                else:
                    y = net.conv(net.hidden(x), w, 3, stride)
                    y = net.conv(net.hidden(y), w)
                if stride != 1 or y.shape[-1] != x.shape[-1]:
                    x = net.conv(x, y.shape[-1], 1, stride)
                x = y + x
        return net.dense(gap(net.hidden(x)), c["outputs"])
    return f


def wide_resnet(net, x, c):
    return resnet([c["depth"]] * 3, stem=16)(net, x, c)


def densenet(net, x, c):
    g = c["width"]
    x = net.conv(x, 2 * g)
    for block in range(3):
        if block:
            x = pool(net.conv(net.hidden(x), x.shape[-1] // 2, 1))
        for _ in range(c["depth"]):
            y = net.conv(net.hidden(x), 4 * g, 1)
            y = net.conv(net.hidden(y), g)
            x = np.concatenate([x, y], axis=-1)
    return net.dense(gap(net.hidden(x)), c["outputs"])


def patches(net, x, c):
    return net.conv(x, c["width"], 4, 4, valid=True).reshape(len(x), -1, c["width"])


def mixer(net, x, c):
    x = patches(net, x, c)
    t = x.shape[1]
    for _ in range(c["depth"]):
        y = net.norm(x).transpose(0, 2, 1)
        y = net.dense(net.act(net.dense(y, c["width"] // 2)), t)
        x = net.perceptron(x + y.transpose(0, 2, 1), 4 * c["width"])
    return net.dense(gap(net.norm(x)), c["outputs"])


def vit(net, x, c):
    x = patches(net, x, c)
    token = np.broadcast_to(net.s.take(c["width"]), (len(x), 1, c["width"]))
    x = np.concatenate([token, x], axis=1)
    x = x + net.s.take(*x.shape[1:])
    return net.dense(net.encoder(x, c["depth"], c["heads"])[:, 0], c["outputs"])


def waves(t, d):
    p = np.empty((t, d))
    for i in range(d):
        at = np.arange(t) / 10000 ** ((i - i % 2) / d)
        p[:, i] = np.cos(at) if i % 2 else np.sin(at)
    return p


def transformer(linear):
    def f(net, x, c):
        if c.get("vocabulary"):
            x = net.s.take(c["vocabulary"], c["width"])[x.astype(int)]
        else:
            x = net.dense(x, c["width"])
        x = x + waves(*x.shape[1:])
        return net.dense(gap(net.encoder(x, c["depth"], c["heads"], linear)), c["outputs"])
    return f


def rnn(net, x, c):
    gain = net.w / math.sqrt(2)
    for _ in range(c["depth"]):
        n, steps, d = x.shape
        w = c["width"]
        u, v, b = net.s.take(d, w), net.s.take(w, w), net.s.take(w)
        h, states = np.zeros((n, w)), []
        for t in range(steps):
            h = np.tanh(gain * (x[:, t] @ u / math.sqrt(d) + h @ v / math.sqrt(w)) + net.b * b)
            states.append(h)
        x = np.stack(states, axis=1)
    return net.dense(x[:, -1], c["outputs"])


def gru(net, x, c):
    gain, w = net.w / math.sqrt(2), c["width"]
    for _ in range(c["depth"]):
        n, steps, d = x.shape
        gates = [(net.s.take(d, w), net.s.take(w, w), net.s.take(w)) for _ in range(3)]

        def pre(gate, xt, h):
            u, v, b = gate
            return gain * (xt @ u / math.sqrt(d) + h @ v / math.sqrt(w)) + net.b * b
        h, states = np.zeros((n, w)), []
        for t in range(steps):
            z, r = sigmoid(pre(gates[0], x[:, t], h)), sigmoid(pre(gates[1], x[:, t], h))
            h = z * h + (1 - z) * np.tanh(pre(gates[2], x[:, t], r * h))
            states.append(h)
        x = np.stack(states, axis=1)
    return net.dense(x[:, -1], c["outputs"])


def deepsets(net, x, c):
    for _ in range(c["depth"]):
        x = net.hidden(net.dense(x, c["width"]))
    x = x.mean(axis=1)
    for _ in range(c["depth"]):
        x = net.hidden(net.dense(x, c["width"]))
    return net.dense(x, c["outputs"])


image, small, sequence = [8, 8, 3], [4, 6, 2], [5, 3]
NETWORKS = [
    # name, function, depth (0: the published), width, input shape, more of the config
    ("mlp", mlp, 3, 6, [7], {}),
    ("mlp", mlp, 2, 5, [2, 3, 2], {"norm": "layer"}),
    ("shallow", mlp, 1, 6, [7], {}),
    ("cnn", cnn(flat), 2, 4, small, {}),
    ("cnn-gap", cnn(gap), 2, 4, small, {}),
    ("cnn-maxpool", cnn(lambda x: x.max(axis=(1, 2))), 2, 4, small, {}),
    ("myrtle5", myrtle(2, 1, 1), 0, 3, image, {}),
    ("myrtle7", myrtle(2, 2, 2), 0, 3, image, {}),
    ("myrtle10", myrtle(3, 3, 3), 0, 3, image, {}),
    ("vgg11", vgg11, 0, 2, [32, 32, 1], {}),
    ("resnet-small", resnet_small, 2, 3, small, {}),
    ("resnet18", resnet([]), 2, 2, image, {}),
    ("resnet18-ln", resnet([]), 2, 2, image, {"norm": "layer"}),
    ("resnet18-bn", resnet([]), 2, 2, image, {"norm": "batch"}),
    ("resnet34", resnet([3, 4, 6, 3]), 0, 2, image, {}),
    ("resnet50", resnet([3, 4, 6, 3], True), 0, 1, image, {}),
    ("wide-resnet", wide_resnet, 1, 4, image, {}),
    ("densenet", densenet, 2, 3, image, {}),
    ("mixer-s", mixer, 2, 6, image, {"norm": "layer", "activation": "gelu"}),
    ("vit-tiny", vit, 2, 8, image, {"heads": 2, "norm": "layer", "activation": "gelu"}),
    ("transformer", transformer(False), 2, 8, sequence, {"heads": 2, "norm": "layer"}),
    ("transformer", transformer(False), 1, 8, [5], {"heads": 4, "norm": "layer", "vocabulary": 9}),
    ("transformer-linear", transformer(True), 2, 8, sequence, {"heads": 1, "norm": "layer"}),
    ("rnn", rnn, 2, 6, sequence, {"activation": "tanh"}),
    ("gru", gru, 2, 6, sequence, {"activation": "tanh"}),
    ("deepsets", deepsets, 2, 6, sequence, {}),
]


def main():
    cases = []
    for i, (name, f, depth, width, shape, more) in enumerate(NETWORKS):
        config = {"width": width, "outputs": 3, "w_std": 1.3, "b_std": 0.2, "input_shape": shape}
        if depth:
            config["depth"] = depth
        config.update(more)
        stream = Stream(1000 + i)
        x = stream.take(2, *shape)
        if "vocabulary" in config:
            x = np.floor((x / math.sqrt(3) + 1) / 2 * config["vocabulary"])
        act = {"relu": relu, "gelu": gelu, "tanh": np.tanh}[config.get("activation", "relu")]
        norm = {"none": none, "layer": layer_norm, "batch": batch_norm}[config.get("norm", "none")]
        y = f(Net(stream, 1.3, 0.2, act, norm), x, {"depth": depth, **config})
        cases.append({"name": name, "seed": 1000 + i, "config": config, "next": stream.x, "output": y.ravel().tolist()})
    print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")


main()
