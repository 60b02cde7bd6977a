"""The other side of the benchmark: neural-tangents, one timed run per command.

Reads commands, one JSON object a line, from standard input and answers each
with one line on standard output; peers/protocol.go has the fields. Between
commands it waits in a read and takes no processor time.

How neural-tangents is called: networks are built from its own stax layers, and
Theta is

    jax.jit(nt.empirical_ntk_fn(apply, trace_axes=(), vmap_axes=0,
                                implementation=...))(x, None, params)

as its documentation advises (vmap_axes=0: examples do not interact), with
trace_axes=(-1,) for the mean over outputs (it divides the trace by their number)
and diagonal_axes=(-1,) for the diagonal. The limit is jax.jit of kernel_fn(x, None, "ntk"). Weights
and inputs are on jax's device before the clock starts, the first call, which
compiles, is not a timed one, and jax uses as many threads as it likes. Made for
neural-tangents 0.6.5 on jax 0.4.25: later jax breaks its structured derivatives.
"""

import json
import os
import sys
import time

# What libraries print must not end up between the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
try:
    # If memory runs out, the kernel shall end this process and no other.
    with open("/proc/self/oom_score_adj", "w") as f:
        f.write("1000")
except OSError:
    pass

from importlib import metadata

import jax
import jax.numpy as jnp
import neural_tangents as nt
import numpy as np
from neural_tangents import stax

COMMON = {"op"}
FIELDS = {
    "dense": {"width", "w_std", "b_std"},
    "conv": {"width", "filter", "strides", "padding", "w_std", "b_std"},
    "relu": set(),
    "erf": set(),
    "flatten": set(),
    "global_avg_pool": set(),
    "residual": {"main", "shortcut"},
    "layer_norm": {"axis", "eps", "affine"},
}

# The axes of outputs, by what a case keeps of them.
AXES = {
    "full": {"trace_axes": ()},
    "mean": {"trace_axes": (-1,)},
    "diagonal": {"trace_axes": (), "diagonal_axes": (-1,)},
}


def layer(l, param):
    """Returns the stax layer of one entry of a spec's "layers"."""
    op = l["op"]
    if op not in FIELDS:
        raise ValueError(f"op {op} has no translation to stax here")
    more = set(l) - FIELDS[op] - COMMON
    if more:
        raise ValueError(f"{op}: fields {sorted(more)} have no translation to stax here")
    if op == "dense":
        return stax.Dense(l["width"], l["w_std"], l.get("b_std"), parameterization=param)
    if op == "conv":
        return stax.Conv(
            l["width"],
            tuple(l["filter"]),
            strides=tuple(l["strides"]) if l.get("strides") else None,
            padding=l.get("padding") or "VALID",
            W_std=l["w_std"],
            b_std=l.get("b_std"),
            parameterization=param,
        )
    if op == "layer_norm":
        if l.get("affine"):
            raise ValueError("layer_norm with gain and shift has no translation to stax here")
        return stax.LayerNorm(tuple(l["axis"]), l["eps"])
    if op == "relu":
        return stax.Relu()
    if op == "erf":
        return stax.Erf()
    if op == "flatten":
        return stax.Flatten()
    if op == "global_avg_pool":
        return stax.GlobalAvgPool()
    branches = stax.parallel(sequence(l["main"], param), sequence(l.get("shortcut"), param))
    return stax.serial(stax.FanOut(2), branches, stax.FanInSum())


def sequence(layers, param):
    """Returns the stax network of a list of layers; none is the identity."""
    if not layers:
        return stax.Identity()
    return stax.serial(*(layer(l, param) for l in layers))


