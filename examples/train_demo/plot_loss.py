"""Draw the loss curve of a run: python plot_loss.py outputs/train_demo/loss.csv loss.png"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.figure import Figure

log = np.loadtxt(sys.argv[1], delimiter=",")  # step, samples, minutes, loss
figure = Figure(figsize=(6, 2.6), layout="constrained")
axes = figure.subplots()
axes.plot(log[:, 1] / 1000, log[:, 3], color="#2b4c7e", lw=1.2)
axes.set(xlabel="thousand pictures seen", ylabel="loss", yscale="log")
axes.set_yticks([0.08, 0.1, 0.12, 0.15, 0.18], labels=["0.08", "0.10", "0.12", "0.15", "0.18"])
axes.minorticks_off()
axes.grid(axis="y", color="#e4e7eb")
axes.spines[["top", "right"]].set_visible(False)
figure.savefig(sys.argv[2], dpi=110)
