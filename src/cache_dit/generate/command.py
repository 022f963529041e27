"""`cache-dit generate`: from a command line to pictures, a table and, if wanted, a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from cache_dit.assignments import parsed, settings
from cache_dit.generate import options as opt
from cache_dit.generate.call import call_arguments
from cache_dit.generate.load import load_pipeline
from cache_dit.generate.outputs import save, save_beside
from cache_dit.generate.report import comparison, measures
from cache_dit.generate.running import (
    compile_transformers,
    enable,
    place,
    run,
    settings_of,
    without_cache,
)
from cache_dit.launch import Place, joined
from cache_dit.refusal import refusals


def generate(
    model: opt.Model,
    prompt: opt.Prompt = None,
    negative_prompt: opt.NegativePrompt = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    height: opt.Height = None,
    width: opt.Width = None,
    frames: opt.Frames = None,
    image: opt.Picture = None,
    seed: opt.Seed = 0,
    call: opt.Call = None,
    output: opt.Output = Path("outputs/generate"),
    cache: opt.Cache = False,
    config: opt.Config = None,
    assignments: opt.Assignments = None,
    ulysses: opt.Ulysses = None,
    ring: opt.Ring = None,
    tp: opt.Tensor = None,
    parallel_text: opt.ParallelText = False,
    parallel_vae: opt.ParallelVae = False,
    compile: opt.Compile = False,
    offload: opt.Offload = None,
    track_memory: opt.TrackMemory = False,
    compare: opt.Compare = False,
    dtype: opt.Dtype = None,
    device: opt.Device = None,
) -> None:
    """Run a diffusers pipeline with the cache, over several devices, and say what it brought."""
    wanted = {
        "prompt": prompt[0] if prompt and len(prompt) == 1 else prompt,
        "negative_prompt": negative_prompt,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "height": height,
        "width": width,
        "num_frames": frames,
        "image": image,
    }
    console = Console()
    sizes = {"ulysses": ulysses, "ring": ring, "tp": tp}
    with refusals(console):
        chosen = settings(config, assignments or [])
        wanted |= parsed(call or [], "--call")
        with joined(device) as here:
            pipe = load_pipeline(model, dtype, here.device)
            pipe.set_progress_bar_config(disable=not here.first)
            arguments = call_arguments(pipe, wanted, seed)
            made = settings_of(pipe, chosen, cache or compare, sizes, parallel_text, parallel_vae)
            place(pipe, here.device, offload)
            if compile:
                compile_transformers(pipe)
            _draw(pipe, arguments, made, compare, track_memory, here, output, console)


def _draw(
    pipe: Any,
    arguments: Mapping[str, Any],
    made: Mapping[str, Any],
    compare: bool,
    track_memory: bool,
    here: Place,
    folder: Path,
    console: Console,
) -> None:
    """Call the pipeline, once or beside its uncached self, and report on the first rank."""
    plain = None
    if compare:
        enable(pipe, without_cache(made))
        if "num_inference_steps" in arguments:  # whatever a first call has to prepare
            run(pipe, {**arguments, "num_inference_steps": 2}, here.device)
        plain = run(pipe, arguments, here.device)
    enable(pipe, made)
    drawn = run(pipe, arguments, here.device)
    if not here.first:
        return
    files = save(drawn.kind, drawn.outputs, folder, "cached" if compare else "result")
    if plain is not None:
        files += save(plain.kind, plain.outputs, folder, "uncached")
        files += save_beside(drawn.kind, plain.outputs, drawn.outputs, folder)
        console.print(comparison(plain, drawn, track_memory))
    else:
        console.print(measures(drawn, track_memory))
    for file in files:
        console.print(f"Written: {file}", highlight=False)
