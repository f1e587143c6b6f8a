"""What to do with a data set's layout: read it, ask which reading is right, or refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ...errors import LayoutError
from ...messages import Code, Message, WordCode, in_row, sentence
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

    ``questions`` are the reasons to ask; ``refusal`` is the reason where no reading fits, and ``reasons`` say why
    folders, tables and names give none. ``photos`` is the number of files that look like pictures, ``names`` are their
    names, ``unreadable`` the tables that were not read, with the reason. ``lone_folder`` is the folder
    named like validation or test in which all photos lie, empty if there is none.
    """

    decision: Decision
    readings: tuple[Reading, ...] = ()
    questions: tuple[QuestionCode, ...] = ()
    refusal: RefusalCode | None = None
    photos: int = 0
    unreadable: Mapping[str, Code] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    reasons: tuple[Message, ...] = ()
    lone_folder: str = ""

    def question(self) -> str:
        """Return why it is asked, in one sentence."""
        question = self._question()
        return sentence(AnswerCode.QUESTION, question=question[:1].upper() + question[1:]) if question else ""

    def to_json(self, taken: Reading | None) -> dict[str, Any]:
        """Return ``{"layout": ...}`` of the reading that is taken, otherwise ``{"readings": [...]}``.

        Where there is no reading, ``photos`` is the number of pictures and ``not_taken`` says why they are not used.
        """
        if taken is not None:
            return {"layout": self._reading_json(taken)}
        readings = [self._reading_json(reading) for reading in self.readings]
        if readings:
            return {"readings": readings}
        reasons = [{"code": reason.code.id, "reason": str(reason)} for reason in self.reasons]
        places = [str(place) for place in wording.amounts(self.names)] if self.photos else []
        return {"readings": [], "photos": self.photos, "places": places, "not_taken": reasons}

    def error(self) -> LayoutError:
        """Return the error that names the option of each reading, or says why there is none."""
        if self.readings:
            choices = [choice(reading) for reading in self.readings]
            return LayoutError(AnswerCode.ASK, self.readings, self, question=self._question(), choices=choices)
        if self.photos:
            return LayoutError(
                AnswerCode.REFUSED, (), self, count=self.photos, places=wording.amounts(self.names),
                refusal=str(self.refusal), reasons=self.reasons,
            )  # fmt: skip
        *kinds, help = self.reasons
        return LayoutError(AnswerCode.REFUSED_FILES, (), self, kinds=kinds, help=help)

    def _question(self) -> str:
        detailed: dict[str, Message] = {}
        for reading in self.readings:
            for text in reading.asked:
                detailed.setdefault(text.code.name, text)
        found = (detailed.get(question.name, question) for question in self.questions)
        return in_row(found, WordCode.SEMICOLON)

    def _reading_json(self, reading: Reading) -> dict[str, Any]:
        return {
            "labels": {"from": reading.source.value, "option": reading.option},
            "classes": dict(reading.class_counts()),
            "splits": dict(reading.split_counts()),
            "groups": {"from": reading.groups_from or "none", "count": len(set(reading.groups.values()))},
            "left_out": dict(Counter(code.id for code in reading.not_taken.values())),
            "evidence": reading.evidence(),
            "others": [other.option for other in self.readings if other.option != reading.option],
        }


def choice(reading: Reading) -> str:
    """Return the option that takes a reading, with what it gives."""
    classes = wording.classes(reading)
    return sentence(AnswerCode.CHOICE, option=quote(reading.option), classes=classes, summary=reading.in_words())


def quote(option: str) -> str:
    """Return a value for the command line, in quotes if it holds a blank."""
    return f'"{option}"' if any(letter.isspace() or letter in "'&;()" for letter in option) else option
