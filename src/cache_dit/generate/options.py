"""The options of `cache-dit generate`, each a type of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from cache_dit.generate.load import DTYPES
from cache_dit.generate.running import OFFLOADS

Model: TypeAlias = Annotated[
    str, typer.Option(help='Folder or hub id of a pipeline; "demo" is the one in the package.')
]
Prompt: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="What to draw; repeat for more samples.")
]
NegativePrompt: TypeAlias = Annotated[str | None, typer.Option(help="What to lead away from.")]
Steps: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Denoising steps.")]
Guidance: TypeAlias = Annotated[float | None, typer.Option(help="Guidance scale.")]
Height: TypeAlias = Annotated[int | None, typer.Option(min=1, help="In pixels.")]
Width: TypeAlias = Annotated[int | None, typer.Option(min=1, help="In pixels.")]
Frames: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Of a video.")]
Picture: TypeAlias = Annotated[
    Path | None, typer.Option("--image", exists=True, dir_okay=False, help="Picture to begin with.")
]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="Seed of the noise.")]
Call: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Any other argument of the pipeline; repeatable."),
]
Output: TypeAlias = Annotated[Path, typer.Option(file_okay=False, help="Folder for the results.")]
Cache: TypeAlias = Annotated[bool, typer.Option("--cache", help="Cache with default settings.")]
Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="YAML file of cache and parallel settings."),
]
Assignments: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="A field of cache_config; repeatable."),
]
Ulysses: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Ranks that exchange heads for tokens (with torchrun).")
]
Ring: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Ranks that pass keys and values around.")
]
Tensor: TypeAlias = Annotated[
    int | None, typer.Option("--tp", min=1, help="Ranks that share the width of linear layers.")
]
ParallelText: TypeAlias = Annotated[
    bool, typer.Option("--parallel-text", help="Share the text encoders out, too.")
]
ParallelVae: TypeAlias = Annotated[
    bool, typer.Option("--parallel-vae", help="Share the tiles of the VAE out, too.")
]
Compile: TypeAlias = Annotated[
    bool, typer.Option("--compile", help="Compile the transformer's blocks.")
]
Offload: TypeAlias = Annotated[
    str | None, typer.Option(help=f"Keep parts off the GPU: {', '.join(OFFLOADS)}.")
]
TrackMemory: TypeAlias = Annotated[
    bool, typer.Option("--track-memory", help="Report the most memory that was in use.")
]
Compare: TypeAlias = Annotated[
    bool, typer.Option("--compare", help="Draw without the cache as well, and compare.")
]
Dtype: TypeAlias = Annotated[str | None, typer.Option(help=f"One of {', '.join(DTYPES)}.")]
Device: TypeAlias = Annotated[str | None, typer.Option(help="Such as cpu or cuda:0.")]
