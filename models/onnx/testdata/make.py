#!/usr/bin/env python3
"""Makes the ONNX files of this folder and what PyTorch says of them.

For each network NAME: NAME.onnx, exported at opset 17 with its parameters as
initializers, and NAME.npz with inputs x [N, ...], outputs f [N, O] and

    theta[n, m, o, p] = sum over parameters of df_o(x_n) * df_p(x_m),

by a loop of torch.autograd.grad over examples and outputs, in float64 at the
float32 weights of the file. ops.onnx has one output for each function of
class Ops; ops.npz has their inputs and values.

Debian 12: apt install python3-torch python3-onnx (torch 1.13.1, numpy 1.24.2).
"""
import copy
import os
import warnings

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
warnings.filterwarnings("ignore")
torch.set_num_threads(1)


def mlp():
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 12), nn.GELU(), nn.Linear(12, 3)), (6,)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False)
        self.bn2 = nn.BatchNorm2d(6)
        self.fc = nn.Linear(6 * 2 * 2, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.relu(self.bn2(self.conv2(x)))
        return self.fc(F.avg_pool2d(x, 2, stride=1, padding=1)[:, :, 1:, :2].flatten(1))


class Block(nn.Module):
    """The basic block of ResNet-18 (He et al., arXiv 1512.03385)."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(o)
        self.down = None
        if stride != 1 or i != o:
            self.down = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.down is None else self.down(x)))


class ResNet18(nn.Module):
    def __init__(self, w, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(3, w, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(w)
        stages = []
        i = w
        for k, o in enumerate([w, 2 * w, 4 * w, 8 * w]):
            stages += [Block(i, o, 1 if k == 0 else 2), Block(o, o, 1)]
            i = o
        self.stages = nn.Sequential(*stages)
        self.fc = nn.Linear(8 * w, outputs)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(F.adaptive_avg_pool2d(self.stages(x), 1).flatten(1))


class Transformer(nn.Module):
    """A pre-norm block on [N, 5, 8], the mean over tokens, and a head."""

    def __init__(self, d=8, heads=2, hidden=16, tokens=5):
        super().__init__()
        self.heads = heads
        self.position = nn.Parameter(0.3 * torch.randn(tokens, d))
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, hidden), nn.Linear(hidden, d)
        self.head = nn.Linear(d, 3)

    def forward(self, x):
        x = x + self.position
        n, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-1, -2) / (d // self.heads) ** 0.5).softmax(-1)
        x = x + self.proj((a @ v).transpose(1, 2).reshape(n, t, d))
        x = x + self.down(F.gelu(self.up(self.ln2(x))))
        return self.head(x.mean(1))


def encoder():
    """PyTorch's own encoder layer (post-norm), then the last token."""

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.head = nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.layer(x)[:, -1])

    return Encoder(), (4, 8)


NETWORKS = {
    "mlp": (mlp, 4),
    "cnn": (lambda: (CNN(), (2, 8, 8)), 3),
    "resnet18": (lambda: (ResNet18(3, 2), (3, 32, 32)), 3),
    "transformer": (lambda: (Transformer(), (5, 8)), 3),
    "encoder": (encoder, 3),
}


def export(net, x, name, inputs, outputs):
    torch.onnx.export(
        net, x, os.path.join(HERE, name + ".onnx"), opset_version=17, input_names=inputs, output_names=outputs,
        dynamic_axes={n: {0: "batch"} for n in inputs + outputs},
        # As written: no batch norms folded into convolutions, no weights transposed.
        training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)


def theta(net, x):
    params = [p for p in net.parameters()]
    f = net(x)
    rows = []
    for n in range(f.shape[0]):
        for o in range(f.shape[1]):
            g = torch.autograd.grad(f[n, o], params, retain_graph=True)
            rows.append(torch.cat([v.reshape(-1) for v in g]))
    j = torch.stack(rows).reshape(f.shape[0], f.shape[1], -1)
    return f.detach().numpy(), torch.einsum("nop,mqp->nmoq", j, j).numpy()


