"""Forward values of the zoo's networks, written from their papers in PyTorch.

    python3 zoo.py > zoo.json        (Debian's python3-torch 1.13)

Nothing here reads a Spec: every network is a function that takes its weights one
after the other from a stream of numbers, in the order in which its layers stand
(W, then b; a residual block's main branch, then its shortcut). A test gives the
same numbers to the networks that package models builds. All in float64.

Parameterization NTK: z = w_std/sqrt(fan-in) W x + b_std b, with both in each
config. Layouts: images NHWC, filters HWIO, dense weights [in, out].
"""

import json
import math

import torch
import torch.nn.functional as F

from stream import Stream

torch.set_default_dtype(torch.float64)


def layer_norm(x):
    return F.layer_norm(x, x.shape[-1:], eps=1e-5)


def batch_norm(x):
    return F.batch_norm(x.movedim(-1, 1), None, None, training=True, eps=1e-5).movedim(1, -1)


def none(x):
    return x


class Net:
    def __init__(self, stream, w_std, b_std, act=F.relu, norm=none):
        self.s, self.w, self.b, self.act, self.norm = stream, w_std, b_std, act, norm

    def hidden(self, x):
        return self.act(self.norm(x))

    def take(self, *shape):
        return torch.from_numpy(self.s.take(*shape))

    def dense(self, x, width, gain=None):
        n = x.shape[-1]
        w, b = self.take(n, width), self.take(width)
        return F.linear(x, (self.w if gain is None else gain) / math.sqrt(n) * w.T, self.b * b)

    def conv(self, x, width, k=3, stride=1, valid=False):
        n, h, w, c = x.shape
        f, b = self.take(k, k, c, width), self.take(width)
        x = x.permute(0, 3, 1, 2)
        if not valid:  # SAME: as many outputs as strides fit, zeros around
            def pads(size):
                total = max((-(-size // stride) - 1) * stride + k - size, 0)
                return total // 2, total - total // 2
            x = F.pad(x, (*pads(w), *pads(h)))
        z = F.conv2d(x, self.w / math.sqrt(k * k * c) * f.permute(3, 2, 0, 1), self.b * b, stride)
        return z.permute(0, 2, 3, 1)

    def attention(self, x, heads, linear):
        """torch.nn.MultiheadAttention, whose heads are blocks of features; in Wo the
        feature v of head h is v heads + h. It divides by sqrt(m): where keys are
        queries and the divisor is m, both are smaller by the fourth root."""
        d = x.shape[-1]
        m = d // heads
        wq = self.take(heads, d, m)
        wk = wq if linear else self.take(heads, d, m)
        wv, wo = self.take(heads, d, m), self.take(m, heads, d)
        bq = bk = bv = torch.zeros(heads, m)
        if not linear:
            bq, bk, bv = self.take(heads, m), self.take(heads, m), self.take(heads, m)
        b = self.take(d)
        if linear:
            wq = wk = wq / m**0.25
        f = torch.nn.MultiheadAttention(d, heads, batch_first=True)
        f.in_proj_weight.data = torch.cat([w.transpose(1, 2).reshape(d, d) for w in (wq, wk, wv)]) / math.sqrt(d)
        f.in_proj_bias.data = torch.cat([self.b * a.flatten() for a in (bq, bk, bv)])
        f.out_proj.weight.data = wo.transpose(0, 1).reshape(d, d).T.contiguous() / math.sqrt(d)
        f.out_proj.bias.data = self.b * b
        return f(x, x, x)[0].detach()

    def perceptron(self, x, hidden):
        d = x.shape[-1]
        return x + self.dense(self.act(self.dense(self.norm(x), hidden)), d)

    def encoder(self, x, depth, heads, linear=False):
        for _ in range(depth):
            x = x + self.attention(self.norm(x), heads, linear)
            x = self.perceptron(x, 4 * x.shape[-1])
        return self.norm(x)


def gap(x):
    return x.mean(dim=tuple(range(1, x.ndim - 1)))


def flat(x):
    return x.flatten(1)


def pool(x):
    """2x2 average pools of stride 2, along sides of 2 pixels or more."""
    window = (min(x.shape[1], 2), min(x.shape[2], 2))
    return F.avg_pool2d(x.permute(0, 3, 1, 2), window, window).permute(0, 2, 3, 1)


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
            x = torch.cat([x, y], dim=-1)
    return net.dense(gap(net.hidden(x)), c["outputs"])


def patches(net, x, c):
    return net.conv(x, c["width"], 4, 4, valid=True).reshape(len(x), -1, c["width"])


def mixer(net, x, c):
    x = patches(net, x, c)
    t = x.shape[1]
    for _ in range(c["depth"]):
        y = net.norm(x).transpose(1, 2)
        y = net.dense(net.act(net.dense(y, c["width"] // 2)), t)
        x = net.perceptron(x + y.transpose(1, 2), 4 * c["width"])
    return net.dense(gap(net.norm(x)), c["outputs"])


def vit(net, x, c):
    x = patches(net, x, c)
    token = net.take(c["width"]).expand(len(x), 1, -1)
    x = torch.cat([token, x], dim=1)
    x = x + net.take(*x.shape[1:])
    return net.dense(net.encoder(x, c["depth"], c["heads"])[:, 0], c["outputs"])


def waves(t, d):
    p = torch.empty(t, d)
    for i in range(d):
        at = torch.arange(t) / 10000 ** ((i - i % 2) / d)
        p[:, i] = torch.cos(at) if i % 2 else torch.sin(at)
    return p


def transformer(linear):
    def f(net, x, c):
        if c.get("vocabulary"):
            x = F.embedding(x.long(), net.take(c["vocabulary"], c["width"]))
        else:
            x = net.dense(x, c["width"])
        x = x + waves(*x.shape[1:])
        return net.dense(gap(net.encoder(x, c["depth"], c["heads"], linear)), c["outputs"])
    return f


def rnn(net, x, c):
    gain, w = net.w / math.sqrt(2), c["width"]
    for _ in range(c["depth"]):
        d = x.shape[-1]
        f = torch.nn.RNN(d, w, batch_first=True)
        f.weight_ih_l0.data = gain / math.sqrt(d) * net.take(d, w).T.contiguous()
        f.weight_hh_l0.data = gain / math.sqrt(w) * net.take(w, w).T.contiguous()
        f.bias_ih_l0.data = net.b * net.take(w)
        f.bias_hh_l0.data = torch.zeros(w)
        x = f(x)[0].detach()
    return net.dense(x[:, -1], c["outputs"])


def gru(net, x, c):
    """As in arXiv 1406.1078: r acts before the matrix, in torch.nn.GRU behind it."""
    gain, w = net.w / math.sqrt(2), c["width"]
    for _ in range(c["depth"]):
        d = x.shape[-1]
        gates = [(net.take(d, w), net.take(w, w), net.take(w)) for _ in range(3)]

        def pre(gate, xt, h):
            u, v, b = gate
            return F.linear(xt, gain / math.sqrt(d) * u.T, net.b * b) + F.linear(h, gain / math.sqrt(w) * v.T)
        h, states = torch.zeros(len(x), w), []
        for xt in x.unbind(1):
            z, r = torch.sigmoid(pre(gates[0], xt, h)), torch.sigmoid(pre(gates[1], xt, h))
            h = torch.lerp(torch.tanh(pre(gates[2], xt, r * h)), h, z)
            states.append(h)
        x = torch.stack(states, dim=1)
    return net.dense(x[:, -1], c["outputs"])


def deepsets(net, x, c):
    for _ in range(c["depth"]):
        x = net.hidden(net.dense(x, c["width"]))
    x = x.mean(dim=1)
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
    ("cnn-maxpool", cnn(lambda x: x.amax(dim=(1, 2))), 2, 4, small, {}),
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
        x = torch.from_numpy(stream.take(2, *shape))
        if "vocabulary" in config:
            x = torch.floor((x / math.sqrt(3) + 1) / 2 * config["vocabulary"])
        act = {"relu": F.relu, "gelu": F.gelu, "tanh": torch.tanh}[config.get("activation", "relu")]
        norm = {"none": none, "layer": layer_norm, "batch": batch_norm}[config.get("norm", "none")]
        y = f(Net(stream, 1.3, 0.2, act, norm), x, {"depth": depth, **config})
        cases.append({"name": name, "seed": 1000 + i, "config": config, "next": stream.x, "output": y.flatten().tolist()})
    print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")


main()
