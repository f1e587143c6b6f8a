"""Everything that can go wrong in a way a person can mend.

Program logic reads ``error.code``; ``str(error)`` is the sentence of that code: what came, what was expected and
what to do next, in words for somebody who does not program. The command line prints it and exits with 2, the page
shows it; any other exception is a bug and goes to the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .messages import Code, Message, message


class ClassifierError(Exception):
    """Base of every error this package raises on purpose, made from a code and the arguments of its sentence.

    Example::

        try:
            *_, finished = train(project)
        except ClassifierError as error:
            print(error)  # one plain sentence; error.code is for program logic
    """

    def __init__(self, code: Code, **arguments: Any) -> None:
        self.message: Message = message(code, **arguments) if isinstance(code, Code) else code
        super().__init__(str(self.message))

    def __str__(self) -> str:
        return str(self.message)

    @property
    def code(self) -> Code:
        """What went wrong."""
        return self.message.code

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process boundaries (ZeroGPU); by default only the sentence would."""
        return _restore, (type(self), self.message)


def _restore(
    kind: type[ClassifierError], message: Message, attributes: Mapping[str, Any] | None = None
) -> ClassifierError:
    error = kind.__new__(kind, str(message))
    error.message = message
    vars(error).update(attributes or {})
    return error


class PhotoError(ClassifierError):
    """One file is not a usable photo; ``str(error)`` is the reason shown beside its name.

    Example::

        for outcome in Predictor("model").predict_each(["a.jpg", "notes.txt"]):
            if isinstance(outcome, PhotoError):
                print(outcome)
    """


class DataError(ClassifierError):
    """A folder, archive or set of photos as a whole cannot be used.

    Example::

        with suppress(DataError):
            Project.over(Path("an empty folder"))
    """


class LayoutError(DataError):
    """Nothing says for certain what the photos show: several readings of a data set's layout fit, or none.

    ``readings`` are those that fit (``classifier.data.layout.Reading``), ``layout`` is the whole answer.

    Example::

        try:
            project = Project.over(Path("photos"))
        except LayoutError as error:
            project = Project.over(Path("photos"), labels=error.readings[0].option)
    """

    def __init__(self, code: Code, readings: Iterable[Any] = (), layout: Any = None, **arguments: Any) -> None:
        super().__init__(code, **arguments)
        self.readings: tuple[Any, ...] = tuple(readings)
        self.layout = layout

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.message, {"readings": self.readings, "layout": self.layout})


class ModelError(ClassifierError):
    """A backbone is unknown or out of reach, or a checkpoint folder is damaged or foreign.

    Example::

        with suppress(ModelError):
            Predictor("not a model")
    """


class SettingError(ClassifierError):
    """A setting has a value that cannot work.

    Example::

        with suppress(SettingError):
            TrainConfig(seed=-1)
    """


class StorageError(ClassifierError):
    """The disk is full, or a file cannot be written where it should be.

    Example::

        try:
            *_, finished = train(project, out=Path("/full disk/model"))
        except StorageError as error:
            print(error)
    """


class ExportError(ClassifierError):
    """An export cannot be made, or answers differently from the model; nothing is left where it was to be.

    Example::

        with suppress(ExportError):
            *_, exported = export("model", "onnx", "flowers.onnx")
    """
