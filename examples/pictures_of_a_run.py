"""The report of a run as a picture: what changed from step to step, and what was decided.

    python examples/pictures_of_a_run.py --model MODEL --prompt "..."

Writes outputs/run.png: the uncached and the cached picture, and the decisions below.
"""

from pathlib import Path

from loading import arguments, draw, load
from matplotlib.figure import Figure

import cache_dit
from cache_dit import DBCacheConfig

COLOURS = {True: "#2a9d8f", False: "#e76f51"}  # reused, computed
OUTPUT = Path("outputs/run.png")

options = arguments(__doc__)
pipe = load(options.model)
uncached = draw(pipe, options.prompt, options.steps)
config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=4, residual_diff_threshold=0.12)
cache_dit.enable_cache(pipe, cache_config=config)
cached = draw(pipe, options.prompt, options.steps)
(stats,) = cache_dit.summary(pipe, details=True)

branch, decisions = next(iter(stats.decisions.items()))
figure = Figure(figsize=(8, 4.5), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=[2, 1])
pictures = {"uncached": uncached, "cached": cached}
for axes, (title, picture) in zip(above.subplots(1, 2), pictures.items(), strict=True):
    axes.imshow(picture.clip(0, 1), interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()
axes = below.subplots()
axes.bar(
    [each.step for each in decisions],
    [each.change or 0.002 for each in decisions],
    color=[COLOURS[each.reused] for each in decisions],
)
axes.axhline(config.residual_diff_threshold, color="grey", linewidth=0.8)
axes.set(xlabel="step", ylabel="measured change")
axes.set_title(
    f"{branch}: green was reused, orange computed; the line is the threshold", fontsize=9
)
OUTPUT.parent.mkdir(exist_ok=True)
figure.savefig(OUTPUT, dpi=150)
print(f"Written: {OUTPUT}")
