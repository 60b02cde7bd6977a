"""The numbers of DKS, TAT and TReLU from the conditions that define them.

With psi(x) = gamma (phi(alpha x + beta) + delta) and z ~ N(0, 1), at q = 1:

    Q(1) = E psi^2,  Q'(1) = E psi psi' z,  C(0) = (E psi)^2,  C'(1) = E psi'^2,  C''(1) = E psi''^2,

psi' and psi'' by z. Sources: arXiv 2110.01765, section 10; 2203.08120, sections 3 and 4.
"""

import math

import numpy as np


def _erf(x):
    return np.vectorize(math.erf)(x)


def _density(x):
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


# phi, phi', phi''.
FUNCTIONS = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2)),
    "softplus": (
        lambda x: np.logaddexp(0, x),
        lambda x: 1 / (1 + np.exp(-x)),
        lambda x: 1 / (2 + np.exp(x) + np.exp(-x)),
    ),
    "gelu": (
        lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2,
        lambda x: (1 + _erf(x / math.sqrt(2))) / 2 + x * _density(x),
        lambda x: (2 - x * x) * _density(x),
    ),
}

# Where to begin for DKS and for TAT: alpha, beta, gamma, delta. For odd functions
# -beta and -delta do too; the positive ones are meant.
STARTS = {
    ("tanh", False): [0.2, 0.6, 6.8, -0.5], ("tanh", True): [0.13, 0.54, 10, -0.5],
    ("softplus", False): [0.5, 0.4, 3, -1], ("gelu", True): [0.13, 0.33, 10, -0.2],
}


def smooth(fn, wanted):
    """alpha, beta, gamma, delta for wanted Q(1), Q'(1), E psi, C'(1), C''(1), None where free."""
    phi, d1, d2 = FUNCTIONS[fn]
    # Legendre's rule on 8 panels of [-12, 12]; what lies outside weighs 1e-32.
    node, weight = np.polynomial.legendre.leggauss(60)
    z = np.concatenate([a + 1.5 * (node + 1) for a in range(-12, 12, 3)])
    p = np.tile(1.5 * weight, 8) * _density(z)
    rows = [i for i, v in enumerate(wanted) if v is not None]

    def residuals(v):
        alpha, beta, gamma, delta = v
        at = alpha * z + beta
        psi, s, c = gamma * (phi(at) + delta), gamma * alpha * d1(at), gamma * alpha**2 * d2(at)
        got = [p @ psi**2, p @ (psi * s * z), p @ psi, p @ s**2, p @ c**2]
        return np.array([got[i] - wanted[i] for i in rows])

    v = np.array(STARTS[fn, wanted[2] is None])
    for _ in range(200):
        r = residuals(v)
        jacobian = np.empty((4, 4))
        for j in range(4):
            h = np.zeros(4)
            h[j] = 1e-6
            jacobian[:, j] = (residuals(v + h) - residuals(v - h)) / 2e-6
        step = np.linalg.solve(jacobian, r)
        v = v - step * min(1, 0.2 / abs(step).max())
        if abs(step).max() < 1e-14:
            break
    assert abs(residuals(v)).max() < 1e-13, (fn, v, residuals(v))
    return v


def leaky_dks(depth, slope):
    """a, gamma, delta of gamma (leaky ReLU of slope a + delta): E psi = 0, E psi^2 = 1, C'(1) = slope^(1/depth).

    Of phi the mean is (1-a)/sqrt(2 pi), the second moment and E phi'^2 (1+a^2)/2.
    """
    def excess(a):
        second = (1 + a * a) / 2
        return second / (second - (1 - a) ** 2 / (2 * math.pi)) - slope ** (1 / depth)
    a = _bisect(excess, 0, 1)
    delta = -(1 - a) / math.sqrt(2 * math.pi)
    return a, 1 / math.sqrt((1 + a * a) / 2 - delta**2), delta


def trelu_slope(depth, correlation):
    """The slope with which depth layers take the correlation 0 to the one given."""
    def excess(a):
        c = 0
        for _ in range(depth):
            c += (1 - a) ** 2 / (math.pi * (1 + a * a)) * (math.sqrt(1 - c * c) - c * math.acos(c))
        return c - correlation
    return _bisect(excess, 0, 1)


def _bisect(f, low, high):
    assert f(low) > 0 > f(high)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) > 0 else (low, middle)
    return low
