"""Pillow beside ours. `photo WIDTH HEIGHT PATH` makes a JPEG like a photograph; without arguments, each line of
standard input names a file to load, and is answered with the CPU-seconds that took, as JSON."""

import json
import sys
import time

from PIL import Image, ImageChops


def photo(width, height, path):
    """Shapes of all sizes in colours of their own, and the noise of a sensor."""
    bands = []
    for _ in range(3):
        band = Image.new("L", (width, height), 128)
        for size, strength in ((512, 120), (128, 60), (32, 30), (8, 16), (2, 6), (1, 3)):
            noise = Image.effect_noise((width // size + 2, height // size + 2), strength)
            noise = noise.resize((width, height), Image.Resampling.BICUBIC)
            band = ImageChops.add(band, noise, offset=-128)
        bands.append(band)
    # As a camera sees: bright and dark differ more than colours do.
    Image.merge("YCbCr", [bands[0], *(Image.blend(Image.new("L", band.size, 128), band, 0.4) for band in bands[1:])]) \
        .convert("RGB").save(path, quality=85, subsampling="4:2:0")


if sys.argv[1:2] == ["photo"]:
    photo(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
else:
    for line in sys.stdin:
        before = time.process_time()
        with Image.open(line.rstrip("\n")) as image:
            image.load()
        print(json.dumps({"cpu": time.process_time() - before}), flush=True)
