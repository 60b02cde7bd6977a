#!/usr/bin/env python3
"""Makes the weights of this folder: pip install numpy==1.26.4 safetensors==0.4.5.

The entries are 1, 2, 3, … in the order of NAMES, divided by 8: exact in float32.
"""
import os

import numpy as np
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = {"first/W": (2, 3), "first/b": (3,), "scale": (), "head/W": (3, 2)}

arrays, n = {}, 0
for name, shape in SHAPES.items():
    size = int(np.prod(shape))
    arrays[name] = (np.arange(n + 1, n + 1 + size, dtype=np.float32) / 8).reshape(shape)
    n += size
save_file(arrays, os.path.join(HERE, "four.safetensors"), metadata={"format": "np"})
np.savez(os.path.join(HERE, "four.npz"), **arrays)
# Compressed, one array in Fortran order and one of another dtype.
odd = dict(arrays)
odd["first/W"] = np.asfortranarray(arrays["first/W"])
np.savez_compressed(os.path.join(HERE, "fortran.npz"), **odd)
np.savez(os.path.join(HERE, "double.npz"), **{k: v.astype(np.float64) for k, v in arrays.items()})
np.savez(os.path.join(HERE, "big.npz"), **{k: v.astype(">f4") for k, v in arrays.items()})
