"""What a function returned, as an output that a widget can hold: a picture, or Markdown.

Paper: nowhere; this is how a slider shows a figure of it.
Notebook: notebooks/01_degradation.py. Tests: tests/test_pictures.py.
"""

import threading
from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from typing import Protocol

import ipywidgets
from matplotlib.figure import Figure

from resnet_lab.errors import InputError

# sliders answer on threads of their own, and a training draws on one more: one at a time
PEN = threading.RLock()


class Worded(Protocol):
    """A picture and what it shows in words, as `detection.ink.View`."""

    words: str
    png: bytes


def png(figure: Figure) -> bytes:
    """`figure` as PNG, at its own resolution. No two threads draw at the same time."""
    picture = BytesIO()
    with PEN:
        # weak compression: a slider waits for this picture, and no file is made of it
        figure.savefig(
            picture, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 1}
        )
    return picture.getvalue()


def words(figure: Figure) -> str:
    """The titles of `figure` and of its panels: its text where no picture can be seen."""
    titles = [figure.get_suptitle(), *(ax.get_title() for ax in figure.axes)]
    return "; ".join(" ".join(title.split()) for title in titles if title) or "a figure"


def outputs_of(result: "Figure | Worded | str") -> list[dict]:
    """A Figure, a picture with words, or text as Markdown: as outputs for `Output.outputs`."""
    if isinstance(result, str):
        return [output({"text/markdown": result, "text/plain": result})]
    if isinstance(result, Figure):
        return [picture(png(result), words(result))]
    with PEN:
        drawn = result.png
    return [*outputs_of(result.words), picture(drawn, result.words)]


def picture(drawn: bytes, said: str) -> dict:
    """An output that is a PNG, with what it shows in words."""
    return output({"image/png": b64encode(drawn).decode(), "text/plain": said})


def output(data: dict[str, str]) -> dict:
    """An output of these MIME types."""
    return {"output_type": "display_data", "data": data, "metadata": {}}


def problem_of(error: Exception) -> dict:
    """What went wrong, as an output: an InputError is a sentence, all else a red error."""
    if isinstance(error, InputError):
        return outputs_of(str(error))[0]
    name, text = type(error).__name__, str(error)
    return {
        "output_type": "error",
        "ename": name,
        "evalue": text,
        "traceback": [f"{name}: {text}"],
    }


def put(output: ipywidgets.Output, shown: Sequence[dict]) -> None:
    """Show `shown` in `output`, instead of what it shows.

    Set as a value: what is displayed inside `with output:` goes astray when two threads do so.
    """
    output.outputs = tuple(shown)
