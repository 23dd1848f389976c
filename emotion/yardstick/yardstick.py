"""The usual tool beside ours: openSMILE's eGeMAPS v02 functionals and a support vector
machine, leave one speaker out, on the recordings of a manifest.

    python yardstick.py --manifest F.tsv [--band wide|telephone] [--corpus NAME]
                        [--pbx bin/pbx] [--json OUT]

It prints UAR per corpus with z-scores from the training speakers (none) and over all of
the speaker's recordings (full), for the manifest's labels and for four classes; with --pbx
also what features cost, openSMILE and ours on the same audio in one run.

openSMILE's licence forbids use in a product. Nothing of Tingxin imports, links or ships it;
this program is an outside measuring stick and needs a Python environment of its own
(requirements.txt).
"""

import argparse
import csv
import json
import pathlib
import resource
import subprocess
import sys
import tempfile

import numpy as np
import opensmile
import soundfile
from scipy.signal import resample_poly
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.svm import SVC

FOUR = {
    "anger": "angry", "angry": "angry", "happy": "happy", "happiness": "happy", "joy": "happy",
    "neutral": "neutral", "calm": "neutral", "sad": "sad", "sadness": "sad",
}


def read_manifest(path, corpus):
    folder = pathlib.Path(path).resolve().parent
    rows = []
    with open(path, encoding="utf-8-sig") as f:
        for row in csv.DictReader(f, delimiter="\t"):
            row.setdefault("corpus", "all")
            if corpus and row["corpus"] != corpus:
                continue
            file = folder / row["path"]
            row["file"] = file if file.exists() else folder.parent / row["path"]
            row["four"] = FOUR.get((row.get("label4") or row["label"]).lower())
            rows.append(row)
    return rows


def mu_law(x):
    """8 bits of G.711 mu-law, by its formula (the tables differ from it by less than a step)."""
    x = np.clip(x, -1, 1)
    q = np.round((np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256) + 1) / 2 * 255)
    y = q / 255 * 2 - 1
    return np.sign(y) * (256 ** np.abs(y) - 1) / 255


def sound(row, band):
    x, rate = soundfile.read(row["file"])
    if x.ndim > 1:
        x = x.mean(axis=1)
    if rate != 16000:
        g = np.gcd(rate, 16000)
        x = resample_poly(x, 16000 // g, rate // g)
    if band == "telephone":
        x = resample_poly(mu_law(resample_poly(x, 1, 2)), 2, 1)
    return x


def features(rows, band):
    """Functionals of each recording, and the CPU seconds that openSMILE took for them."""
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )
    out, cpu, seconds = [], 0.0, 0.0
    for row in rows:
        x = sound(row, band)
        before = resource.getrusage(resource.RUSAGE_SELF)
        out.append(smile.process_signal(x, 16000).values[0])
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu += after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        seconds += len(x) / 16000
    return np.nan_to_num(np.array(out)), cpu, seconds


def z_scores(x, who):
    z = np.empty_like(x)
    for speaker in np.unique(who):
        own = who == speaker
        z[own] = (x[own] - x[own].mean(0)) / (x[own].std(0) + 1e-9)
    return z


def recall(truth, said):
    return 100 * np.mean([np.mean(said[truth == c] == c) for c in np.unique(truth)])


def loso(x, y, who):
    said = np.empty_like(y)
    for speaker in np.unique(who):
        test = who == speaker
        train = ~test
        mean, sd = x[train].mean(0), x[train].std(0) + 1e-9
        groups = who[train]
        folds = min(5, len(np.unique(groups)))
        model = SVC(kernel="rbf", class_weight="balanced")
        search = GridSearchCV(model, {"C": [0.1, 1, 10]}, cv=GroupKFold(folds), scoring="balanced_accuracy")
        search.fit((x[train] - mean) / sd, y[train], groups=groups)
        said[test] = search.predict((x[test] - mean) / sd)
    return said


def interval(truth, said, who, rounds=1000):
    rng = np.random.default_rng(1)
    groups = [np.flatnonzero(who == s) for s in np.unique(who)]
    values = []
    for _ in range(rounds):
        pick = np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])
        values.append(recall(truth[pick], said[pick]))
    return np.percentile(values, [2.5, 97.5])


def cost(rows, band, pbx, cpu, seconds, figures):
    """Ours on the same recordings, one after the other, with the model."""
    # Decoded beforehand, so that neither side pays for FLAC.
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, row in enumerate(rows[:400]):
            files.append(f"{folder}/{i}.wav")
            soundfile.write(files[-1], sound(row, band), 16000, subtype="PCM_16")
        out = f"{folder}/bench.json"
        subprocess.run([pbx, "bench", "emotion", "--live", "0s", "--seconds", "100000", "--json", out, *files], check=True, stdout=subprocess.DEVNULL)
        with open(out) as f:
            ours = json.load(f)
    theirs = 100 * cpu / seconds
    figures["cost.opensmile_core_pct"] = theirs
    figures["cost.tingxin_core_pct"] = ours["core.pct"]
    figures["cost.times_faster"] = theirs / max(ours["core.pct"], 1e-9)
    print(f"\nCPU of one channel: openSMILE eGeMAPS {theirs:.2f} % of a core, Tingxin with model {ours['core.pct']:.3f} %: {figures['cost.times_faster']:.1f} times")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--manifest", required=True)
    p.add_argument("--band", choices=["wide", "telephone"], default="telephone")
    p.add_argument("--corpus")
    p.add_argument("--pbx", help="compare the cost with this program")
    p.add_argument("--cost-only", action="store_true", help="no SVM, cost alone, on at most 400 recordings")
    p.add_argument("--json")
    a = p.parse_args()
    rows = read_manifest(a.manifest, a.corpus)
    if not rows:
        sys.exit("no recordings for this choice")
    if a.cost_only:
        rows = rows[:400]
    x, cpu, seconds = features(rows, a.band)
    figures = {}
    if not a.cost_only:
        score(rows, x, figures)
    if a.pbx:
        cost(rows, a.band, a.pbx, cpu, seconds, figures)
    if a.json:
        with open(a.json, "w") as f:
            json.dump({k: round(float(v), 3) for k, v in figures.items()}, f, indent=2)


def score(rows, x, figures):
    corpora = np.array([r["corpus"] for r in rows])
    print("openSMILE eGeMAPS v02 + SVM, leave one speaker out: UAR % (95 % interval over speakers)")
    for corpus in dict.fromkeys(corpora):
        for task, key in (("labels", "label"), ("four", "four")):
            mine = np.array([c == corpus and r[key] is not None for c, r in zip(corpora, rows)])
            y = np.array([r[key] for r, m in zip(rows, mine) if m])
            who = np.array([r["speaker"] for r, m in zip(rows, mine) if m])
            if len(np.unique(who)) < 3 or len(np.unique(y)) < 2:
                continue
            for norm in ("none", "full"):
                z = x[mine] if norm == "none" else z_scores(x[mine], who)
                said = loso(z, y, who)
                low, high = interval(y, said, who)
                uar = recall(y, said)
                name = f"{corpus}.{task}.{norm}"
                figures[f"{name}.uar_pct"], figures[f"{name}.uar_low_pct"], figures[f"{name}.uar_high_pct"] = uar, low, high
                print(f"  {name}: {uar:.1f} ({low:.1f} - {high:.1f})", flush=True)


if __name__ == "__main__":
    main()
