"""How long something has run, without its pauses, and when to tell of it again.

Paper: nowhere; a training that can be paused needs it.
Notebook: notebooks/01_degradation.py. Tests: tests/test_live.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

OFTEN = 0.5  # seconds between two reports of a net that trains slowly


@dataclass
class Stopwatch:
    """Seconds by the clock `now`, of the times between `run` and `rest`."""

    now: Callable[[], float]
    spent: float = 0.0
    since: float | None = None
    told: float = float("-inf")

    def run(self) -> None:
        """Count from now on, if it does not already."""
        self.since = self.now() if self.since is None else self.since

    def rest(self) -> None:
        """Count no longer."""
        self.spent, self.since = self.seconds(), None

    def seconds(self) -> float:
        """All that was counted so far."""
        return self.spent + (0 if self.since is None else self.now() - self.since)

    def due(self) -> bool:
        """Whether the last report is `OFTEN` or longer ago; if so, the next one is made now."""
        late = self.now() - self.told >= OFTEN
        self.told = self.now() if late else self.told
        return late
