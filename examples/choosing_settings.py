"""What a setting costs in likeness, beside what it saves: the way to choose one for a model.

python examples/choosing_settings.py --model MODEL --prompt "..."
"""

from loading import arguments, draw, load

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.metrics import compute_psnr

SETTINGS = {
    "careful": DBCacheConfig(Fn_compute_blocks=4, residual_diff_threshold=0.08),
    "balanced": DBCacheConfig(
        Fn_compute_blocks=1, max_warmup_steps=4, residual_diff_threshold=0.12
    ),
    "bold": DBCacheConfig(
        Fn_compute_blocks=1,
        max_warmup_steps=4,
        max_continuous_cached_steps=3,
        residual_diff_threshold=0.3,
    ),
}

options = arguments(__doc__)
pipe = load(options.model)
original = draw(pipe, options.prompt, options.steps)
for name, config in SETTINGS.items():
    cache_dit.enable_cache(pipe, cache_config=config)
    picture = draw(pipe, options.prompt, options.steps)
    reused = len(cache_dit.summary(pipe, logging=False)[0].cached_steps)
    psnr = compute_psnr(original, picture).value
    print(f"{name:9} reused {reused:2} of {options.steps} steps, {psnr:.1f} dB")
cache_dit.disable_cache(pipe)
