"""Pictures of a notebook made lighter: charts need few colours, and code hosts refuse much.

Paper: nowhere; this is how a chapter full of figures stays readable on a code host.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_notebook_pictures.py.
"""

import base64
from io import BytesIO

COLOURS = 256
TOLERANCE = 40  # of 255: a larger change of any pixel would be seen, as in photographs


def lighter(png: str) -> str:
    """The same picture with a palette if that is smaller and looks the same; else `png` itself.

    Shapes: PNG in base64, as a notebook holds it. The same picture always gives the same bytes.
    """
    import numpy as np
    from PIL import Image

    picture = Image.open(BytesIO(base64.b64decode(png)))
    if picture.mode == "P":
        return png
    opaque = Image.new("RGB", picture.size, "white")
    opaque.paste(picture, mask=picture.getchannel("A") if "A" in picture.getbands() else None)
    few = opaque.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    there, back = (np.asarray(p, np.int16) for p in (opaque, few.convert("RGB")))
    if np.abs(there - back).max() > TOLERANCE:
        return png
    out = BytesIO()
    few.save(out, "PNG", optimize=True)
    light = base64.b64encode(out.getvalue()).decode()
    return light if len(light) < len(png) else png