def load(spec, names, arrays, x):
    """Returns the network's apply and its params, filled with arrays[names]."""
    if spec["parameterization"] not in ("ntk", "standard"):
        raise ValueError(f"parameterization {spec['parameterization']} has no translation to stax here")
    init, apply, _ = sequence(spec["layers"], spec["parameterization"])
    # For the structure alone: the tree's leaves come in the order of the
    # layers, W before b, as names do.
    _, params = init(jax.random.PRNGKey(0), x.shape)
    leaves, tree = jax.tree_util.tree_flatten(params)
    if len(leaves) != len(names):
        raise ValueError(f"stax has {len(leaves)} weights, the spec {len(names)}")
    filled = []
    for leaf, name in zip(leaves, names):
        w = arrays[name]
        # stax writes a bias with leading axes of size 1.
        if [n for n in leaf.shape if n != 1] != [n for n in w.shape if n != 1]:
            raise ValueError(f"{name} has shape {w.shape}, stax wants {leaf.shape}")
        filled.append(jnp.asarray(w.reshape(leaf.shape)))
    return apply, jax.tree_util.tree_unflatten(tree, filled)


# What run is asked for after limit.
KERNEL = "kernel_fn"


class Session:
    """A network with its weights and inputs, and what was compiled of it."""

    def __init__(self):
        self.functions = {}
        self.theta = None

    def load(self, q):
        jax.config.update("jax_enable_x64", q["dtype"] == "float64")
        with np.load(q["arrays"]) as f:
            arrays = {k: f[k] for k in f.files}
        for k, a in arrays.items():
            if a.dtype != q["dtype"]:
                raise ValueError(f"array {k} is {a.dtype}, not {q['dtype']}")
        self.__init__()
        self.axes = AXES[q["outputs"]]
        self.x = jnp.asarray(arrays["x"])
        self.apply, self.params = load(q["spec"], q["params"], arrays, self.x)
        return {}

    def limit(self, q):
        """Loads the kernel of the infinitely wide network, by no implementation."""
        jax.config.update("jax_enable_x64", q["dtype"] == "float64")
        with np.load(q["arrays"]) as f:
            x = f["x"]
        if x.dtype != q["dtype"]:
            raise ValueError(f"x is {x.dtype}, not {q['dtype']}")
        self.__init__()
        self.x, self.params = jnp.asarray(x), None
        _, _, kernel = sequence(q["spec"]["layers"], q["spec"]["parameterization"])
        self.functions[KERNEL] = jax.jit(lambda x, *_: kernel(x, None, "ntk"))
        return {}

    def run(self, q):
        name = q["implementation"]
        if name not in self.functions:
            self.functions[name] = jax.jit(
                nt.empirical_ntk_fn(
                    self.apply,
                    vmap_axes=0,
                    implementation=nt.NtkImplementation[name],
                    **self.axes,
                )
            )
        f = self.functions[name]
        self.theta = None  # its memory is free before the clock starts
        start = time.perf_counter()
        calls, seconds = 0, 0.0
        while calls == 0 or seconds < q.get("turn", 0):
            theta = jax.block_until_ready(f(self.x, None, self.params))
            calls, seconds = calls + 1, time.perf_counter() - start
        self.theta = theta
        return {"seconds": seconds / calls}

    def forget(self, q):
        self.functions.pop(q["implementation"], None)
        self.theta = None
        return {}

    def save(self, q):
        if self.theta is None:
            raise ValueError("nothing was run")
        np.save(q["path"], np.asarray(self.theta))
        return {}

    def forward(self, q):
        np.save(q["path"], np.asarray(jax.jit(self.apply)(self.params, self.x)))
        return {}


def answer(a):
    answers.write(json.dumps(a) + "\n")
    answers.flush()


def main():
    answer({"versions": {p: metadata.version(p) for p in ("neural-tangents", "jax", "jaxlib")}})
    session = Session()
    commands = {c: getattr(session, c) for c in ("load", "limit", "run", "forget", "save", "forward")}
    for line in sys.stdin:
        try:
            q = json.loads(line)
            answer(commands[q["do"]](q))
        except Exception as e:  # the asker decides what an error means
            text = " ".join(str(e).split())
            answer({"error": f"{type(e).__name__}: {text[:400]}"})


main()
