"""Writes duals.json: E[phi(u)phi(v)] and E[phi'(u)phi'(v)] with 110-bit MPFR.

    pip install gmpy2 mpmath && python duals.py

Smooth functions: the trapezoidal rule in two dimensions, whose error falls
exponentially; functions with a kink at 0: Gauss-Legendre in polar coordinates,
sector by sector; functions with other kinks: a closed conditional expectation
inside an adaptive integral. At one angle per function and variance each is
computed twice, with another rule, and must agree to 1e-18 of the scale.
Nothing here uses closed forms of a dual or Hermite series.

A case is [q1, q2, theta, K, Kdot, sqrt(E phi(u)^2 E phi(v)^2), the same of
phi'], each rounded to the nearest double; all inputs are exact doubles, except that 3.141592653589793 is pi and that
pi - theta is the difference of doubles.
"""
import json
import math
import sys

import gmpy2
import mpmath
from gmpy2 import mpfr, exp, erf, erfc, sqrt, sin, cos, tanh, log1p, expm1

gmpy2.get_context().precision = 110
mpmath.mp.prec = 110
PI = gmpy2.const_pi()
Z, ONE, HALF = mpfr(0), mpfr(1), mpfr(1) / 2


def sig(x):
    return ONE / (ONE + exp(-x))


def gauss(x):
    return exp(-x * x / 2) / sqrt(2 * PI)


def cdf(x):
    return erfc(-x / sqrt(mpfr(2))) / 2


def m(x):  # an exact double
    return mpfr(float(x))


def abrelu(a, b):
    a, b = m(a), m(b)
    return (lambda x: b * x if x >= 0 else a * x), (lambda x: b if x >= 0 else a)


def selu(alpha, lam):
    return (lambda x: lam * x if x >= 0 else lam * alpha * expm1(x)), (lambda x: lam if x >= 0 else lam * alpha * exp(x))


def rectified(n):
    return (lambda x: x**n if x >= 0 else Z), (lambda x: n * x ** (n - 1) if x >= 0 and n else Z)


def sigmoid_like():
    b = 1 / m(2.4020563531719796)
    return (lambda x: erf(b * x) / 2 + HALF), (lambda x: b / sqrt(PI) * exp(-b * b * x * x))


def gelu_tanh():
    c, k = sqrt(2 / PI), m(0.044715)

    def f(x):
        return x * sig(2 * c * (x + k * x**3))

    def d(x):
        s = sig(2 * c * (x + k * x**3))
        return s + x * s * (1 - s) * 2 * c * (1 + 3 * k * x * x)

    return f, d


def erf3(a, b, c):
    a, b, c = m(a), m(b), m(c)
    return (lambda x: a * erf(b * x) + c), (lambda x: 2 * a * b / sqrt(PI) * exp(-b * b * x * x))


def wave(a, b, c):
    a, b, c = m(a), m(b), m(c)
    return (lambda x: a * sin(b * x + c)), (lambda x: a * b * cos(b * x + c))


def rbf(g):
    b = sqrt(2 * m(g))
    return (lambda x: sqrt(mpfr(2)) * sin(b * x + PI / 4)), (lambda x: sqrt(mpfr(2)) * b * cos(b * x + PI / 4))


# name: (functions, kind, h at q = 1 and how h falls with q, reach)
poly = [m(c) for c in (0.3, -1.0, 0.5, 0.25)]
SMOOTH = {
    "erf": (erf3(1.2, 0.7, 0.3), "entire"),
    "sigmoid_like": (sigmoid_like(), "entire"),
    "gelu": ((lambda x: x * cdf(x), lambda x: cdf(x) + x * gauss(x)), "entire"),
    "sin": (wave(1.1, 0.9, 0.3), "entire"),
    "rbf": (rbf(0.4), "entire"),
    "exp": ((lambda x: m(1.1) * exp(HALF * x), lambda x: m(1.1) / 2 * exp(HALF * x)), "entire"),
    "gaussian": ((lambda x: m(1.3) * exp(-HALF * x * x), lambda x: -m(1.3) * x * exp(-HALF * x * x)), "entire"),
    "gabor": ((lambda x: exp(-x * x) * sin(x), lambda x: exp(-x * x) * (cos(x) - 2 * x * sin(x))), "entire"),
    "hermite": ((lambda x: (x**3 - 3 * x) / sqrt(mpfr(6)), lambda x: (3 * x * x - 3) / sqrt(mpfr(6))), "entire"),
    "polynomial": ((lambda x: sum(c * x**i for i, c in enumerate(poly)), lambda x: sum(i * c * x ** (i - 1) for i, c in enumerate(poly) if i)), "entire"),
    "tanh": ((tanh, lambda x: 1 / gmpy2.cosh(x) ** 2), math.pi / 2),
    "sigmoid": ((sig, lambda x: sig(x) * sig(-x)), math.pi),
    "softplus": ((lambda x: max(x, Z) + log1p(exp(-abs(x))), sig), math.pi),
    "silu": ((lambda x: x * sig(x), lambda x: sig(x) + x * sig(x) * sig(-x)), math.pi),
    "gelu_tanh": (gelu_tanh(), 1.4),
}
POLAR = {
    "relu": abrelu(0, 1),
    "leaky_relu": abrelu(0.1, 1),
    "abs": abrelu(-1, 1),
    "abrelu": abrelu(-0.5, 1.2),
    "rectified_monomial": rectified(2),
    "sign": ((lambda x: ONE if x > 0 else -ONE), (lambda x: Z)),
    "elu": selu(ONE, ONE),
    "selu": selu(m(1.6732632423543772848170429916717), m(1.0507009873554804934193349852946)),
}
# Piecewise linear with slope jumps J at t: phi = slope * x + sum J (x - t)+ + offset.
LINES = {
    "hard_tanh": (0, -1, [(1, -1), (-1, 1)]),
    "shifted_relu": (0, 0, [(1, 0.7)]),
    "hard_swish_like": (0.1, 0.2, [(1, -1.5), (-0.6, 0.5), (0.3, 2)]),
}
VARIANCES = [(1, 1), (0.1, 0.1), (4, 4), (0.5, 2), (25, 9)]
THETAS = [0, 1e-6, 0.01, 1.0471975511965976, 1.5707963267948966, 2.2, 3.1, 3.1415916535897933, math.pi]


