"""No pipeline: a transformer in a loop of your own, as in a server or a node editor.

python examples/transformer_only.py --steps 12
"""

import torch
from loading import arguments
from small_dit import SmallDiT

import cache_dit
from cache_dit import DBCacheConfig

options = arguments(__doc__)
torch.manual_seed(0)
transformer = SmallDiT().eval()
text = torch.randn(1, 7, 8)

cache_dit.enable_cache(  # its blocks are found by reading its own loop over them
    transformer, cache_config=DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2)
)
for request in range(2):
    cache_dit.refresh_context(transformer, num_inference_steps=options.steps)
    sample = torch.randn(1, 16, 8)
    with torch.no_grad():
        for step in range(options.steps):
            time = torch.tensor([1000.0 * (1 - step / options.steps)])
            sample = sample - transformer(sample, text, time) / options.steps
    (stats,) = cache_dit.summary(transformer, logging=False)
    print(f"request {request}: reused steps {stats.cached_steps}")
