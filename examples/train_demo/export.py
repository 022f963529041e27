"""Write a trained pipeline in half precision, as the package carries it.

python export.py outputs/train_demo/pipeline ../../src/cache_dit/demo/weights
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cache_dit.demo import EmojiPipeline


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    pipe = EmojiPipeline.from_pretrained(options.source)
    pipe.transformer.half()
    pipe.text_encoder.half()
    pipe.save_pretrained(options.target)
    for file in options.target.rglob("*.json"):
        settings = json.loads(file.read_text())
        settings.pop("_name_or_path", None)  # where it was on this machine
        file.write_text(json.dumps(settings, indent=2) + "\n")
    size = sum(file.stat().st_size for file in options.target.rglob("*") if file.is_file())
    print(f"{options.target}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
