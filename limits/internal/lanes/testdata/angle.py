"""Prints the coefficients of lanes.go, found by interpolation in 40 digits.

Made with mpmath 1.3. On [0, 1], v = 1 - |rho| and theta = acos(1 - v), both
    acos(1 - v) / (2 pi sqrt(v))  and  (sin(theta) - theta cos(theta)) / (2 pi v^1.5)
are smooth; interpolation at the Chebyshev nodes is within a factor of two of the
best polynomial. The relative error is printed too.
"""

import mpmath as mp

mp.mp.dps = 40


def angle(v):
    return mp.acos(1 - v) / (2 * mp.pi * mp.sqrt(v))


def crescent(v):
    theta = mp.acos(1 - v)
    return (mp.sin(theta) - theta * mp.cos(theta)) / (2 * mp.pi * v ** mp.mpf("1.5"))


def interpolate(f, degree):
    n = degree + 1
    nodes = [(1 + mp.cos(mp.pi * (2 * i + 1) / (2 * n))) / 2 for i in range(n)]
    powers = mp.matrix(n, n)
    for i, x in enumerate(nodes):
        for j in range(n):
            powers[i, j] = x**j
    return list(mp.lu_solve(powers, mp.matrix([f(x) for x in nodes])))


for f, degree in ((angle, 7), (crescent, 6)):
    c = interpolate(f, degree)
    worst = max(abs(mp.polyval(c[::-1], v) / f(v) - 1) for v in (mp.mpf(i) / 2000 for i in range(1, 2001)))
    print(f.__name__, [mp.nstr(x, 17) for x in c], "relative error", mp.nstr(worst, 2))
