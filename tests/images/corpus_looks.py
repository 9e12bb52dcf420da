"""Whether images look as before to Pillow: one line of JSON each.

A line on standard input names three files, with tabs between: an image, what was published of it, and its thumbnail
(or nothing). `before` is null where Pillow cannot load the first. `same` tells whether all frames of the second have
the same pixels, as displayed; `thumbnail` is how far the pixels of the third are from it on average, of 255.
"""

import json
import sys
import warnings

from PIL import Image, ImageChops, ImageOps, ImageSequence, ImageStat

warnings.simplefilter("ignore")


def frames(path):
    with Image.open(path) as image:
        # The other pictures of a JPEG are not published.
        images = [image] if image.format in ("JPEG", "MPO") else ImageSequence.Iterator(image)
        return [rgba(ImageOps.exif_transpose(frame)) for frame in images]


def rgba(image):
    if image.mode.startswith("I;16"):  # Whose conversion would cut off, not scale down.
        image = image.point(lambda sample: sample * (1 / 256)).convert("L")
    return image.convert("RGBA")


def distance(frame, path):
    with Image.open(path) as image:
        small = ImageOps.exif_transpose(image).convert("RGBA")
    black = Image.new("RGBA", small.size, "black")
    expected = Image.alpha_composite(black, frame.resize(small.size, Image.Resampling.BICUBIC))
    found = Image.alpha_composite(black, small)
    return max(ImageStat.Stat(ImageChops.difference(expected, found)).mean)


def verdict(before, after, thumbnail):
    try:
        original = frames(before)
    except Exception as error:
        return {"before": None, "why": f"{type(error).__name__}: {error}"}
    published = frames(after)
    return {
        "before": len(original),
        "same": [frame.tobytes() for frame in original] == [frame.tobytes() for frame in published],
        "thumbnail": distance(original[0], thumbnail) if thumbnail else 0,
    }


for line in sys.stdin:
    print(json.dumps(verdict(*line.rstrip("\n").split("\t"))), flush=True)
