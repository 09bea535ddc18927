"""Answers kept for the same upload sent again, in memory and only where settings allow it."""

import hashlib
from collections import OrderedDict
from typing import Final

from idiff.metrics import Metrics
from idiff.schemas import Comparison
from idiff.upload import Upload

PASSING: Final = frozenset(
    {"rationale_fallback", "rationale_failed", "learned_missing", "attributes_missing", "maps_missing"}
)
"""Warnings of what a later attempt may do better: such answers are not kept."""


def key_of(upload: Upload, release: str) -> bytes:
    """What decides an answer: the files by field, the options, and the fingerprint of the release."""
    digest = hashlib.sha256(repr((release, upload.category, upload.rationale, upload.attributes, upload.maps)).encode())
    for field, data in sorted(upload.images.items()):
        digest.update(f"{field} {len(data)} ".encode() + hashlib.sha256(data).digest())
    return digest.digest()


class Cache:
    """Answers as JSON, `most_bytes` of them at most; those not asked for longest go first."""

    def __init__(self, most_bytes: int, metrics: Metrics) -> None:
        self._most = most_bytes
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0
        self._metrics = metrics

    def __bool__(self) -> bool:
        return self._most > 0

    def get(self, key: bytes) -> Comparison | None:
        """The answer kept for `key`, told apart by `provenance.cached`."""
        kept = self._answers.get(key)
        self._metrics.cache.labels("miss" if kept is None else "hit").inc()
        if kept is None:
            return None
        self._answers.move_to_end(key)
        answer = Comparison.model_validate_json(kept)
        answer.provenance.cached = True
        return answer

    def put(self, key: bytes, answer: Comparison) -> None:
        """Keep an answer that is as good as it can be."""
        if any(warning.code in PASSING for warning in answer.warnings):
            return
        data = answer.model_dump_json().encode()
        self._bytes += len(data) - len(self._answers.pop(key, b""))
        self._answers[key] = data
        while self._bytes > self._most:
            self._bytes -= len(self._answers.popitem(last=False)[1])
        self._metrics.cache_bytes.set(self._bytes)
