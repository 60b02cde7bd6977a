"""Writes sklearn_values.json: reference values for package predict.

Run in this folder with NumPy 2.4.6, SciPy 1.17.1 and scikit-learn 1.9.1:
python sklearn_values.py

Inputs are formulas that the Go tests repeat. A leave-one-out value comes from
fitting N times, a dual objective from the dual variables that SVC returns.
"""
import json

import numpy as np
import scipy
import sklearn
from scipy.integrate import solve_ivp
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.svm import SVC


def waves(rows, cols, phase):
    i = np.arange(rows * cols)
    return np.sin(1.3 * i + phase + 0.1 * (i * i % 17)).reshape(rows, cols)


def flat(a):
    return [float(v) for v in np.asarray(a).ravel()]


def gp(out):
    n, m, scale, length, noise = 25, 7, 1.7, 0.8, 0.09
    x, xs = waves(n, 3, 0), waves(m, 3, 2)
    y = np.stack([x.sum(1), np.cos(2 * x[:, 0]) - x[:, 1] * x[:, 2]], 1) + 0.5 * waves(n, 2, 5)

    def process(scale, noise, **kw):
        kernel = ConstantKernel(scale) * RBF(length, length_scale_bounds="fixed") + WhiteKernel(noise)
        return GaussianProcessRegressor(kernel, alpha=0, **kw)

    g = process(scale, noise, optimizer=None).fit(x, y)
    value, gradient = g.log_marginal_likelihood(g.kernel_.theta, eval_gradient=True)
    mean, cov = g.predict(xs, return_cov=True)
    loo_mean, loo_std, density = [], [], 0.0
    for i in range(n):
        rest = np.arange(n) != i
        h = process(scale, noise, optimizer=None).fit(x[rest], y[rest])
        a, b = h.predict(x[i : i + 1], return_std=True)
        loo_mean.append(a[0])
        loo_std.append(b[0, 0])
        density += scipy.stats.norm.logpdf(y[i], a[0], b[0]).sum()
    best = process(scale, noise, n_restarts_optimizer=20, random_state=0).fit(x, y)
    out["gp"] = {
        "n": n, "m": m, "scale": scale, "length": length, "noise": noise,
        "y": flat(y), "mean": flat(mean),
        "cov_noisy": flat(cov[:, :, 0]),
        "lml": float(value), "gradient": flat(gradient),
        "loo_mean": flat(loo_mean), "loo_variance": flat(np.square(loo_std)), "loo_density": float(density),
        "best_theta": flat(best.kernel_.theta), "best_lml": float(best.log_marginal_likelihood_value_),
    }


def machines(out):
    n, m, classes = 90, 40, 3
    x, xs = waves(n, 4, 0), waves(m, 4, 2)

    def label(x):
        s = x[:, 0] + 0.7 * x[:, 1] * x[:, 2] + 0.4 * np.sin(5 * x[:, 3])
        return np.digitize(s, [-0.4, 0.4])

    t, ts = label(x), label(xs)
    gamma = 0.5
    # LIBSVM keeps kernel entries in float32: give it what it can keep.
    k = rbf_kernel(x, x, gamma).astype(np.float32).astype(np.float64)
    ks = rbf_kernel(xs, x, gamma)
    svm = []
    for c in (0.1, 1.0, 100.0):
        multi = SVC(kernel="precomputed", C=c, tol=1e-9, decision_function_shape="ovo").fit(k, t)
        pairs = []
        for a in range(classes):
            for b in range(a + 1, classes):
                idx = np.concatenate([np.where(t == a)[0], np.where(t == b)[0]])
                y = np.where(t[idx] == a, 1, -1)
                s = SVC(kernel="precomputed", C=c, tol=1e-9).fit(k[np.ix_(idx, idx)], y)
                d = np.zeros(len(idx))
                d[s.support_] = s.dual_coef_[0]
                q = k[np.ix_(idx, idx)]
                pairs.append({"objective": float(np.abs(d).sum() - d @ q @ d / 2), "bias": float(s.intercept_[0]),
                              "support": int(len(s.support_))})
        svm.append({"C": c, "pairs": pairs, "predict": [int(v) for v in multi.predict(ks)],
                    "decisions": flat(multi.decision_function(ks))})
    y = np.stack([x[:, 0] * x[:, 1], np.sin(3 * x[:, 2])], 1)
    ridge = KernelRidge(alpha=0.3, kernel="precomputed").fit(k, y)

    # Nyström features of 20 centres, and ridge regression on them.
    centres = np.arange(0, n, 4)[:20]
    w, v = np.linalg.eigh(k[np.ix_(centres, centres)])
    root = v / np.sqrt(w)
    linear = Ridge(alpha=0.3, fit_intercept=False, solver="svd").fit(k[:, centres] @ root, y)
    out["machines"] = {
        "n": n, "m": m, "classes": classes, "gamma": gamma,
        "labels": [int(v) for v in t], "test_labels": [int(v) for v in ts],
        "svm": svm,
        "y": flat(y), "ridge": 0.3, "ridge_predict": flat(ridge.predict(ks)),
        "centres": [int(v) for v in centres], "nystrom_predict": flat(linear.predict(ks[:, centres] @ root)),
        "polynomial": flat(polynomial_kernel(xs[:3], x[:3], degree=3, gamma=0.4, coef0=1.2)),
        "gaussian": flat(rbf_kernel(xs[:3], x[:3], gamma=1 / (2 * 0.7**2))),
        "laplace": flat(Matern(length_scale=0.7, nu=0.5)(xs[:3], x[:3])),
    }


def flow(out):
    """Cross-entropy summed over examples, two classes' logits and a soft target."""
    n, m, o = 6, 3, 3
    j, jt = waves(n, 10, 0) / np.sqrt(10), waves(m, 10, 2) / np.sqrt(10)
    f0, g0 = waves(n, o, 1), waves(m, o, 3)
    y = np.eye(o)[np.arange(n) % o] * 0.9 + 0.1 / o
    theta, cross = j @ j.T, jt @ j.T

    def rhs(_, s):
        f = s[: n * o].reshape(n, o)
        p = np.exp(f - f.max(1, keepdims=True))
        g = p / p.sum(1, keepdims=True) - y
        return np.concatenate([-(theta @ g).ravel(), -(cross @ g).ravel()])

    times = [0.0, 0.5, 3.0, 40.0]
    s = solve_ivp(rhs, (0, times[-1]), np.concatenate([f0.ravel(), g0.ravel()]), "DOP853", times, rtol=1e-12, atol=1e-13)
    out["flow"] = {"n": n, "m": m, "o": o, "t": times,
                   "train": flat(s.y[: n * o].T), "test": flat(s.y[n * o :].T)}


def main():
    out = {"versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}}
    gp(out)
    machines(out)
    flow(out)
    with open("sklearn_values.json", "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


main()
