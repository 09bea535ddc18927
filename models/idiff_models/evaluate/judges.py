"""No-reference judges made by others, as a bar beside the release: NIQE, BRISQUE and PIQE, where they are installed.

`pip install 'idiff[judges]'` brings BRISQUE (package brisque) and what the others run on. The packages of PIQE (pypiqe)
and NIQE (mmeval) ask for `opencv-python`, which must not be installed beside the service's `opencv-python-headless`, on
which they run as well: so they are installed by themselves, as `INSTALL` says. All carry their parameters and download
nothing. Of each, lower is better.
"""

import importlib.util
from collections.abc import Callable, Iterable, Mapping

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from idiff.types import Image

Judge = Callable[[Image], float]

INSTALL = {
    "brisque": "pip install 'idiff[judges]'",
    "piqe": "pip install 'idiff[judges]' && pip install --no-deps pypiqe==1.2",
    "niqe": "pip install 'idiff[judges]' && pip install --no-deps mmeval==0.2.1",
}
MODULES = {"brisque": ("brisque",), "piqe": ("pypiqe",), "niqe": ("mmeval", "plum", "scipy")}
JUDGES = tuple(MODULES)


def available() -> tuple[str, ...]:
    """Judges whose packages are installed; nothing is imported."""
    return tuple(name for name, needs in MODULES.items() if all(importlib.util.find_spec(need) for need in needs))


def load_judges(names: Iterable[str]) -> dict[str, Judge]:
    """Judges by name; raises ImportError, with the command that installs it, where one is absent."""
    makers = {"brisque": _brisque, "piqe": _piqe, "niqe": _niqe}
    judges = {}
    for name in names:
        if name not in available():
            raise ImportError(f"the judge {name} is not installed. Run: {INSTALL[name]}")
        judges[name] = makers[name]()
    return judges


def scores(view: Image, judges: Mapping[str, Judge]) -> dict[str, float]:
    """Every judge's score of a view, uint8 RGB of shape (height, width, 3); nan where it cannot give one."""
    found = {}
    for name, judge in judges.items():
        try:
            with np.errstate(all="ignore"):  # flat areas divide by zero in all three
                found[name] = judge(np.ascontiguousarray(view))
        except (ValueError, ZeroDivisionError, FloatingPointError, IndexError, np.linalg.LinAlgError, cv2.error):
            found[name] = float("nan")  # too small or too flat a picture for its statistics
    return found


def _brisque() -> Judge:
    from brisque import BRISQUE

    class Flattened(BRISQUE):  # type: ignore[misc]
        """Its features are arrays of one element, which NumPy 2.4 no longer takes for numbers."""

        def scale_features(self, features: Iterable[ArrayLike]) -> NDArray[np.float64]:
            flat = [float(np.ravel(feature)[0]) for feature in features]
            return np.asarray(super().scale_features(flat), np.float64)

    model = Flattened(url=False)
    return lambda view: float(model.score(view))


def _piqe() -> Judge:
    from pypiqe import piqe

    return lambda view: float(piqe(cv2.cvtColor(view, cv2.COLOR_RGB2BGR))[0])


def _niqe() -> Judge:
    from mmeval.metrics.niqe import NaturalImageQualityEvaluator

    model = NaturalImageQualityEvaluator(input_order="HWC", convert_to="gray", channel_order="rgb")
    return lambda view: float(model([view])["niqe"])
