"""Train the demo's model on CPU, from the weights of an earlier run or from scratch.

    python train.py --output outputs/train_demo --minutes 90
    torchrun --nproc-per-node 2 train.py ...      # one process of one thread per core

Flow matching: the model learns the velocity `noise - picture` at a random mixture of the two.
A stopped run goes on where it was when it is started again with the same --output.
"""

from __future__ import annotations

import argparse
import copy
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from data import EmojiData, vocabulary
from model import Model, build_model
from torch.optim import Optimizer
from tqdm import tqdm

EMA_STEPS = 200  # that the averaged weights remember
MUON_RATE, ADAM_RATE = 0.015, 1.5e-3
LOG_STEPS = 25


@dataclass
class Progress:
    """How far a run is; `minutes` is training time over all restarts."""

    step: int = 0
    samples: int = 0
    minutes: float = 0.0


class Trainer:
    """One process of a training run: model, averaged model, optimizers and their checkpoint."""

    def __init__(self, options: argparse.Namespace, rank: int, world: int) -> None:
        self.options, self.rank, self.world = options, rank, world
        self.folder: Path = options.output
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)  # the same first weights in all processes
        self.data = EmojiData(options.data, seed=0)
        self.model = build_model(vocabulary(self.data.records), options.init_from)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.optimizers = build_optimizers(self.model)
        self.progress = Progress()
        self.restore()
        seed = 1 + rank + world * self.progress.step
        torch.manual_seed(seed)
        self.data.rng.seed(seed)

    def run(self) -> None:
        """Trains until the minutes are used up."""
        progress, minutes = self.progress, self.options.minutes
        bar = tqdm(total=minutes, initial=progress.minutes, unit="min", disable=self.rank > 0)
        losses: list[float] = []
        clock, saved = time.monotonic() - 60 * progress.minutes, progress.minutes
        while progress.minutes < minutes:
            losses.append(self.step((time.monotonic() - clock) / 60))
            if self.rank > 0:
                continue
            bar.update(min(progress.minutes, minutes) - bar.n)
            if progress.step % LOG_STEPS == 0:
                bar.set_postfix(step=progress.step, loss=self.log(losses))
                losses = []
            if progress.minutes - saved > self.options.save_every:
                self.save()
                saved = progress.minutes
        if self.rank == 0:
            self.save()

    def step(self, minutes: float) -> float:
        """One optimizer step after so many minutes; returns the mean loss over all processes."""
        loss = self.model.loss(*self.data.batch(self.options.batch))
        loss.backward()
        mean_loss, self.progress.minutes = average_gradients(self.model, loss.item(), minutes)
        rate = schedule(self.progress.minutes / self.options.minutes)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_rate"] * rate
            optimizer.step()
            optimizer.zero_grad()
        share = max(1 / EMA_STEPS, 1 / (self.progress.step + 1))
        with torch.no_grad():
            pair = list(self.average.parameters()), list(self.model.parameters())
            torch._foreach_lerp_(*pair, share)
        self.progress.step += 1
        self.progress.samples += self.options.batch * self.world
        return mean_loss

    def log(self, losses: list[float]) -> str:
        """Appends to loss.csv: step, samples, minutes, mean loss since the last line."""
        mean = f"{sum(losses) / len(losses):.4f}"
        progress = self.progress
        with (self.folder / "loss.csv").open("a") as file:
            file.write(f"{progress.step},{progress.samples},{progress.minutes:.2f},{mean}\n")
        return mean

    def save(self) -> None:
        """Writes the averaged weights as a pipeline, and all that a restart needs."""
        self.average.pipeline().save_pretrained(self.folder / "pipeline")
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": vars(self.progress),
        }
        unfinished = self.folder / "checkpoint.tmp"
        torch.save(state, unfinished)
        unfinished.replace(self.folder / "checkpoint.pt")

    def restore(self) -> None:
        """Takes a stopped run up again, if there is one."""
        if not (self.folder / "checkpoint.pt").exists():
            return
        state = torch.load(self.folder / "checkpoint.pt")
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        self.progress = Progress(**state["progress"])


def build_optimizers(model: Model) -> list[Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for all else."""
    matrices, rest = [], []
    for name, parameter in model.named_parameters():
        inner = "transformer_blocks" in name and parameter.ndim == 2 and ".norm" not in name
        (matrices if inner else rest).append(parameter)
    muon = torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.0, momentum=0.95)
    adam = torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    muon.param_groups[0]["peak_rate"] = MUON_RATE
    adam.param_groups[0]["peak_rate"] = ADAM_RATE
    return [muon, adam]


def schedule(done: float) -> float:
    """Share of the peak learning rate after this share of the run: up, level, then down to 0."""
    return max(0.0, min(1.0, done / 0.01 + 0.02, (1 - done) / 0.6))


def average_gradients(model: Model, *numbers: float) -> list[float]:
    """Averages the gradients, and some numbers with them, over all processes."""
    if not dist.is_initialized():
        return list(numbers)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([*(gradient.flatten() for gradient in gradients), torch.tensor(numbers)])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    *parts, means = flat.split([*(gradient.numel() for gradient in gradients), len(numbers)])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
    return means.tolist()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    dataset = Path(__file__).with_name("emoji_dataset")
    parser.add_argument("--data", type=Path, default=dataset, help="folder of make_dataset.py")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--init-from", type=Path, help="pipeline folder to begin with")
    parser.add_argument("--minutes", type=float, default=90.0, help="training time in all")
    parser.add_argument("--batch", type=int, default=32, help="pictures per process and step")
    parser.add_argument("--save-every", type=float, default=4.0, help="minutes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        dist.init_process_group("gloo")
    Trainer(options, rank, world).run()
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
