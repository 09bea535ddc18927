"""The Thinking Model's check at start and from time to time: whether it may be used, and why not."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from idiff.thinking.canary import Canary, CanaryRefused
from idiff.thinking.client import ThinkingModel
from idiff.thinking.options import ThinkingUnavailable
from idiff.thinking.proof import Proof

log = logging.getLogger(__name__)

AGAIN_S: Final = 15.0
"""Longest wait for the next check where the last one did not pass, or could not be made."""

Observer = Callable[[Proof | None, bool], None]
"""Told of every check: what it found, None where it could not be made, and whether the model is barred now."""


async def watch(model: ThinkingModel, canary: Path | None, every_s: float, observe: Observer) -> None:
    """Check the server again and again, until cancelled. Until it has passed once, and when it fails, `model.barred`
    says why the model is not used; a server that cannot be checked for the moment keeps what it had proven."""
    model.barred = "not checked yet"
    while True:
        proof = await check_now(model, canary)
        observe(proof, model.barred is not None)
        await asyncio.sleep(every_s if proof and proof.passed else min(every_s, AGAIN_S))


async def check_now(model: ThinkingModel, canary: Path | None) -> Proof | None:
    """One check; None where it could not be made."""
    name = model.options.model
    try:
        proof = await model.prove(Canary.read(canary) if canary else None)
    except CanaryRefused as error:
        model.proof, model.barred = None, str(error)
        log.error("adapter %s is not used: %s", name, error)
        return None
    except ThinkingUnavailable as error:
        if model.proof is None:
            model.barred = str(error)
        log.warning("adapter %s could not be checked: %s", name, error)
        return None
    except Exception:  # the next check may do better; the verdict is none the worse
        log.exception("the check of adapter %s failed", name)
        return None
    model.proof, model.barred = proof, None if proof.passed else str(proof)
    if proof.failures:
        log.error("adapter %s%s: %s", name, "" if proof.passed else " is not used", proof)
    else:
        log.info("adapter %s passed its check", name)
    return proof
