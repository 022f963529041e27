"""Two transformers, one for high and one for low noise, each with settings of its own.

python examples/several_transformers.py
python examples/several_transformers.py --model Wan-AI/Wan2.2-T2V-A14B-Diffusers
"""

import torch
from loading import arguments, load

import cache_dit
from cache_dit import DBCacheConfig, ParamsModifier
from cache_dit.verify import zoo

WAN = zoo.get("WanTransformer3DModel")  # a tiny one with random weights


class TinyPipeline:
    """What Wan 2.2 does without guidance, with tiny transformers, no text encoder and no VAE."""

    def __init__(self) -> None:
        self.transformer, self.transformer_2 = WAN.build(), WAN.build(seed=1)

    @torch.no_grad()
    def __call__(self, prompt: str, num_inference_steps: int) -> None:
        self._num_timesteps = num_inference_steps
        for step in range(num_inference_steps):
            low = 2 * step >= num_inference_steps
            transformer = self.transformer_2 if low else self.transformer
            with transformer.cache_context("cond"):
                transformer(**WAN.step_inputs(step))


options = arguments(__doc__, steps=16)
pipe = TinyPipeline() if options.model == "demo" else load(options.model)
shared = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=4, residual_diff_threshold=0.2)
cache_dit.enable_cache(
    pipe,
    cache_config=shared,
    params_modifiers=[  # in order; what a modifier does not set stays as it is shared
        ParamsModifier(cache_config=DBCacheConfig().reset(max_warmup_steps=4)),
        ParamsModifier(cache_config=DBCacheConfig().reset(max_warmup_steps=2)),
    ],
)
pipe(options.prompt, num_inference_steps=options.steps)
cache_dit.summary(pipe)
