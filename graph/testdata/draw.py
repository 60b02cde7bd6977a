"""Writes draw.json: weights as graph.Draw defines them, in plain Python.

Philox4x32-10 by its definition (Salmon et al., SC 2011), the key from SHA-256,
Box and Muller by the C library's log, sin and cos. Run: python3 draw.py
"""

import hashlib
import json
import math
import struct

M32 = 0xFFFFFFFF


def philox(x, k):
    for r in range(10):
        p0, p1 = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        k0, k1 = (k[0] + r * 0x9E3779B9) & M32, (k[1] + r * 0xBB67AE85) & M32
        x = [(p1 >> 32) ^ x[1] ^ k0, p1 & M32, (p0 >> 32) ^ x[3] ^ k1, p0 & M32]
    return x


def unit(lo, hi):
    return (((hi << 32 | lo) >> 11) + 0.5) / 2**53


def draw(family, mean, tau, seed, name, i):
    h = hashlib.sha256(struct.pack("<Q", seed) + name.encode()).digest()
    b = philox([i // 2 & M32, i // 2 >> 32, 0, 0], struct.unpack("<II", h[:8]))
    u, v = unit(b[0], b[1]), unit(b[2], b[3])
    if family == "uniform":
        z = ((v if i % 2 else u) - 0.5) * math.sqrt(12)
    else:
        trig = math.sin if i % 2 else math.cos
        z = math.sqrt(-2 * math.log(u)) * trig(2 * math.pi * v)
    return mean + tau * z


cases = []
for family, mean, tau, seed, name in [
    ("normal", 0.0, 1.0, 0, "/dense_0/weights"),
    ("normal", 2.0, 0.25, 2**64 - 1, "/a/Größe"),
    ("uniform", -1.0, 0.5, 12345, "/conv/weights"),
]:
    at = [0, 1, 2, 3, 99, 16383, 16384, 16385, 100001, 131071, 131072, 262146]
    values = [draw(family, mean, tau, seed, name, i) for i in at]
    cases.append({"family": family, "mean": mean, "tau": tau, "seed": seed, "name": name, "at": at, "values": values})
with open("draw.json", "w") as f:
    json.dump(cases, f, indent=1, ensure_ascii=False)
    f.write("\n")
