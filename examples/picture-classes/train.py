"""Trains the network as anybody would, on pictures/, and writes weights.pt. EdgePrune takes it from there."""

from pathlib import Path

import numpy as np
import torch
from model import build
from PIL import Image
from torch.nn.functional import cross_entropy

torch.manual_seed(0)
folders = sorted(Path("pictures").iterdir())
files = [(file, label) for label, folder in enumerate(folders) for file in sorted(folder.glob("*.png"))]
pictures = np.stack([np.asarray(Image.open(file)) for file, _ in files]).transpose(0, 3, 1, 2)
x = torch.from_numpy(pictures).float() / 255
y = torch.tensor([label for _, label in files])

model, epochs, batch = build(), 4, 64
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(epochs):
    order = torch.randperm(len(x))
    for start in range(0, len(x) - batch + 1, batch):
        picked = order[start : start + batch]
        loss = cross_entropy(model(x[picked]), y[picked])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
torch.save(model.state_dict(), "weights.pt")
