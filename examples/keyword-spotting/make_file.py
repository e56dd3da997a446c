"""Trains the network and writes weights.pt, and samples.npz for `verify`: test spectrograms and their labels."""

import numpy as np
import torch
from model import build
from torch.nn.functional import cross_entropy
from words import load

torch.manual_seed(0)
splits = load()
x, y = (torch.from_numpy(part) for part in splits["train"])
model, epochs, batch = build(), 12, 40
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
for _ in range(epochs):
    order = torch.randperm(len(x))
    for start in range(0, len(x), batch):
        picked = order[start : start + batch]
        loss = cross_entropy(model(x[picked]), y[picked])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
model.eval()
test, labels = splits["test"]
right = (model(torch.from_numpy(test)).argmax(1).numpy() == labels).mean()
print(f"{right:.1%} of {len(labels)} words of a voice it never heard")
torch.save(model.state_dict(), "weights.pt")
np.savez("samples.npz", x=test.transpose(0, 2, 3, 1), y=labels)  # as the file takes them: channels last
