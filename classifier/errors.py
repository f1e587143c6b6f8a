"""Everything that can go wrong in a way a person can mend.

A message is one sentence that says what came, what was expected and what to do next, in words
for somebody who does not program. The command line prints it and exits with 2, the page shows it;
any other exception is a bug and goes to the log.
"""


class ClassifierError(Exception):
    """Base of every error this package raises on purpose; ``str(error)`` is the sentence to show."""


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
