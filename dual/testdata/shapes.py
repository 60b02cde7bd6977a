"""Writes shapes.json: parameters that the authors' own package finds for DKS and TAT.

    pip install dks==0.1.2 scipy && python shapes.py

Plain chains: the maximal slope is slope^depth, the maximal curvature depth
times the curvature, and C_f(0) is the composition of all layers.
"""
import json

from dks.base import activation_transform as at


def chain(depth):
    def subnet_max(x, r_fn):
        for _ in range(depth):
            x = r_fn(x)
        return x

    return subnet_max


out = []
for depth in (5, 20, 100):
    for method, names in (("DKS", ("tanh", "softplus", "swish", "gelu_exact", "erf", "sigmoid", "elu", "leaky_relu")), ("TAT", ("tanh", "softplus", "swish", "gelu_exact", "erf", "sigmoid")), ("TAT", ("leaky_relu",))):
        for name in names:
            try:
                # 0.9, the default for the correlation, is out of reach of 5 layers.
                tat = {"c_val_0_target": 0.9 if depth > 20 else 0.5} if name == "leaky_relu" else None
                p = at._get_activations_params((name,), method=method, tat_params=tat, subnet_max_func=chain(depth))[name]
            except ValueError as e:
                print(method, name, depth, e)
                continue
            out.append({"method": method, "name": name, "depth": depth, "eta": tat and tat["c_val_0_target"], "params": {k: float(v) for k, v in p.items()}})
            print(out[-1], flush=True)
            json.dump(out, open("shapes.json", "w"), indent=1, sort_keys=True)
