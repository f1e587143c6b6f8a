"""Numbers about the program since its start, in the text format of Prometheus; none is about a single visitor."""

from __future__ import annotations

import threading
from collections import Counter as Counts
from collections.abc import Mapping
from pathlib import Path

_PAGE = 4096  # bytes, of what /proc counts in
_STATM = Path("/proc/self/statm")


class Counter:
    """A number that only grows, for each value of a label.

    Args:
        name: the metric's.
        text: what it counts.
        label: name of the label, whose values must be few and come from no visitor.
    """

    def __init__(self, name: str, text: str, label: str) -> None:
        self._name, self._text, self._label = name, text, label
        self._lock = threading.Lock()
        self._counts: Counts[str] = Counts()

    def add(self, value: str, count: int = 1) -> None:
        """Count for a value of the label."""
        with self._lock:
            self._counts[value] += count

    def expose(self) -> str:
        """Return the lines of the metric."""
        with self._lock:
            counts = sorted(self._counts.items())
        rows = "".join(f'{self._name}{{{self._label}="{value}"}} {count}\n' for value, count in counts)
        return f"# HELP {self._name} {self._text}\n# TYPE {self._name} counter\n{rows}"


# Of the process, like the processor itself.
REQUESTS = Counter("classifier_requests_total", "Requests answered.", "status")
REFUSED = Counter("classifier_refused_total", "Requests and trainings refused with a sentence.", "reason")
PREDICTIONS = Counter("classifier_predictions_total", "Events that ran a network on the photos of a visitor.", "event")
TRAININGS = Counter("classifier_trainings_total", "Trainings of the page.", "state")
_COUNTERS = (REQUESTS, REFUSED, PREDICTIONS, TRAININGS)


def expose(gauges: Mapping[str, tuple[str, float]]) -> str:
    """Return all metrics as text: the counters, the resident memory, and ``gauges``: name -> (what it is, value)."""
    memory = resident_memory()
    if memory is not None:
        gauges = {**gauges, "process_resident_memory_bytes": ("Resident memory.", memory)}
    rows = (f"# HELP {name} {text}\n# TYPE {name} gauge\n{name} {value:g}\n" for name, (text, value) in gauges.items())
    return "".join([*(counter.expose() for counter in _COUNTERS), *rows])


def resident_memory() -> int | None:
    """Return the bytes of memory that this process has in use, None where the system does not say."""
    try:
        return int(_STATM.read_text("ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):  # not Linux
        return None