class Ops(nn.Module):
    """A value for each converter that the networks above do not reach."""

    def cases(self, x, y, image):
        p = x.abs() + 0.5
        s = image
        return {
            "sigmoid": torch.sigmoid(x), "tanh": torch.tanh(x), "erf": torch.erf(x), "exp": torch.exp(x),
            "log": torch.log(p), "sqrt": torch.sqrt(p), "abs": torch.abs(x), "neg": -x, "sign": torch.sign(x),
            "sin": torch.sin(x), "cos": torch.cos(x), "reciprocal": torch.reciprocal(p),
            "leaky_relu": F.leaky_relu(x, 0.2), "elu": F.elu(x, 1.5), "selu": F.selu(x), "celu": F.celu(x, 0.7),
            "softplus": F.softplus(x), "softsign": F.softsign(x), "hardsigmoid": F.hardsigmoid(3 * x),
            "hardswish": F.hardswish(3 * x), "silu": F.silu(x), "mish": F.mish(x), "gelu_tanh": F.gelu(x, approximate="tanh"),
            "prelu": F.prelu(x, self.slope), "clamp": torch.clamp(x, -0.5, 0.4), "clamp_min": torch.clamp(x, min=-0.2),
            "clamp_max": torch.clamp(x, max=0.3), "relu6": F.relu6(5 * x),
            "pow2": x ** 2, "pow3": x ** 3, "pow_half": p ** 0.5, "pow_tensor": p ** y.abs(),
            "add": x + y, "sub": x - y, "mul": x * y, "div": x / (y.abs() + 0.5), "broadcast": x * y[:, :1] + x[:1],
            "maximum": torch.maximum(x, y), "minimum": torch.minimum(x, y), "where": torch.where(x > y, x, 2 * y),
            "logical": torch.where((x > 0) & (y <= 0) | ~(x >= -1), x, y),
            "softmax": F.softmax(x, 1), "log_softmax": F.log_softmax(image, 1),
            "sum": image.sum((2, 3)), "sum_keep": image.sum(-1, keepdim=True), "mean": image.mean(1), "sum_all": x + image.sum(),
            "amax": image.amax((1, 2)), "amin": image.amin(3, keepdim=True), "logsumexp": torch.logsumexp(x, 1),
            "norm": torch.norm(x, dim=1), "norm1": torch.norm(x, p=1, dim=1, keepdim=True), "var": image.var((2, 3), unbiased=False),
            "flatten": image.flatten(2), "view": image.view(image.shape[0], -1, 7), "permute": image.permute(0, 3, 1, 2),
            "unsqueeze": x.unsqueeze(1).unsqueeze(-1), "squeeze": image[:, :1].squeeze(1),
            "cat": torch.cat([x, y, x], 1), "stack": torch.stack([x, y], 2), "split": torch.split(x, [1, 3], 1)[1] * 2,
            "chunk": torch.chunk(image, 2, 2)[1].contiguous(), "slice": image[:, :, 1:5:2, -3:], "index": image[:, 1, :, 2],
            "gather": image[:, :, :, [4, 0, -1]], "narrow": image[:, :, -4:-1],
            "expand": x.unsqueeze(2).expand(-1, -1, 3), "tile": x.repeat(1, 2), "pad": F.pad(image, (1, 2, 0, 1), value=0.25),
            "pad_negative": F.pad(image, (-1, 0, 2, -1)), "reflect": F.pad(image, (2, 1, 1, 0), mode="reflect"),
            "replicate": F.pad(image, (2, 1, 1, 0), mode="replicate"),
            "pixel_shuffle": F.pixel_shuffle(torch.cat([image, image + 1], 1), 2),
            "conv_stride": F.conv2d(s, self.w, self.b, stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
            "conv_groups": F.conv2d(s, self.wg, None, groups=2), "conv_even": F.conv2d(s, self.weven, None, padding=(1, 0)),
            "conv1d": F.conv1d(s.flatten(2), self.w1, None, stride=3, padding=1),
            "conv_transpose": F.conv_transpose2d(s, self.wt, self.bt, stride=2, padding=1, output_padding=1),
            "conv_transpose_groups": F.conv_transpose2d(s, self.wtg, None, stride=(1, 2), groups=2, dilation=(2, 1)),
            "max_pool": F.max_pool2d(s, (3, 2), (2, 1), (1, 0)), "max_pool_ceil": F.max_pool2d(s, 3, 2, 1, ceil_mode=True),
            "max_pool_dilated": F.max_pool2d(s, 2, 1, dilation=2), "avg_pool": F.avg_pool2d(s, 3, 2, 1),
            "avg_pool_exclude": F.avg_pool2d(s, 3, 2, 1, count_include_pad=False),
            "adaptive": F.adaptive_avg_pool2d(s, 1), "adaptive_max": F.adaptive_max_pool2d(s, 1),
            "batch_norm": F.batch_norm(s, self.mean, self.var, self.gain, self.bias, False, 0.1, 1e-3),
            "layer_norm": F.layer_norm(s, (7,), self.lg, self.lb, 1e-3), "layer_norm2": F.layer_norm(s, (6, 7), self.lg2, self.lb2),
            "group_norm": F.group_norm(torch.cat([s, 2 * s], 1), 2, self.gg, self.gb),
            "instance_norm": F.instance_norm(s, weight=self.gain, bias=self.bias),
            "linear": F.linear(x, self.l, self.lbias), "addmm": torch.addmm(self.lbias, x, self.l.t(), beta=0.5, alpha=2),
            "matmul": image @ image.transpose(2, 3), "matmul_vector": image @ self.vector, "einsum": torch.einsum("ncij,ncik->nckj", image, image),
            "cast": (x > 0).float() * y, "arange": x + torch.arange(x.shape[1]), "full": torch.full((x.shape[0], 2), 1.5) + x[:, :2],
            "tril": torch.tril(image @ image.transpose(2, 3)), "embedding": F.embedding(torch.tensor([2, 0, 1]), self.l) * x[:, None],
        }

    def __init__(self):
        super().__init__()
        r = lambda *s: nn.Parameter(torch.randn(*s))
        self.slope, self.w, self.b, self.wg, self.weven = r(1), r(3, 2, 3, 2), r(3), r(4, 1, 2, 2), r(2, 2, 2, 3)
        self.w1, self.wt, self.bt, self.wtg = r(2, 2, 4), r(2, 3, 3, 3), r(3), r(2, 2, 3, 2)
        self.register_buffer("mean", torch.randn(2))
        self.register_buffer("var", torch.rand(2) + 0.5)
        self.gain, self.bias, self.lg, self.lb, self.gg, self.gb = r(2), r(2), r(7), r(7), r(4), r(4)
        self.lg2, self.lb2 = r(6, 7), r(6, 7)
        self.l, self.lbias, self.vector = r(3, 4), r(3), r(7)
        self.names = None

    def forward(self, x, y, image):
        c = self.cases(x, y, image)
        self.names = list(c)
        return tuple(c.values())


def main():
    for k, (name, (build, n)) in enumerate(NETWORKS.items()):
        torch.manual_seed(k)
        net, shape = build()
        for m in net.modules():  # as after some training
            if isinstance(m, (nn.BatchNorm2d, nn.LayerNorm)):
                m.weight.data.uniform_(0.5, 1.5)
                m.bias.data.normal_(0, 0.3)
            if isinstance(m, nn.BatchNorm2d):
                m.running_mean.normal_(0, 0.3)
                m.running_var.uniform_(0.5, 1.5)
        net.eval()
        x = torch.randn(n, *shape)
        export(net, x, name, ["input"], ["output"])
        f, th = theta(copy.deepcopy(net).double(), x.double())
        np.savez(os.path.join(HERE, name + ".npz"), x=x.numpy(), f=f, theta=th)
        print(name, f.shape, sum(p.numel() for p in net.parameters()), np.abs(th).max())
    torch.manual_seed(100)
    ops = Ops().eval()
    args = (torch.randn(2, 4), torch.randn(2, 4), torch.randn(2, 2, 6, 7))
    values = ops(*args)
    names = ["out_" + n for n in ops.names]
    export(ops, args, "ops", ["x", "y", "image"], names)
    with torch.no_grad():
        values = copy.deepcopy(ops).double()(*[a.double() for a in args])
    arrays = {n: v.double().numpy() for n, v in zip(names, values)}
    np.savez_compressed(os.path.join(HERE, "ops.npz"), x=args[0].numpy(), y=args[1].numpy(), image=args[2].numpy(), **arrays)
    print("ops", len(names))


if __name__ == "__main__":
    main()
