"""Results on disk as strict JSON, sealed by a digest: none that was cut or changed passes.

Paper: nowhere; every number in a table or figure of ours was read through here.
Notebook: notebooks/00_start_here.py. Tests: tests/test_sealed.py.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from resnet_lab.errors import InputError

Format = int | str


def digest(fields: Mapping[str, object]) -> str:
    """Hash of `fields` without "how", which holds all that the clock touches."""
    rest = {name: value for name, value in fields.items() if name != "how"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def load(
    path: Path, kinds: Mapping[Format, type], parts: Sequence[type], *, what: str, remedy: str
):
    """The dataclass in the file at `path`, checked field by field; it must have a `digest`.

    `kinds` says which dataclass each value of "format" stands for; `parts` are all dataclasses
    that are in them. `what` and `remedy` are for the sentence on a bad file.

    Raises: InputError if the file is missing, cut short, changed, or something else.
    """
    from pydantic import ValidationError  # late, as below

    try:
        fields = json.loads(path.read_bytes())
        stored, form = fields.pop("digest"), fields.get("format")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is not a whole {what}; {remedy}") from error
    if not isinstance(form, Format) or form not in kinds:
        known = " or ".join(map(repr, kinds))
        raise InputError(f"{path} has format {form!r}, this version reads {known}; {remedy}")
    try:
        found = _adapter(kinds[form], tuple(parts)).validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is not a {what} ({where}: {first['msg']}); {remedy}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is not a whole {what}; {remedy}") from error
    if found.digest != stored:
        raise InputError(f"{path} was changed after it was written; {remedy}")
    return found


@cache
def _adapter(kind: type, parts: tuple[type, ...]):
    # imported late: pydantic takes a tenth of a second, and training needs none of it
    from pydantic import ConfigDict, TypeAdapter

    for part in (kind, *parts):
        part.__pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)
    return TypeAdapter(kind)
