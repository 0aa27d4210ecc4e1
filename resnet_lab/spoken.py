"""Controls that a screen reader can read: names, values and states that ipywidgets leave out.

Paper: nowhere; everybody should be able to move its depth.
Notebook: notebooks/01_degradation.py. Tests: tests/test_widgets.py, tests/test_browser.py.
"""

from pathlib import Path

import ipywidgets

from resnet_lab import pictures

SCRIPT = Path(__file__).with_name("spoken.js")


def names() -> ipywidgets.Output:
    """A part of an explorer that shows nothing, and gives every control of the page its name.

    It has to stand beside the controls: the page runs the script when it draws this output.
    """
    hidden = ipywidgets.Output(layout={"height": "0", "margin": "0", "overflow": "hidden"})
    script = SCRIPT.read_text(encoding="utf-8")
    pictures.put(hidden, [pictures.output({"application/javascript": script, "text/plain": ""})])
    return hidden
