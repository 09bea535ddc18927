"""Files by path or URL, whatever pyarrow can open: local disks, s3://, gs://, abfs://, hdfs://."""

import fcntl
import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import pyarrow as pa
from pyarrow import fs

from idiff.bulk.errors import BulkRefused, UnreadableImage
from idiff.errors import TooManyBytes

LOCK: Final = "_lock"
WRITING: Final = "_writing"


def resolve(where: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URL, and the path in it.

    Raises:
        ValueError: no file system is called so. OSError: it cannot be reached.
    """
    if "://" not in where:
        return fs.LocalFileSystem(), absolute(where)
    url = urlsplit(where)
    files, top = _connect(url.scheme, url.netloc, url.query)
    return files, posixpath.join(top, url.path.lstrip("/")) if top.strip("/") else url.path


@lru_cache(64)
def _connect(scheme: str, host: str, options: str) -> tuple[fs.FileSystem, str]:
    """One connection for all files of a bucket."""
    connected: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(urlunsplit((scheme, host, "/", options, "")))
    return connected


def absolute(where: str) -> str:
    """A path or URL that means the same in another folder."""
    return where if "://" in where else str(Path(where).absolute())


def parent(where: str) -> str:
    """The folder of a file, absolute."""
    if "://" not in where:
        return str(Path(where).absolute().parent)
    url = urlsplit(where)
    return urlunsplit(url._replace(path=posixpath.dirname(url.path)))


def shown(where: str) -> str:
    """A path or URL as it may be kept: absolute, without the keys that a URL can hold."""
    if "://" not in where:
        return absolute(where)
    url = urlsplit(where)
    return urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))


class Photos:
    """Photos whose names are paths below `root`, absolute paths, or URLs; of at most `limit` bytes."""

    def __init__(self, root: str, limit: int) -> None:
        self._files, self._root = resolve(root)
        self._limit = limit

    def read(self, name: str, field: str) -> bytes:
        """A photo's bytes.

        Raises:
            UnreadableImage, TooManyBytes: naming `field`.
        """
        try:
            files, path = resolve(name) if "://" in name else (self._files, posixpath.join(self._root, name))
            with files.open_input_stream(path) as stream:
                content: bytes = stream.read(self._limit + 1)
        except (OSError, ValueError, pa.ArrowException) as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UnreadableImage(f"{name} cannot be read: {said}", field=field) from error
        if len(content) > self._limit:
            raise TooManyBytes(f"{name} has more than {self._limit} bytes", field=field, limit=self._limit)
        return content


class Folder:
    """Where a run's files go. A file is there whole or not at all.

    Raises:
        BulkRefused: it cannot be made, read or written.
    """

    def __init__(self, where: str) -> None:
        self.name = shown(where)
        with self._refusing():
            self.files, self._path = resolve(where)
            self.files.create_dir(self._path, recursive=True)
        self._local = isinstance(self.files, fs.LocalFileSystem)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs on this machine out. Elsewhere none is kept out: two runs of one plan write the same."""
        if not self._local:
            yield
            return
        with self._refusing():
            lock = open(self.at(LOCK), "w")  # noqa: SIM115
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BulkRefused("run_busy", f"{self.name} is being written by another run") from None
            yield

    def names(self) -> set[str]:
        """Of all its files."""
        with self._refusing():
            listed = self.files.get_file_info(fs.FileSelector(self._path))
        return {found.base_name for found in listed}

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        with self._refusing(), self.files.open_input_stream(self.at(name)) as stream:
            content: bytes = stream.read()
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, in place of one of that name. An object store does so by itself at the end of the call."""
        with self._refusing():
            if not self._local:
                with self.files.open_output_stream(self.at(name)) as stream:
                    stream.write(content)
                return
            with open(self.at(WRITING), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(self.at(WRITING), self.at(name))

    def at(self, name: str) -> str:
        """The path of a file, in `files`."""
        return posixpath.join(self._path, name)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, pa.ArrowException) as error:
            raise BulkRefused("out_refused", f"{self.name}: {error}") from error
