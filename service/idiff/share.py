"""A share of the pairs, picked by their ids."""

import hashlib


def among(pair: str, share: float, purpose: str) -> bool:
    """Whether the pair of that id is one of the `share` (0-1) of all; the same answer every time for a `purpose`, and
    others for others."""
    return int.from_bytes(hashlib.sha256(f"{purpose} {pair}".encode()).digest()[:4]) / 2**32 < share
