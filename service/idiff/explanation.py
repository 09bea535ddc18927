"""From the verdict to its rationale: the Thinking Model where there is one, else what was measured."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import astuple

from idiff.engine import Engine
from idiff.errors import RationaleFailed
from idiff.pipeline import Judgement, announce
from idiff.thinking import attributes, grounded, prompt
from idiff.thinking.check import check
from idiff.thinking.client import Delta, Restart
from idiff.thinking.measured import measure
from idiff.thinking.options import ThinkingUnavailable
from idiff.thinking.stages import STAGES
from idiff.types import Attributes, Learned, Notice, Rationale

log = logging.getLogger(__name__)


Event = Delta | Restart | Rationale
Learning = asyncio.Task[Learned | None]


async def learn(judgement: Judgement, engine: Engine) -> Learned | None:
    """Scores of learned metrics, where an IQA service is configured; none, with the reason, where it gives none within
    its deadline."""
    if engine.iqa is None:
        return None
    with judgement.clock.stage("iqa"):
        try:
            learned = await engine.iqa.score(judgement.views, judgement.deadline.spare)
        except Exception:  # a verdict never fails with what explains it
            learned = Learned((), "internal_error")
            engine.metrics.iqa_calls.labels("internal_error").inc()
            log.exception("%s: the IQA service's client failed", judgement.id)
    announce(judgement, learned_notices(learned), engine)
    return learned


def learned_notices(learned: Learned | None) -> tuple[Notice, ...]:
    """What to say where scores were to be had and some or all are missing."""
    if learned is None:
        return ()
    if learned.reason or not learned.scores:
        reason = learned.reason or "it has no metric"
        return (Notice("learned_missing", f"the IQA service gave no scores ({reason})", "features"),)
    gaps = [one.metric for one in learned.scores if None in (*astuple(one.a), *astuple(one.b))]
    return tuple(Notice("learned_missing", f"{metric} could not judge every view", "features") for metric in gaps)


async def explain(judgement: Judgement, engine: Engine, learning: Learning | None = None) -> AsyncGenerator[Event]:
    """The rationale as it is written: pieces of text, then the authoritative whole. Never fails for want of a model,
    which alone waits for what `learn` gives."""
    if judgement.wanted == "none":
        return
    with judgement.clock.stage("rationale"):
        reason: str | None = None
        if judgement.wanted != "measured" and engine.settings.thinking_url is None:
            reason = "not_configured"
        elif judgement.wanted != "measured":
            started = False
            try:
                async with aclosing(_think(judgement, engine, learning)) as events:
                    async for event in events:
                        started = True
                        yield event
                return
            except ThinkingUnavailable as unavailable:
                reason = unavailable.reason
                log.warning("%s: the Thinking Model wrote no rationale: %s", judgement.id, unavailable)
            except Exception:  # whatever goes wrong with the model, the measurements can answer
                reason = "internal_error"
                log.exception("%s: the Thinking Model's client failed", judgement.id)
            if started:
                yield Restart(reason)
        rationale = await _measure(judgement, engine, reason)
        for line in rationale.text.splitlines(keepends=True):
            yield Delta(line)
        yield rationale


async def conclude(judgement: Judgement, engine: Engine, learning: Learning | None = None) -> Rationale | None:
    """The whole rationale; None where none was asked for, or where it failed: a verdict never fails with it."""
    rationale = None
    try:
        async for event in explain(judgement, engine, learning):
            if isinstance(event, Rationale):
                rationale = event
    except RationaleFailed:
        return None
    return rationale


def rationale_notices(judgement: Judgement, rationale: Rationale | None) -> tuple[Notice, ...]:
    """What to say where a model was meant to write the rationale and the measurements did, or where nothing could."""
    if rationale is None:
        failed = Notice("rationale_failed", "the rationale could not be written; the verdict stands", "rationale")
        return () if judgement.wanted == "none" else (failed,)
    if rationale.reason is None:
        return ()
    if rationale.reason == "not_configured" and judgement.wanted == "auto":
        return ()
    message = f"the Thinking Model did not write the rationale ({rationale.reason}); it is measured"
    return (Notice("rationale_fallback", message, "rationale"),)


async def rate(judgement: Judgement, engine: Engine) -> Attributes | None:
    """Scores of both photos' attributes, None unless asked for; where the model gives none, they say why."""
    if not judgement.rated:
        return None
    with judgement.clock.stage("attributes"):
        try:
            return await judgement.model.rate(attributes.question(), judgement.encoded, judgement.deadline.spare)
        except ThinkingUnavailable as unavailable:
            reason: str = unavailable.reason
            log.warning("%s: the Thinking Model scored no attributes: %s", judgement.id, unavailable)
        except Exception:  # a verdict never fails with what explains it
            reason = "internal_error"
            log.exception("%s: the Thinking Model's client failed", judgement.id)
    missing = Attributes(None, None, reason, attributes.REVISION)
    announce(judgement, attributes_notices(missing), engine)
    return missing


def attributes_notices(rated: Attributes | None) -> tuple[Notice, ...]:
    """What to say where scores were asked for and there are none."""
    if rated is None or rated.reason is None:
        return ()
    return (Notice("attributes_missing", f"the Thinking Model scored no attributes ({rated.reason})", "attributes"),)


async def _think(judgement: Judgement, engine: Engine, learning: Learning | None) -> AsyncGenerator[Event]:
    options, verdict, features = judgement.model.options, judgement.verdict, judgement.features
    switches = STAGES[options.stage]
    learned = await learning if learning and switches.iqa else None
    lines, wording = engine.settings.lines, options.wording
    question = prompt.ask(switches, verdict, features, learned, lines=lines, wording=wording)
    async with aclosing(judgement.model.explain(question, judgement.encoded, judgement.deadline.spare)) as events:
        async for event in events:
            if isinstance(event, Rationale):
                event = await engine.run(_check, event, judgement)
                engine.metrics.observe_rationale(event)
            elif isinstance(event, Restart):
                engine.metrics.rationale_retries.labels(judgement.model.options.model, event.reason).inc()
                log.warning("%s: the Thinking Model's text is asked for again: %s", judgement.id, event.reason)
            yield event


def _check(rationale: Rationale, judgement: Judgement) -> Rationale:
    return check(rationale, measure(judgement.features, judgement.views))


async def _measure(judgement: Judgement, engine: Engine, reason: str | None) -> Rationale:
    try:
        async with judgement.deadline.kept():
            rationale = await engine.run(
                grounded.explain, judgement.verdict, judgement.features, judgement.views, reason, judgement.lines
            )
    except Exception as error:
        log.exception("%s: no rationale", judgement.id)
        announce(judgement, rationale_notices(judgement, None), engine)
        raise RationaleFailed("the rationale could not be written; the verdict stands", field="rationale") from error
    engine.metrics.observe_rationale(rationale)
    announce(judgement, rationale_notices(judgement, rationale), engine)
    return rationale
