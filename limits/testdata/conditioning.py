"""Writes conditioning.json: K and Theta of deep dense networks on inputs that nearly coincide.

    pip install mpmath && python conditioning.py

Chains of dense layers z = w/sqrt(fan_in) W h + b v, with W and v standard normal and
of rate 1, an activation between two of them, and a dense readout:

    K_z = w^2 E[phi phi'] + b^2,  Theta_z = K_z + w^2 E[phi' phi'] Theta,

from K_z = w^2 x.x'/d + b^2 = Theta_z. Duals are closed forms
(Cho and Saul, NIPS 2009; Williams, NIPS 1996) in 100 digits, at rho as it is: the 16
digits that 1 - rho loses when inputs are 1e-8 apart are none of the first 50. A
variance of zero takes phi(0) and phi'(0) by the program, whose slope at a kink is that
of its right side.

Inputs are exact doubles ("float32": exact floats), results are rounded to the nearest
double. K and Theta list the pairs i <= j, row by row.
"""
import json
import math
import struct
import sys

from mpmath import acos, asin, mp, mpf, pi, sqrt

mp.dps = 100


def abrelu(a, b):
    a, b = mpf(a), mpf(b)

    def dual(q1, q2, c):
        if q1 == 0 or q2 == 0:
            mean = lambda q: b if q == 0 else (a + b) / 2
            return mpf(0), mean(q1) * mean(q2)
        s = sqrt(q1 * q2)
        theta = acos(max(min(c / s, mpf(1)), mpf(-1)))
        rho, sin = c / s, sqrt(abs((s - c) * (s + c))) / s
        k = s * ((a * a + b * b) / 2 * rho + (a - b) ** 2 * (sin - theta * rho) / (2 * pi))
        return k, ((a * a + b * b) * (pi - theta) + 2 * a * b * theta) / (2 * pi)

    return dual


def error_function(q1, q2, c):
    root = (1 + 2 * q1) * (1 + 2 * q2)
    return 2 / pi * asin(2 * c / sqrt(root)), 4 / pi / sqrt(root - 4 * c * c)


# op, its parameter alpha, dual, w, b, depths
root2 = math.sqrt(2)
NETWORKS = [
    ("relu", None, abrelu(0, 1), root2, 0.0, (1, 20)),
    ("relu", None, abrelu(0, 1), 1.4, 0.3, (1, 20)),
    ("leaky_relu", 0.25, abrelu(0.25, 1), 1.375, 0.0, (1, 20)),
    ("abs", None, abrelu(-1, 1), 1.0, 0.0, (1, 20)),
    ("erf", None, error_function, 1.5, 0.0, (1, 20)),
    ("erf", None, error_function, 1.5, 0.25, (1, 20)),
]


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def inputs(apart, rounded):
    """Two inputs, and beside the first: itself, others at a distance, opposite ones, zero."""
    d = 6
    a = [rounded(1.3 * math.sin(1.7 * i + 0.4)) for i in range(d)]
    b = [rounded(0.9 * math.cos(2.3 * i)) for i in range(d)]
    move = [apart * math.cos(5.1 * i + 1) for i in range(d)]
    near = [rounded(x + y) for x, y in zip(a, move)]
    longer = [rounded(x * (1 + apart)) for x in a]
    list = [a, a, near, longer, [-x for x in a], [-x for x in near], b, [0.0] * d]
    names = ["a", "a again", "near a", "longer than a", "-a", "-(near a)", "b", "zero"]
    return names, list


def kernels(x, dual, w, b, depths):
    """K and Theta by depth, over pairs i <= j."""
    w2, b2, d = mpf(w) ** 2, mpf(b) ** 2, len(x[0])
    exact = [[mpf(v) for v in row] for row in x]
    pairs = [(i, j) for i in range(len(x)) for j in range(i, len(x))]
    k = {(i, j): w2 * sum(p * q for p, q in zip(exact[i], exact[j])) / d + b2 for i, j in pairs}
    theta = dict(k)
    out = []
    for layer in range(1, max(depths) + 1):
        known, nk, nt = {}, {}, {}
        for i, j in pairs:
            key = (k[i, i], k[j, j], k[i, j])
            if key not in known:
                known[key] = dual(*key)
            m, kdot = known[key]
            nk[i, j] = w2 * m + b2
            nt[i, j] = nk[i, j] + w2 * kdot * theta[i, j]
        k, theta = nk, nt
        if layer in depths:
            out.append({"depth": layer, "K": [float(k[p]) for p in pairs], "Theta": [float(theta[p]) for p in pairs]})
            print("  ", layer, file=sys.stderr, flush=True)
    return out


def main():
    out = {"inputs": {}, "networks": []}
    sets = {"float64": inputs(1e-8, float), "float32": inputs(1e-4, single)}
    for dtype, (names, x) in sets.items():
        out["names"], out["inputs"][dtype] = names, x
    for op, alpha, dual, w, b, depths in NETWORKS:
        print(op, w, b, file=sys.stderr, flush=True)
        network = {"op": op, "alpha": alpha, "w": w, "b": b}
        for dtype, (_, x) in sets.items():
            network[dtype] = kernels(x, dual, w, b, depths)
        out["networks"].append(network)
    with open("conditioning.json", "w") as f:
        json.dump(out, f, indent=None, separators=(",", ":"))
        f.write("\n")


main()
