"""The pictures of a report, as PNG."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from idiff_load.records import Run
from idiff_load.summary import PhaseSummary

COLOURS = {"answered": "#1f5fa8", "refused": "#d98a00", "failed": "#b3261e"}
GREY = "#6b7280"


def draw(run: Run, phases: Sequence[PhaseSummary], folder: Path) -> list[str]:
    """Names of the files drawn: those that the run has figures for."""
    drawn = [_over_time(run, folder)]
    if any(phase.stages_ms for phase in phases):
        drawn.append(_stages(phases, folder))
    if len(phases) > 1:
        drawn.append(_by_rate(run, phases, folder))
    if run.samples:
        drawn.append(_service(run, folder))
    return drawn


def _over_time(run: Run, folder: Path) -> str:
    """Every request: its latency from the due moment, milliseconds, by what came of it."""
    figure, (axes,) = _figure(1)
    for outcome, colour in COLOURS.items():
        some = [reply for reply in run.replies if reply.outcome == outcome]
        if some:
            axes.plot(
                [reply.due_s for reply in some],
                [max(1.0, reply.latency_ms) for reply in some],
                ".",
                color=colour,
                markersize=3,
                label=f"{outcome} ({len(some)})",
            )
    for phase in run.phases:
        axes.axvline(phase.start_s, color=GREY, linewidth=0.8, linestyle=":")
        axes.annotate(
            phase.name, (phase.start_s, 1), xycoords=("data", "axes fraction"), fontsize=7, color=GREY, rotation=30
        )
    axes.set(yscale="log", xlabel="due, s since the start", ylabel="latency from the due moment, ms")
    axes.legend(frameon=False, fontsize=8)
    return _save(figure, folder / "latency_over_time.png")


def _by_rate(run: Run, phases: Sequence[PhaseSummary], folder: Path) -> str:
    """Quantiles of the answered, and the rate served, against the rate offered."""
    figure, (top, bottom) = _figure(2)
    ordered = sorted((phase for phase in phases if phase.answered), key=lambda phase: phase.offered_per_s)
    offered = [phase.offered_per_s for phase in ordered]
    for quantile, colour in (("p50", "#8fb5dd"), ("p90", "#4a86c5"), ("p99", "#123d6e")):
        values = [getattr(phase, f"{quantile}_ms") for phase in ordered]
        top.plot(offered, values, "o-", color=colour, markersize=4, linewidth=1.2, label=quantile)
    top.set(ylabel="latency from the due moment, ms")
    top.set_ylim(bottom=0)
    bottom.plot(offered, offered, color=GREY, linestyle="--", linewidth=1, label="offered")
    bottom.plot(offered, [phase.served_per_s for phase in ordered], "o-", color=COLOURS["answered"], label="served")
    refused = [phase.refused / phase.requests * phase.offered_per_s for phase in ordered]
    bottom.plot(offered, refused, "o-", color=COLOURS["refused"], markersize=4, label="refused")
    bottom.set(xlabel="offered, requests/s", ylabel="requests/s")
    for axes in (top, bottom):
        if run.knee:
            axes.axvline(run.knee, color=COLOURS["failed"], linewidth=1, label=f"knee {run.knee:.2f}/s")
        axes.legend(frameon=False, fontsize=8)
    return _save(figure, folder / "latency_by_rate.png")


def _stages(phases: Sequence[PhaseSummary], folder: Path) -> str:
    """Mean milliseconds of the stages of a comparison, stacked, a bar a phase."""
    figure, (axes,) = _figure(1)
    names = [f"{phase.name}\n{phase.offered_per_s:.2f}/s" for phase in phases]
    below = [0.0] * len(phases)
    for place, stage in enumerate(dict.fromkeys(stage for phase in phases for stage in phase.stages_ms)):
        heights = [phase.stages_ms.get(stage, 0) for phase in phases]
        axes.bar(names, heights, 0.7, bottom=below, label=stage, color=f"C{place}")
        below = [low + height for low, height in zip(below, heights, strict=True)]
    axes.set(ylabel="mean of each stage, ms", xlim=(-0.6, max(len(phases), 4) - 0.4))
    axes.tick_params(axis="x", labelsize=7)
    axes.legend(frameon=False, fontsize=8, reverse=True, loc="upper left", bbox_to_anchor=(1, 1))
    return _save(figure, folder / "stages.png")


def _service(run: Run, folder: Path) -> str:
    """The service's memory in MB, and its open files and threads."""
    figure, (top, bottom) = _figure(2)
    at = [sample.at_s for sample in run.samples]
    top.plot(at, [sample.rss_mb for sample in run.samples], color=COLOURS["answered"], linewidth=1)
    top.set(ylabel="resident memory, MB")
    top.set_ylim(bottom=0)
    bottom.plot(at, [sample.files for sample in run.samples], color="#4a86c5", linewidth=1, label="open files")
    bottom.plot(at, [sample.threads for sample in run.samples], color="#d98a00", linewidth=1, label="threads")
    bottom.set(xlabel="s since the start")
    bottom.legend(frameon=False, fontsize=8)
    return _save(figure, folder / "service.png")


def _figure(rows: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure((7.5, 2.0 + 2.2 * rows), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a screen and leaves pyplot's global state alone
    every = list(figure.subplots(rows, 1, squeeze=False, sharex=True)[:, 0])
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e5e7eb", linewidth=0.8)
        axes.set_axisbelow(True)
    return figure, every


def _save(figure: Figure, file: Path) -> str:
    figure.savefig(file)
    return file.name
