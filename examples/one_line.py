"""The cache in one line.

python examples/one_line.py
python examples/one_line.py --model black-forest-labs/FLUX.1-dev --prompt "a cup of coffee"
"""

from loading import arguments, draw, load

import cache_dit

options = arguments(__doc__)
pipe = load(options.model)

cache_dit.enable_cache(pipe)
draw(pipe, options.prompt, options.steps)

cache_dit.summary(pipe)  # how many steps were reused
cache_dit.disable_cache(pipe)  # the pipeline is as it was before
