"""Build the demo's data set: a sprite sheet of emoji in two styles, and what each one shows.

    python make_dataset.py --output emoji_dataset

Needs `npm` to fetch the two packages named in `PACKAGES` (84 MB; kept in `--cache`), and Pillow.
Writes `sheet.png` (tiles of 64x64 RGBA, row by row) and `captions.json` (one record per tile).
"""

from __future__ import annotations

import argparse
import colorsys
import json
import subprocess
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from data import COLUMNS, TILE
from PIL import Image

HERE = Path(__file__).parent
PACKAGES = {"flat": "emoji-datasource-google@16.0.0", "3d": "@lobehub/fluent-emoji-3d@1.1.0"}
HUES = {18: "red", 38: "orange", 68: "yellow", 165: "green", 255: "blue", 295: "purple"}
HUES |= {340: "pink"}  # degrees up to which a hue has this name
COLOURS = {*HUES.values(), "brown", "black", "white", "gray"}


def fetch(package: str, cache: Path) -> Path:
    """The unpacked folder of an npm package, downloaded once."""
    name, _, version = package.rpartition("@")
    folder = cache / f"{name.replace('/', '-').lstrip('@')}-{version}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", package], cwd=cache, check=True)
        with tarfile.open(f"{folder}.tgz") as archive:
            archive.extractall(folder, filter="data")
    return folder / "package"


def read_captions(path: Path) -> list[dict[str, Any]]:
    """The records of `emoji.txt`: short name, the words that name it, the words of its group."""
    records: list[dict[str, Any]] = []
    groups: list[str] = []
    for line in path.read_text().splitlines():
        if line.startswith("["):
            groups = line.strip("[]").split()
        elif line and not line.startswith("#"):
            short_name, words = line.split(":")
            records.append({"emoji": short_name, "words": words.split(), "groups": groups})
    return records


def picture(style: str, folder: Path, entry: dict[str, Any]) -> Image.Image:
    """One emoji of the data source as a 64x64 RGBA picture."""
    if style == "flat":
        path = folder / "img" / "google" / "64" / entry["image"]
    else:
        codes = [entry["unified"], entry["non_qualified"] or ""]
        paths = [folder / "assets" / f"{code.lower()}.webp" for code in codes]
        path = next(path for path in paths if path.exists())
    with Image.open(path) as image:
        return image.convert("RGBA").resize((TILE, TILE), Image.Resampling.LANCZOS)


def main_colour(image: Image.Image) -> str:
    """The name of the colour that covers most of the opaque part."""
    pixels = np.asarray(image.resize((24, 24)), dtype=np.float32).reshape(-1, 4) / 255
    votes = Counter(colour_name(*rgb) for *rgb, alpha in pixels.tolist() if alpha > 0.6)
    return votes.most_common(1)[0][0]


def colour_name(red: float, green: float, blue: float) -> str:
    """The name of one colour, by its hue unless it is nearly without one."""
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    degrees = hue * 360
    if value < 0.25 or (value < 0.4 and saturation < 0.4):
        return "black"
    if saturation < 0.18:
        return "white" if value > 0.8 else "gray"
    if 5 < degrees < 45 and value < 0.72:
        return "brown"
    return next((name for limit, name in HUES.items() if degrees < limit), "red")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=HERE / "emoji_dataset")
    parser.add_argument("--cache", type=Path, default=Path("npm_cache"))
    options = parser.parse_args()

    folders = {style: fetch(package, options.cache) for style, package in PACKAGES.items()}
    source = json.loads((folders["flat"] / "emoji.json").read_text())
    by_name = {entry["short_name"]: entry for entry in source}
    records, tiles = [], []
    for caption in read_captions(HERE / "emoji.txt"):
        for style, folder in folders.items():
            image = picture(style, folder, by_name[caption["emoji"]])
            tiles.append(image)
            named = [word for word in caption["words"] if word in COLOURS]
            colour = named[0] if named else main_colour(image)
            records.append({**caption, "style": style, "colour": colour})

    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGBA", (COLUMNS * TILE, rows * TILE))
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (index % COLUMNS * TILE, index // COLUMNS * TILE))
    options.output.mkdir(parents=True, exist_ok=True)
    sheet.save(options.output / "sheet.png", optimize=True)
    lines = ",\n".join(json.dumps(record) for record in records)
    (options.output / "captions.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(tiles)} pictures of {len(tiles) // 2} emoji in {options.output}")


if __name__ == "__main__":
    main()
