"""Writes a talk of 60 slides for pandoc, each two short paragraphs of a book: slides.py BOOK."""

import sys
from pathlib import Path

SLIDES = 60

blocks = [" ".join(block.split()) for block in Path(sys.argv[1]).read_text("utf-8").split("\n\n")]
# Longer ones would run over the edge of a slide.
prose = [block for block in blocks if 120 < len(block) < 280]
print("% Readings from Alice\n")
for number in range(SLIDES):
    first, second = (block.replace("`", "‘").replace("*", "").replace("_", "") for block in prose[2 * number : 2 * number + 2])
    print(f"## Reading {number + 1}\n\n- {first}\n- {second}\n")