def angle(theta):
    """cos and sin, as the docstring says."""
    if theta > 1.6:
        eta = m(math.pi - theta)
        return -cos(eta), sin(eta)
    return cos(m(theta)), sin(m(theta))


def plane(f, q1, q2, rho, s, h, reach, shift=0):
    n = int(reach / h)
    xs = [m(h) * i + m(shift * h) for i in range(-n, n + 1)]
    w = [exp(-x * x / 2) * m(h) / sqrt(2 * PI) for x in xs]
    a, b = sqrt(m(q1)), sqrt(m(q2))
    fx, dx = [f[0](a * x) for x in xs], [f[1](a * x) for x in xs]
    k = kd = Z
    tiny = 1e-27
    for i, x in enumerate(xs):
        sk = sd = Z
        for j, y in enumerate(xs):
            if w[i] * w[j] < tiny and reach < 12:
                continue
            v = b * (rho * x + s * y)
            sk += w[j] * f[0](v)
            sd += w[j] * f[1](v)
        k += w[i] * fx[i] * sk
        kd += w[i] * dx[i] * sd
    return k, kd


def line(f, q, h, reach):
    n = int(reach / h)
    a = sqrt(m(q))
    k = kd = Z
    for i in range(-n, n + 1):
        x = m(h) * i
        w = exp(-x * x / 2) * m(h) / sqrt(2 * PI)
        k += w * f[0](a * x) ** 2
        kd += w * f[1](a * x) ** 2
    return k, kd


_legendre = {}


def legendre(n):
    if n not in _legendre:
        out = []
        for i in range(n):
            x = mpmath.mpf(math.cos(math.pi * (i + 0.75) / (n + 0.5)))
            for _ in range(7):
                p0, p1 = mpmath.mpf(1), x
                for k in range(2, n + 1):
                    p0, p1 = p1, ((2 * k - 1) * x * p1 - (k - 1) * p0) / k
                d = n * (x * p1 - p0) / (x * x - 1)
                x -= p1 / d
            out.append((mpfr(str(x)), mpfr(str(2 / ((1 - x * x) * d * d)))))
        _legendre[n] = out
    return _legendre[n]


def polar(f, q1, q2, theta, n=36):
    """u = a r cos(t), v = b r cos(t - theta), the sectors cut where one is 0."""
    a, b = sqrt(m(q1)), sqrt(m(q2))
    h = PI / 2
    if theta > 1.6:
        th = PI - m(math.pi - theta)
    else:
        th = m(theta)
    cuts = [-h, th - h, h, th + h, 3 * h]
    steep = max(q1, q2) > 4
    rs = [Z, mpfr(1) / 4, ONE, mpfr(2), mpfr(4), mpfr(7), mpfr(11)] if steep else [Z, ONE, mpfr(3), mpfr(6), mpfr(11)]
    radial = []
    for lo, hi in zip(rs, rs[1:]):
        for x, w in legendre(n):
            r = lo + (hi - lo) * (1 + x) / 2
            radial.append((r, w * (hi - lo) / 2 * r * exp(-r * r / 2) / (2 * PI)))
    k = kd = Z
    for lo, hi in zip(cuts, cuts[1:]):
        if hi - lo < 1e-28:
            continue
        parts = [(lo, lo + (hi - lo) / 8), (lo + (hi - lo) / 8, hi - (hi - lo) / 8), (hi - (hi - lo) / 8, hi)] if steep else [(lo, hi)]
        for plo, phi in parts:
            for x, w in legendre(n):
                t = plo + (phi - plo) * (1 + x) / 2
                ca, cb = a * cos(t), b * cos(t - th)
                w = w * (phi - plo) / 2
                for r, wr in radial:
                    u, v = ca * r, cb * r
                    k += w * wr * f[0](u) * f[0](v)
                    kd += w * wr * f[1](u) * f[1](v)
    return k, kd


