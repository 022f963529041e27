"""Steps that are fixed in advance: presets, and a mask of your own.

python examples/masks.py --model MODEL --prompt "..."
"""

from loading import arguments, draw, load

import cache_dit
from cache_dit import DBCacheConfig, TaylorSeerCalibratorConfig, steps_mask
from cache_dit.metrics import compute_psnr

options = arguments(__doc__)
masks = {
    name: steps_mask(total_steps=options.steps, mask_policy=name)
    for name in ("slow", "medium", "fast", "ultra")
}
masks["every other"] = [1 - step % 2 for step in range(options.steps)]

pipe = load(options.model)
original = draw(pipe, options.prompt, options.steps)
for name, mask in masks.items():
    config = DBCacheConfig(
        Fn_compute_blocks=1,
        max_warmup_steps=2,
        steps_computation_mask=mask,
        steps_computation_policy="static",  # "dynamic" asks the residual at a 0
    )
    cache_dit.enable_cache(pipe, config, TaylorSeerCalibratorConfig())
    picture = draw(pipe, options.prompt, options.steps)
    psnr = compute_psnr(original, picture).value
    print(f"{name:12} {''.join(map(str, mask))} {sum(mask):3} computed, {psnr:.1f} dB")
cache_dit.disable_cache(pipe)
