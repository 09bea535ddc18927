"""A run's log: a CSV file that survives resuming, and a progress bar."""

import csv
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

COLUMNS = ["step", "epoch", "loss", "lr", "photos_per_s", "validation_accuracy"]


class Log:
    """`log.csv` of a run and its bar, from step `start` of `total`; rows after `start` are of a lost attempt and go."""

    def __init__(self, path: Path, start: int, total: int) -> None:
        rows: list[list[str]] = []
        if start and path.exists():
            with path.open(newline="") as file:
                rows = [row for row in csv.reader(file) if row and row[0].isdigit() and int(row[0]) <= start]
        self._file = path.open("w", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerows([COLUMNS, *rows])
        self._file.flush()
        self._bar = tqdm(total=total, initial=start, desc=path.parent.name, unit="step", mininterval=1)
        self._photos, self._since = 0, time.monotonic()
        self._until = self._since

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        self._file.close()

    def advance(self, photos: int) -> None:
        """One step over `photos` photographs."""
        self._photos += photos
        self._until = time.monotonic()
        self._bar.update()

    def row(self, step: int, epoch: float, loss: float, lr: float, accuracy: float | None) -> None:
        """A row of the file; its speed is that of the steps since the last row, validation left out."""
        speed = self._photos / max(self._until - self._since, 1e-9)
        scored = "" if accuracy is None else f"{accuracy:.4f}"
        self._rows.writerow([step, f"{epoch:.3f}", f"{loss:.4f}", f"{lr:.3g}", f"{speed:.1f}", scored])
        self._file.flush()
        self._bar.set_postfix(loss=f"{loss:.3f}", **({"validation": f"{accuracy:.3f}"} if scored else {}))
        self._photos, self._since = 0, time.monotonic()
