"""Trains the U-Net and writes weights.pt."""

import torch
from data import load
from model import build
from torch.nn.functional import cross_entropy

torch.manual_seed(0)
images, classes = load()["train"]
x, y = torch.from_numpy(images).float() / 255, torch.from_numpy(classes)
model, epochs, batch = build(), 3, 20
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
for epoch in range(epochs):
    order = torch.randperm(len(x))
    for start in range(0, len(x), batch):
        picked = order[start : start + batch]
        loss = cross_entropy(model(x[picked]), y[picked])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
torch.save(model.state_dict(), "weights.pt")
