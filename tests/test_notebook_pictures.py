"""Charts get lighter and look the same; photographs stay as they are."""

import base64
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from resnet_lab.notebook_pictures import TOLERANCE, lighter


def encoded(picture: Image.Image) -> str:
    out = BytesIO()
    picture.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def pixels(png: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(base64.b64decode(png))).convert("RGB"), np.int16)


def chart() -> str:
    figure, out = Figure(figsize=(6, 3), dpi=100), BytesIO()
    ax = figure.subplots()
    for k in range(6):
        ax.plot(np.sin(np.linspace(k, k + 9, 200)), color="tab:blue")
    figure.savefig(out, format="png")
    return base64.b64encode(out.getvalue()).decode()


def test_a_chart_gets_lighter_and_looks_the_same():
    before = chart()
    after = lighter(before)
    assert len(after) < 0.6 * len(before)
    assert np.abs(pixels(after) - pixels(before)).max() <= TOLERANCE
    assert lighter(before) == after and lighter(after) == after


def test_noise_as_in_photographs_stays_as_it_is():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    png = encoded(Image.fromarray(noise))
    assert lighter(png) == png
