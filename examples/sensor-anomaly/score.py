"""Reads what `edgeprune run --json` printed: the AUC of the board's own reconstructions."""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

samples = np.load("samples.npz")["x"]
answers = json.loads(Path(sys.argv[1]).read_text())
error = ((np.array(answers["outputs"], np.float32) - samples) ** 2).mean(1)
worn = np.repeat([0, 1], len(samples) // 2)
print(f"AUC {roc_auc_score(worn, error):.3f} over {len(samples)} windows, computed by the {answers['source']}")
