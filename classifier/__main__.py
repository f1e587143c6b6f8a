"""``python -m classifier``: runs the command line."""

from .cli.main import leave, main

if __name__ == "__main__":
    leave(main())
