"""Training samples: pictures on coloured backgrounds, with captions from exact to vague."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

TILE, COLUMNS = 64, 32  # of the sprite sheet: pixels, and tiles in a row
STYLES = ["flat", "3d"]
COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "pink"]
COLOURS += ["brown", "black", "white", "gray"]
BACKGROUNDS = {
    "on-white": (255, 255, 255),
    "on-sky": (188, 224, 250),
    "on-mint": (196, 240, 214),
    "on-pink": (255, 208, 220),
    "on-cream": (255, 240, 200),
    "on-lilac": (222, 208, 248),
}
NULL_CAPTION = 0.12  # share of samples with an empty caption, which guidance contrasts with


def vocabulary(records: list[dict[str, Any]]) -> list[str]:
    """The vocabulary, the padding first."""
    named = {word for record in records for word in record["words"] + record["groups"]}
    fixed = ["<pad>", *STYLES, *BACKGROUNDS, *COLOURS, "thing"]
    return fixed + sorted(named - set(fixed))


def sample_caption(record: dict[str, Any], background: str, rng: random.Random) -> list[str]:
    """The words of one caption for this picture; a third of all fit other pictures as well."""
    if rng.random() < NULL_CAPTION:
        return []
    name, groups, colour = record["words"], record["groups"], record["colour"]
    kind = rng.random()
    if kind < 0.55:
        words = list(name)
    elif kind < 0.65:
        words = [*name, rng.choice([*groups, colour])]
    elif kind < 0.75:
        words = [word for word in name if rng.random() < 0.6] or [rng.choice(name)]
    elif kind < 0.88:
        words = [colour, rng.choice([*groups, "thing"])]
    else:
        words = [rng.choice(groups)]
    if rng.random() < 0.85:
        words.append(record["style"])
    if rng.random() < 0.9:
        words.append(background)
    return list(dict.fromkeys(words))


class EmojiData:
    """Random batches from the sprite sheet that `make_dataset.py` writes."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.records = json.loads((folder / "captions.json").read_text())
        sheet = np.asarray(Image.open(folder / "sheet.png"), dtype=np.float32) / 255
        corners = [divmod(number, COLUMNS) for number in range(len(self.records))]
        tiles = np.stack(
            [sheet[r * TILE : (r + 1) * TILE, c * TILE : (c + 1) * TILE] for r, c in corners]
        )
        self.tiles = torch.from_numpy(tiles).permute(0, 3, 1, 2).contiguous()  # [N, 4, 64, 64]
        self.tiles[:, :3] *= self.tiles[:, 3:]  # premultiplied, so that resampling leaves no fringe
        self.rng = random.Random(seed)

    def batch(self, size: int) -> tuple[torch.Tensor, list[str]]:
        """Pictures [B, 3, 32, 32] in -1..1 and their captions."""
        numbers = [self.rng.randrange(len(self.records)) for _ in range(size)]
        names = [self.rng.choice(list(BACKGROUNDS)) for _ in numbers]
        colours = torch.tensor([BACKGROUNDS[name] for name in names]).view(-1, 3, 1, 1) / 255
        grid = F.affine_grid(self._jitter(size), [size, 4, TILE, TILE], align_corners=False)
        tiles = F.grid_sample(self.tiles[numbers], grid, align_corners=False)
        pictures = F.avg_pool2d(tiles[:, :3] + (1 - tiles[:, 3:]) * colours, 2)
        captions = [
            sample_caption(self.records[number], name, self.rng)
            for number, name in zip(numbers, names, strict=True)
        ]
        return pictures * 2 - 1, [" ".join(words) for words in captions]

    def _jitter(self, size: int) -> torch.Tensor:
        """Random affine maps [B, 2, 3]: a margin, a small shift, left and right swapped."""
        maps = torch.zeros(size, 2, 3)
        for one in maps:
            zoom = self.rng.uniform(1.04, 1.16)
            one[0, 0] = zoom * self.rng.choice([-1, 1])
            one[1, 1] = zoom
            one[0, 2], one[1, 2] = (self.rng.uniform(-0.05, 0.05) for _ in range(2))
        return maps
