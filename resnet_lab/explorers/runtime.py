"""Vega, Vega-Lite and Vega-Embed as one file beside the pages: charts with no network.

Paper: nowhere; this is what draws the explorers.
Notebook: notebooks/00_start_here.py. Tests: tests/test_explorers.py.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from resnet_lab.errors import InputError
from resnet_lab.files import write_whole

NAME = "vega.js"
LICENCE = """Vega and Vega-Lite: Copyright (c) 2015-2025, University of Washington Interactive Data
Lab. Vega-Embed: Copyright (c) 2015, University of Washington Interactive Data Lab. All under the
BSD 3-Clause licence: https://opensource.org/license/bsd-3-clause
THIS SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTIES; redistributions keep this notice."""


def versions() -> dict[str, str]:
    """Name -> version of what `write` writes. Raises: InputError without vl-convert."""
    import altair
    import vl_convert

    major = altair.SCHEMA_VERSION.lstrip("v").split(".")[0]
    fit = [v for v in vl_convert.get_vegalite_versions() if v.split(".")[0] == major]
    return {
        "Vega": vl_convert.get_vega_version(),
        "Vega-Lite": fit[-1],
        "Vega-Embed": vl_convert.get_vega_embed_version(),
    }


@cache
def source() -> str:
    """The runtime with its versions and its licence on top. Raises: InputError."""
    if not find_spec("vl_convert"):
        raise InputError(
            "the explorers take the package vl-convert-python, which is not here; "
            'run: python -m pip install -e "."'
        )
    import vl_convert

    found = versions()
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    code = vl_convert.javascript_bundle(vl_version=found["Vega-Lite"])
    return f"/*! {listed}\n{LICENCE} */\n{code}\n"


def write(out: Path) -> Path:
    """Write the runtime to `out`, once for all pages. Raises: InputError."""
    write_whole(out / NAME, source())
    return out / NAME
