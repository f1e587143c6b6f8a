"""Everything that can go wrong in a way a person can mend.

Program logic reads ``error.code``; ``str(error)`` is the sentence of that code: what came, what was expected and
what to do next, in words for somebody who does not program. The command line prints it and exits with 2, the page
shows it; any other exception is a bug and goes to the log.
"""

from __future__ import annotations

from typing import Any

from .messages import Code, Message, message


class ClassifierError(Exception):
    """Base of every error this package raises on purpose, made from a code and the arguments of its sentence."""

    def __init__(self, code: Code, **arguments: Any) -> None:
        self.message: Message = message(code, **arguments) if isinstance(code, Code) else code
        super().__init__(str(self.message))

    @property
    def code(self) -> Code:
        """What went wrong."""
        return self.message.code

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process boundaries (ZeroGPU); by default only the sentence would."""
        return _restore, (type(self), self.message)


def _restore(kind: type[ClassifierError], message: Message) -> ClassifierError:
    error = kind.__new__(kind, str(message))
    error.message = message
    return error


class PhotoError(ClassifierError):
    """One file is not a usable photo; ``str(error)`` is the reason shown beside its name."""


class DataError(ClassifierError):
    """A folder, archive or set of photos as a whole cannot be used."""


class ModelError(ClassifierError):
    """A backbone is unknown or out of reach, or a checkpoint folder is damaged or foreign."""


class SettingError(ClassifierError):
    """A setting has a value that cannot work."""


class StorageError(ClassifierError):
    """The disk is full, or a file cannot be written where it should be."""
