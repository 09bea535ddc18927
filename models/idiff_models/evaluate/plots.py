"""The two pictures of a model card: reliability diagram and risk-coverage curve, as PNG."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from idiff_models.evaluate.calibration import expected_calibration_error
from idiff_models.evaluate.reliability import BINS, reliability, risk_coverage

BLUE, GREY, RED = "#1f5fa8", "#6b7280", "#b3261e"


def _figure(width: float, height: float) -> Figure:
    figure = Figure((width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a screen and leaves pyplot's global state alone
    return figure


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e5e7eb", linewidth=0.8)
    axes.set_axisbelow(True)


def reliability_plot(
    probabilities: ArrayLike, outcomes: ArrayLike, path: Path, title: str = "Reliability", bins: int = BINS
) -> None:
    """Accuracy against confidence with 95 % Wilson intervals, and how many pairs each bin has.

    Arguments as in `evaluate.reliability`; `path` ends in .png.
    """
    found = reliability(probabilities, outcomes, bins)
    figure = _figure(5.2, 5.6)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.plot([0.5, 1], [0.5, 1], color=GREY, linestyle="--", linewidth=1, label="as sure as right")
    x, y = [part.confidence for part in found], [part.right.value for part in found]
    # Floating point can leave an interval's end a hair inside the share, which a bar cannot have.
    intervals = [part.right.wilson() for part in found]
    low = [max(0.0, value - ends[0]) for value, ends in zip(y, intervals, strict=True)]
    high = [max(0.0, ends[1] - value) for value, ends in zip(y, intervals, strict=True)]
    top.errorbar(x, y, yerr=[low, high], fmt="o", color=BLUE, markersize=5, linewidth=1.2, capsize=2, label="measured")
    top.set(ylim=(-0.03, 1.03), ylabel="share right")
    error = expected_calibration_error(list(np.ravel(probabilities)), list(np.ravel(outcomes)), bins)
    pairs = sum(part.right.pairs for part in found)
    top.set_title(f"{title}: ECE {error:.3f}, {pairs} pairs", fontsize=11)
    top.legend(loc="lower right", frameon=False, fontsize=9)
    width = 0.5 / bins
    bars = bottom.bar([p.low + width / 2 for p in found], [p.right.pairs for p in found], width * 0.9, color=BLUE)
    bottom.bar_label(bars, fontsize=7, padding=1)
    bottom.margins(y=0.25)
    bottom.set(xlim=(0.49, 1.01), xlabel="confidence", ylabel="pairs")
    for axes in (top, bottom):
        _plain(axes)
    figure.savefig(path)


def risk_coverage_plot(
    probabilities: ArrayLike,
    outcomes: ArrayLike,
    path: Path,
    title: str = "Risk and coverage",
    accepted: tuple[float, float] | None = None,
) -> None:
    """Share wrong among the surest pairs, by how many are answered.

    `accepted`: coverage and risk of the verdicts that are not too close, 0-1, marked. Other arguments as in
    `evaluate.reliability`; `path` ends in .png.
    """
    coverage, risk = risk_coverage(probabilities, outcomes)
    figure = _figure(5.2, 3.8)
    axes = figure.subplots()
    axes.step(100 * coverage, 100 * risk, where="post", color=BLUE, linewidth=1.6, label="surest pairs first")
    axes.axhline(100 * risk[-1], color=GREY, linestyle="--", linewidth=1, label=f"all pairs: {100 * risk[-1]:.1f} %")
    if accepted is not None:
        answered, wrong = (100 * value for value in accepted)
        label = f"tie band: {answered:.0f} % answered, {wrong:.1f} % wrong"
        axes.plot(answered, wrong, "o", color=RED, markersize=6, label=label)
    most = max(5.0, 100 * float(np.max(risk)))
    axes.set(xlim=(0, 102), ylim=(-0.03 * most, 1.4 * most), xlabel="pairs answered, %", ylabel="of those wrong, %")
    axes.set_title(title, fontsize=11)
    axes.legend(loc="upper right", frameon=False, fontsize=8)
    _plain(axes)
    figure.savefig(path)
