"""No pipeline: FLUX's transformer in a loop of your own, as in a server or a node editor.

python examples/transformer_only.py --steps 12
python examples/transformer_only.py --model black-forest-labs/FLUX.1-dev

Its inputs are noise here; a server has them from its text encoders.
"""

import torch
from loading import arguments, load

import cache_dit
from cache_dit import DBCacheConfig

options = arguments(__doc__)
torch.manual_seed(0)
transformer = load(options.model).transformer
config, like = transformer.config, next(transformer.parameters())
text, side = 7, 8
inputs = {
    "encoder_hidden_states": torch.randn(1, text, config.joint_attention_dim).to(like),
    "pooled_projections": torch.randn(1, config.pooled_projection_dim).to(like),
    "txt_ids": torch.zeros(text, 3).to(like),
    "img_ids": torch.cartesian_prod(*map(torch.arange, (1, side, side))).to(like),
    "guidance": torch.tensor([3.5]).to(like) if config.guidance_embeds else None,
}

cache_dit.enable_cache(
    transformer, cache_config=DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2)
)
for request in range(2):
    cache_dit.refresh_context(transformer, num_inference_steps=options.steps)
    sample = torch.randn(1, side * side, config.in_channels).to(like)
    with torch.no_grad():
        for step in range(options.steps):
            time = torch.tensor([1 - step / options.steps]).to(like)
            (velocity,) = transformer(sample, timestep=time, return_dict=False, **inputs)
            # The demo's transformer takes positions behind the pixels, and returns pixels.
            sample[..., : velocity.shape[-1]] -= velocity / options.steps
    (stats,) = cache_dit.summary(transformer, logging=False)
    print(f"request {request}: reused steps {stats.cached_steps}")