def lines(spec, q1, q2, theta):
    slope, offset, jumps = spec
    mp = mpmath
    S, O = mp.mpf(slope), mp.mpf(offset)
    J = [(mp.mpf(j), mp.mpf(t)) for j, t in jumps]
    a, b = mp.sqrt(q1), mp.sqrt(q2)
    if theta > 1.6:
        eta = mp.mpf(math.pi - theta)
        rho, s = -mp.cos(eta), mp.sin(eta)
    else:
        rho, s = mp.cos(mp.mpf(theta)), mp.sin(mp.mpf(theta))
    f = lambda u: S * u + O + sum(j * max(u - t, 0) for j, t in J)
    d = lambda u: S + sum(j for j, t in J if u >= t)

    def inner(x):
        mean, sd = b * rho * x, b * s
        if sd < mp.mpf(10) ** -25:
            return f(mean), d(mean)
        y, yd = S * mean + O, S
        for j, t in J:
            z = (mean - t) / sd
            up = mp.erfc(-z / mp.sqrt(2)) / 2
            y += j * ((mean - t) * up + sd * mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi))
            yd += j * up
        return y, yd

    cuts = {mp.mpf(x) for x in (-11, -5, -2, 0, 2, 5, 11)} | {t / a for _, t in J}
    for _, t in J:
        if abs(rho) > 0.1:
            at, wide = t / (b * rho), s / abs(rho)
            for k in (-12, -6, -3, 0, 3, 6, 12) if s < 0.5 else (0,):
                cuts.add(at + k * wide)
    cuts = sorted(c for c in cuts if -11 <= c <= 11)
    cuts = [c for i, c in enumerate(cuts) if i == 0 or c - cuts[i - 1] > mp.mpf(10) ** -25]

    def integral(g):
        return mp.quad(lambda x: g(x) * mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi), cuts, maxdegree=7)

    return (
        integral(lambda x: f(a * x) * inner(x)[0]),
        integral(lambda x: d(a * x) * inner(x)[1]),
    )


def mesh(kind, q1, q2):
    q = max(q1, q2)
    if kind == "entire":
        return 0.42 / math.sqrt(1 + 1.5 * q)
    return min(0.3, 2 * math.pi * kind / math.sqrt(q) / 50)


def number(x):
    """The double nearest to x."""
    return float(mpmath.mpf(str(x)))


def write(out):
    """One line per case."""
    with open("duals.json", "w") as f:
        f.write("{\n")
        for i, name in enumerate(sorted(out)):
            rows = ",\n".join("  " + json.dumps(case) for case in out[name])
            f.write(f"{',' if i else ''}\"{name}\": [\n{rows}\n]\n")
        f.write("}\n")


def agree(name, one, two, scale):
    for a, b, s in zip(one, two, scale):
        if abs(a - b) > 1e-18 * s:
            sys.exit(f"{name}: {a} and {b} differ by {(a - b) / s}")


def main(names):
    try:
        out = json.load(open("duals.json"))
    except FileNotFoundError:
        out = {}
    for name in names or list(SMOOTH) + list(POLAR) + list(LINES):
        cases = []
        for q1, q2 in VARIANCES:
            if name in SMOOTH:
                f, kind = SMOOTH[name]
                h, reach = mesh(kind, q1, q2), 15.5 if name == "exp" and q1 > 9 else 11
                at = lambda th: plane(f, q1, q2, *angle(th), h, reach)
                two = lambda th: plane(f, q1, q2, *angle(th), h * 0.83, reach, 0.3)
                one, other = line(f, q1, h / 2, reach), line(f, q2, h / 2, reach)
            elif name in POLAR:
                f = POLAR[name]
                at = lambda th: polar(f, q1, q2, th)
                two = lambda th: polar(f, q1, q2, th, 47)
                one, other = polar(f, q1, q1, 0), polar(f, q2, q2, 0)
            else:
                at = lambda th: lines(LINES[name], q1, q2, th)
                # The other way round: v outside, u inside.
                two = lambda th: lines(LINES[name], q2, q1, th)
                one, other = lines(LINES[name], q1, q1, 0), lines(LINES[name], q2, q2, 0)
            scale = [mpmath.sqrt(mpmath.mpf(str(x * y))) for x, y in zip(one, other)]
            for th in THETAS:
                v = at(th)
                if th == 2.2:
                    agree(f"{name} at {q1}, {q2}", v, two(th), [float(s) for s in scale])
                cases.append([q1, q2, th, *map(number, v), *map(number, scale)])
        out[name] = cases
        write(out)
        print(name, flush=True)


main(sys.argv[1:])
