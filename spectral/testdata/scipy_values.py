"""Writes scipy_values.json: reference values for package spectral.

Run in this folder with NumPy 2.4.6 and SciPy 1.17.1:  python scipy_values.py

The matrices are formulas that the Go tests repeat: a Gaussian kernel on a
deterministic cloud of points, and a tridiagonal matrix. Eigenvalues come from
ARPACK (eigsh) and from SciPy's LOBPCG, which are also compared with LAPACK
here; the script stops if they disagree.
"""
import json

import numpy as np
import scipy
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg


def kernel(n):
    i = np.arange(n)
    x = np.stack([np.sin(1.7 * i), np.cos(2.9 * i), np.sin(0.6 * i + 1)], axis=1)
    d = ((x[:, None] - x[None]) ** 2).sum(-1)
    return np.exp(-d / 2)


def tridiagonal(n):
    i = np.arange(n)
    return scipy.sparse.diags_array(
        [-np.ones(n - 1), 2 + (i / n) ** 2, -np.ones(n - 1)], offsets=[-1, 0, 1]
    ).tocsr()


def main():
    out = {"versions": {"numpy": np.__version__, "scipy": scipy.__version__}}

    n, k = 80, 10
    a = kernel(n)
    top = np.sort(scipy.sparse.linalg.eigsh(a, k, which="LA", tol=0)[0])[::-1]
    lapack = scipy.linalg.eigvalsh(a)
    assert np.allclose(top, lapack[::-1][:k], rtol=0, atol=1e-12 * top[0])
    b = np.cos(np.arange(n))
    x = scipy.linalg.solve(a + 0.01 * np.eye(n), b, assume_a="pos")
    cg, info = scipy.sparse.linalg.cg(a + 0.01 * np.eye(n), b, rtol=1e-13)
    assert info == 0 and np.allclose(cg, x, rtol=0, atol=1e-9 * abs(x).max())
    out["kernel"] = {
        "n": n,
        "eigsh": top.tolist(),
        "logdet_1_plus": float(np.linalg.slogdet(np.eye(n) + a)[1]),
        "trace_expm": float(np.trace(scipy.linalg.expm(a))),
        "rho": 0.01,
        "cg": cg.tolist(),
    }

    n, k = 120, 5
    t = tridiagonal(n)
    low = np.sort(scipy.sparse.linalg.eigsh(t.tocsc(), k, sigma=0, tol=0)[0])
    start = np.random.default_rng(0).standard_normal((n, k + 3))
    jacobi = scipy.sparse.diags_array(1 / t.diagonal())
    lobpcg = np.sort(
        scipy.sparse.linalg.lobpcg(t, start, M=jacobi, tol=1e-10, maxiter=2000, largest=False)[0]
    )[:k]
    assert np.allclose(low, lobpcg, rtol=1e-10)
    out["tridiagonal"] = {"n": n, "eigsh": low.tolist(), "lobpcg": lobpcg.tolist()}

    with open("scipy_values.json", "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


main()
