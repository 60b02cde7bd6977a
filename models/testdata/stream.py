"""Weights that scripts and tests draw alike, and the files of reference values.

The references take their weights, one array after the other, from a stream of
numbers that a test draws again: only outputs are kept.
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


class Layers:
    """The layers of a case, given to a table of functions, one an op.

    A function gets this object, the layer's fields and x, and returns y. Layers
    with weights are p0, p1, ... in order; only the parameterizations mup and
    mean-field ask which of so many is the first and the last.
    """

    def __init__(self, table, stream, parameterization, inputs, weighted):
        self.table, self.stream, self.inputs = table, stream, inputs
        self.parameterization, self.weighted = parameterization, weighted
        self.ntk = parameterization == "ntk"
        self.arrays, self.kept, self.count = [], {}, 0

    def run(self, layers, x):
        for layer in layers:
            fields = {k: v for k, v in layer.items() if k not in ("op", "name", "share")}
            self.layer, self.at = layer, None
            x = self.table[layer["op"]](self, x, **fields)
        return x

    def take(self, array, *shape):
        """An array of the layer at hand; one called variance is positive."""
        if "share" in self.layer:
            return self.kept[self.layer["share"], array]
        if self.at is None:
            self.at = self.layer.get("name", f"p{self.count}")
            self.count += 1
        a = self.stream.take(*shape)
        if array == "variance":
            a = abs(a) + 0.5
        self.arrays.append([f"{self.at}_{array}", list(shape)])
        self.kept[self.at, array] = a
        return a

    def weight(self, array, gain, n, *shape):
        """s W for the fan-in n, the fan-out being the last of shape."""
        W, m = self.take(array, *shape), shape[-1]
        if self.parameterization == "ntk":
            return gain / math.sqrt(n) * W
        if self.parameterization == "standard":
            return W
        first, last = self.count == 1, self.count == self.weighted
        if self.parameterization == "mean-field":  # arXiv 1804.06561, eq. (1)
            return gain * W / (n if last else math.sqrt(n))
        if self.parameterization == "mup":  # arXiv 2011.14522, table 1
            return W * (math.sqrt(m) if first else 1 / math.sqrt(n) if last else 1)
        s = self.parameterization["all"]["weight"]["s"]
        return gain ** s.get("gain", 0) * n ** s.get("in", 0) * m ** s.get("out", 0) * W

    def bias(self, gain, *shape, array="b"):
        """s_b b, zeros without one."""
        if gain is None:
            return np.zeros(shape)
        b = self.take(array, *shape)
        if self.parameterization == "standard":
            return b
        if self.parameterization == "mup" and self.count < self.weighted:
            return math.sqrt(shape[-1]) * b
        if isinstance(self.parameterization, dict):
            return gain ** self.parameterization["all"]["bias"]["s"]["gain"] * b
        return gain * b


def write(cases, table, more):
    """Prints the cases (name, layers, input shape, fields) as JSON.

    A field times says by what x is multiplied, inputs which ones there are besides,
    weighted how many layers have weights.
    """
    lines = []
    for i, (name, layers, shape, *fields) in enumerate(cases):
        c = {"name": name, "seed": 1 + 1000003 * i, "parameterization": "ntk", "input_shape": shape,
             "layers": layers, **more, **(fields[0] if fields else {})}
        stream = Stream(c["seed"])
        x = stream.take(2, *shape) * c.get("times", 1)
        inputs = {k: stream.take(2, *s) for k, s in c.get("inputs", {}).items()}
        net = Layers(table, stream, c["parameterization"], inputs, c.get("weighted"))
        y = np.asarray(net.run(layers, x), dtype=np.float64)
        assert np.isfinite(y).all(), name
        c |= {"arrays": net.arrays, "output_shape": list(y.shape)}
        # 13 digits: relative to the largest entry an error of 1e-13 at most.
        numbers = ",".join(f"{v:.13g}" for v in y.ravel())
        lines.append(json.dumps(c)[:-1] + f', "output": [{numbers}]}}')
    print("[\n" + ",\n".join(lines) + "\n]")
