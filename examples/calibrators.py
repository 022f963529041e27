"""What stands in for skipped blocks: the same reused steps, predicted in four ways.

python examples/calibrators.py --model MODEL --prompt "..."
"""

from loading import arguments, draw, load

import cache_dit
from cache_dit import (
    DBCacheConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    TaylorSeerCalibratorConfig,
    steps_mask,
)
from cache_dit.metrics import compute_psnr

CALIBRATORS = {
    "last residual": None,
    "TaylorSeer": TaylorSeerCalibratorConfig(taylorseer_order=1),
    "FoCa": FoCaCalibratorConfig(),
    "DMD": DMDCalibratorConfig(),
}

options = arguments(__doc__)
pipe = load(options.model)
original = draw(pipe, options.prompt, options.steps)
config = DBCacheConfig(
    Fn_compute_blocks=1,
    steps_computation_mask=steps_mask(total_steps=options.steps, mask_policy="medium"),
    steps_computation_policy="static",
)
for name, calibrator in CALIBRATORS.items():
    cache_dit.enable_cache(pipe, cache_config=config, calibrator_config=calibrator)
    picture = draw(pipe, options.prompt, options.steps)
    print(f"{name:13} {compute_psnr(original, picture).value:.1f} dB")
cache_dit.disable_cache(pipe)
