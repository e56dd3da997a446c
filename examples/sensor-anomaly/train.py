"""Trains the autoencoder on sound motors; writes weights.pt, and samples.npz: 40 sound windows, then 40 worn ones."""

import numpy as np
import torch
from model import build
from torch.nn.functional import mse_loss
from vibration import load, windows

torch.manual_seed(0)
x = torch.from_numpy(load()["train"])
model, batch = build(), 100
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
for _ in range(30):
    order = torch.randperm(len(x))
    for start in range(0, len(x), batch):
        picked = order[start : start + batch]
        loss = mse_loss(model(x[picked]), x[picked])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"error on sound motors: {loss.item():.4f}")
torch.save(model.state_dict(), "weights.pt")
rng = np.random.default_rng(1)
np.savez("samples.npz", x=np.concatenate([windows(40, False, rng), windows(40, True, rng)]))
