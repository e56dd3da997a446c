"""How the benchmark of pruning trains, chosen on validation images: batch, learning rate, views, what is distilled.

    python benchmarks/recipe.py [--seeds 1] [--epochs 3] > benchmarks/results/recipe.txt

5,000 of the 50,000 training images, drawn once, are held out; the rest trains. Test images are not looked at. The
network is ResNet-8 of ../shared at half of its parameters and 6.2 M MACs, thinned as in `pruning.py`. Each figure is
the accuracy of the best epoch on the held-out images, one a seed. Whoever trained the network we start from may have
seen them; that is the same for every row. "features": `train/features.py` beside the answers, at that weight.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import time
from dataclasses import replace

import torch
from thinning import OBJECTIVE, SHARED, Limits, Ours, original_network, read_splits, sizes_of

from edgeprune.train.finetune import finetune
from edgeprune.train.training_state import TrainSettings

CANDIDATES = {
    "batch 128, lr 0.05, crop": TrainSettings(batch=128, lr=0.05, augment="crop"),
    "batch 64, lr 0.05, crop": TrainSettings(batch=64, lr=0.05, augment="crop"),
    "batch 64, lr 0.03, crop": TrainSettings(batch=64, lr=0.03, augment="crop"),
    "batch 32, lr 0.02, crop": TrainSettings(batch=32, lr=0.02, augment="crop"),
    "batch 64, lr 0.03, flip and crop": TrainSettings(batch=64, lr=0.03, augment="flip-crop"),
    "batch 64, lr 0.03, crop, features at 5": TrainSettings(batch=64, lr=0.03, augment="crop", similarity=5.0),
}  # fmt: skip


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--epochs", type=int, default=3)
    options.add_argument("--only", default="", help="candidates whose name holds this")
    given = options.parse_args()
    if not SHARED.is_dir():
        print("skipped: ../shared is not there")
        return 0
    torch.set_num_threads(1)
    splits = read_splits(held_out=5000)
    original = original_network()
    start, _ = Ours(original, splits).thinned(Limits(sizes_of(original).parameters // 2, 6_200_000))
    for name, settings in CANDIDATES.items():
        if given.only not in name:
            continue
        scores, began = [], time.process_time()
        for seed in range(given.seeds):
            module, seeded = copy.deepcopy(start), replace(settings, epochs=given.epochs, seed=seed)
            scores.append(finetune(module, splits, OBJECTIVE, seeded, original).best_validation)
        figures = " ".join(f"{accuracy:.2f}" for accuracy in scores)
        seconds = (time.process_time() - began) / given.seeds
        print(f"{name:<42} {statistics.mean(scores):6.2f}   {figures}   {seconds:.0f} s of CPU each", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
