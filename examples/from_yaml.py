"""Settings from a file, as servers keep them.

python examples/from_yaml.py --model MODEL --prompt "..."
"""

from pathlib import Path

from loading import arguments, draw, load

import cache_dit

SETTINGS = Path(__file__).with_name("settings.yaml")

options = arguments(__doc__)
pipe = load(options.model)
cache_dit.enable_cache(pipe, **cache_dit.load_configs(SETTINGS))
draw(pipe, options.prompt, options.steps)
print(cache_dit.strify(pipe))  # a tag for file names and logs
cache_dit.summary(pipe)
