"""Colours named by code points (ITU-T H.273) rather than by an ICC profile, and their way to 8-bit sRGB."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from idiff.types import Image

# CIE xy of red, green, blue; the white is D65 except for cinema's DCI-P3.
_D65, _DCI = (0.3127, 0.3290), (0.314, 0.351)
_PRIMARIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    "display-p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    "dci-p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    "adobe-rgb": ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), _D65),
}
_PRIMARY_CODES = {9: "bt2020", 11: "dci-p3", 12: "display-p3"}
_TRANSFER_CODES = {4: "gamma22", 8: "linear", 16: "pq", 18: "hlg"}

HDR_TRANSFERS = frozenset({"pq", "hlg"})

_REFERENCE_WHITE = 203.0
"""cd/m2 shown as diffuse white, ITU-R BT.2408."""

_HLG_PEAK = 1000.0
"""Nominal peak of an HLG display in cd/m2, ITU-R BT.2100; its system gamma is 1.2."""

_KNEE = 0.6
"""Linear light, as a share of diffuse white, up to which the tone map leaves values alone."""

_ENCODING_STEPS = 4096


def names(primaries: int, transfer: int) -> tuple[str, str]:
    """Primaries and transfer function of two code points; unspecified and video ones count as sRGB, as browsers do."""
    return _PRIMARY_CODES.get(primaries, "bt709"), _TRANSFER_CODES.get(transfer, "srgb")


def to_srgb(image: Image, primaries: str, transfer: str) -> Image:
    """8-bit sRGB of `image`, same shape; colours outside sRGB are clipped.

    HDR (PQ, HLG) is tone mapped: linear light relative to 203 cd/m2 stays as it is up to 0.6, above that the largest
    channel follows `0.6 + 0.4 (1 - exp(-(x - 0.6) / 0.4))` and the others keep their ratio to it, so hues stay.
    """
    linear = np.asarray(cv2.LUT(image, _linear_levels(transfer)), np.float32)
    linear = np.asarray(cv2.transform(linear, _matrix(primaries)), np.float32)
    if transfer == "hlg":
        luminance = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        linear *= np.maximum(luminance, 1e-6)[..., None] ** 0.2 * (_HLG_PEAK / _REFERENCE_WHITE)
    if transfer in HDR_TRANSFERS:
        peak = linear.max(axis=2)
        mapped = _KNEE + (1 - _KNEE) * (1 - np.exp(-np.maximum(peak - _KNEE, 0) / (1 - _KNEE)))
        linear *= np.where(peak > _KNEE, mapped / np.maximum(peak, _KNEE), 1.0)[..., None]
    steps = (np.clip(linear, 0, 1) * (_ENCODING_STEPS - 1) + 0.5).astype(np.uint16)
    return _srgb_levels()[steps]


@lru_cache(maxsize=8)
def _linear_levels(transfer: str) -> NDArray[np.float32]:
    """Linear light of the 256 code values, 1 being diffuse white (HLG: scene light, 1 being its peak)."""
    code = np.arange(256) / 255
    if transfer == "pq":  # SMPTE ST 2084
        power = code ** (1 / 78.84375)
        light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        linear = light * 10000 / _REFERENCE_WHITE
    elif transfer == "hlg":  # ITU-R BT.2100
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        linear = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    elif transfer == "gamma22":
        linear = code ** (563 / 256)
    elif transfer == "linear":
        linear = code
    else:
        linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


@lru_cache(maxsize=1)
def _srgb_levels() -> Image:
    """8-bit sRGB codes of linear light in `_ENCODING_STEPS` steps, IEC 61966-2-1."""
    linear = np.linspace(0, 1, _ENCODING_STEPS)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)


@lru_cache(maxsize=8)
def _matrix(primaries: str) -> NDArray[np.float32]:
    """Linear RGB of `primaries` to linear BT.709 RGB; both whites are mapped onto each other."""
    return np.asarray(np.linalg.inv(_to_xyz("bt709")) @ _adaptation(primaries) @ _to_xyz(primaries), np.float32)


def _to_xyz(primaries: str) -> NDArray[np.float64]:
    """Linear RGB to CIE XYZ (SMPTE RP 177)."""
    *rgb, white = _PRIMARIES[primaries]
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in rgb]).T
    return columns * np.linalg.solve(columns, _white(white))


def _adaptation(primaries: str) -> NDArray[np.float64]:
    """From the white of `primaries` to D65, Bradford."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    gains = (bradford @ _white(_D65)) / (bradford @ _white(_PRIMARIES[primaries][3]))
    return np.asarray(np.linalg.inv(bradford) @ np.diag(gains) @ bradford, np.float64)


def _white(xy: tuple[float, float]) -> NDArray[np.float64]:
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])
