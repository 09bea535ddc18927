"""The Thinking Model's check at start and from time to time: what it may not be used for, and why."""

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
"""Longest wait for the next check while the model may not be used."""


async def watch(model: ThinkingModel, canary: Path | None, every_s: float, observe: Callable[[Proof], None]) -> None:
    """Check the server again and again, until cancelled. Until it has passed once, and when it fails, `model.barred`
    says why the model is not used; a server that cannot be checked for the moment keeps what it had proven."""
    model.barred = "unproven"
    while True:
        try:
            proof = await model.prove(Canary.read(canary) if canary else None)
        except CanaryRefused as error:
            model.barred = "unproven"
            log.error("the Thinking Model is not used: %s", error)
        except ThinkingUnavailable as error:
            if model.proof is None:
                model.barred = error.reason
            log.warning("the Thinking Model could not be checked: %s", error)
        except Exception:  # the next check may do better; the verdict is none the worse
            log.exception("the Thinking Model's check failed")
        else:
            observe(proof)
            model.proof, model.barred = proof, None if proof.passed else "unproven"
            if proof.passed:
                log.info("the Thinking Model passed its check")
            else:
                log.error("the Thinking Model is not used: %s", proof)
        await asyncio.sleep(min(every_s, AGAIN_S) if model.barred else every_s)
