"""What to do with a data set's layout: read it, ask which reading is right, or refuse."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ...errors import LayoutError
from ...messages import sentence
from ...messages.layout import AnswerCode, QuestionCode, RefusalCode
from . import wording
from .reading import Reading


class Decision(str, Enum):
    """What to do: take the first reading, ask which one, or refuse."""

    READ = "read"
    ASK = "ask"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Layout:
    """The readings that fit, best first.

    ``questions`` are the reasons to ask, ``refusal`` is the reason where no reading fits. ``photos`` is the number of
    files that look like pictures, ``unreadable`` the tables that are too large to be tables of labels.
    """

    decision: Decision
    readings: tuple[Reading, ...] = ()
    questions: tuple[QuestionCode, ...] = ()
    refusal: RefusalCode | None = None
    photos: int = 0
    unreadable: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def question(self) -> str:
        """Return why it is asked, in one sentence."""
        if not self.questions:
            return ""
        reasons = "; ".join(map(str, self.questions))
        return f"{reasons[:1].upper()}{reasons[1:]}."

    def to_json(self, taken: Reading | None) -> dict[str, Any]:
        """Return ``{"layout": ...}`` of the reading that is taken, otherwise ``{"readings": [...]}``."""
        if taken is not None:
            return {"layout": self._reading_json(taken)}
        readings = [self._reading_json(reading) for reading in self.readings]
        return {"readings": readings, "photos": self.photos, "not_taken": self._not_taken_json()}

    def error(self) -> LayoutError:
        """Return the error that names the option of each reading, or says why there is none."""
        if self.decision is Decision.ASK:
            question = "; ".join(map(str, self.questions))
            choices = [choice(reading) for reading in self.readings]
            return LayoutError(AnswerCode.ASK, self.readings, self, question=question, choices=choices)
        if self.photos:
            places = wording.places(self.names)
            return LayoutError(AnswerCode.REFUSED, (), self, count=self.photos, places=places, reason=str(self.refusal))
        return LayoutError(AnswerCode.REFUSED_FILES, (), self, reason=str(self.refusal))

    def _reading_json(self, reading: Reading) -> dict[str, Any]:
        left_out = Counter(code.id for code in reading.not_taken.values())
        return {
            "labels": {"from": reading.source.value, "option": reading.option},
            "classes": dict(reading.class_counts()),
            "splits": dict(reading.split_counts()),
            "groups": {"from": reading.groups_from or "none", "count": len(set(reading.groups.values()))},
            "left_out": dict(left_out),
            "evidence": reading.evidence(),
            "others": [other.option for other in self.readings if other is not reading],
        }

    def _not_taken_json(self) -> list[dict[str, Any]]:
        if self.readings or self.refusal is None:
            return []
        return [{"code": self.refusal.id, "reason": str(self.refusal), "count": self.photos}]


def choice(reading: Reading) -> str:
    """Return the option that takes a reading, with what it gives."""
    return sentence(AnswerCode.CHOICE, option=reading.option, summary=reading.in_words())
