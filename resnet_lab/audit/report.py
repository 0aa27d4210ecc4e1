"""What an audit found: facts, what cannot be decided, and differences from the paper.

Paper: Tables 1 and 6; Section 4.2 (the nets that differences are counted from).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

from dataclasses import asdict, dataclass

UNDECIDABLE = "undecidable"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that was looked for: its value, or "undecidable" and the reason."""

    name: str
    value: object
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The answer to "which ResNet is this really?"."""

    source: str  # file, factory or class
    is_resnet: bool  # a net of the paper's blocks, plain ones included
    verdict: str  # one sentence
    facts: tuple[Fact, ...] = ()
    differences: tuple[str, ...] = ()  # from the nearest net of the paper

    def __getitem__(self, name: str) -> object:
        """Value of the fact of that name; None if it was not looked for."""
        return next((fact.value for fact in self.facts if fact.name == name), None)

    @property
    def undecidable(self) -> dict[str, str]:
        """Name -> reason, of what the source cannot tell."""
        return {fact.name: fact.why for fact in self.facts if fact.value == UNDECIDABLE}

    def as_json(self) -> dict:
        """The report as strict JSON holds it."""
        return asdict(self)


def plural(many: int, word: str, end: str = "s") -> str:
    """A number with its noun: "1 stage", "2 stages"."""
    return f"{many} {word}{end if many != 1 else ''}"
