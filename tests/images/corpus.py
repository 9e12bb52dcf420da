"""What Pillow makes of the files named on standard input: one line of JSON each.

`format` is null where it knows none; `error` is null when every frame loads.
"""

import json
import sys
import warnings

from PIL import Image

warnings.simplefilter("ignore")


def verdict(path):
    found = None
    try:
        with Image.open(path) as image:
            found = image.format
            for frame in range(getattr(image, "n_frames", 1)):
                image.seek(frame)
                image.load()
    except Exception as error:  # Whatever it raises is its verdict.
        return {"format": found, "error": f"{type(error).__name__}: {error}"}
    return {"format": found, "error": None}


for line in sys.stdin:
    print(json.dumps(verdict(line.rstrip("\n"))), flush=True)
