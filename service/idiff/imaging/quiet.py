"""Pillow's remarks on the metadata of users' files, silenced."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

# The warning filters belong to the whole process, so two threads must not save and restore them in turns.
_FILTERS = Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Ignores warnings inside; one thread at a time, so only for formats that are rare."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
