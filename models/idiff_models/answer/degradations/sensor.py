"""What the sensor and its denoiser do: shot and read noise through a Bayer mosaic, and smeared texture."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from idiff.types import Image
from idiff_models.answer.degradations.light import encode, linearise

CODE = 16384.0


def _mosaic(light: NDArray[np.float32]) -> NDArray[np.float32]:
    plane = light[..., 1].copy()
    plane[0::2, 0::2] = light[0::2, 0::2, 0]
    plane[1::2, 1::2] = light[1::2, 1::2, 2]
    return plane


def _demosaic(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    # Bilinear demosaicing is linear, so the noise goes through it alone and the picture keeps its sharpness.
    codes = np.clip(plane * CODE + 32768, 0, 65535).astype(np.uint16)
    return (cv2.cvtColor(codes, cv2.COLOR_BayerRGGB2RGB).astype(np.float32) - 32768) / CODE


def noise(image: Image, severity: float, rng: Generator) -> Image:
    """Shot and read noise (Foi et al. 2008) in linear light on a mosaic, its chroma smoothed, left blotchy or all but
    gone, as cameras deliver it: what colour tells must not be all that tells noise from detail."""
    light = linearise(image)
    plane = _mosaic(light)
    gain = 1.0 + 12 * severity
    shot, read = 0.00014 * gain**2, 0.0012 * gain
    sigma = np.sqrt(shot * plane + read**2)
    grain = _demosaic(sigma * rng.standard_normal(plane.shape, np.float32))
    luma = grain.mean(axis=2, keepdims=True)
    chroma = np.float32(rng.random() ** 2) * (grain - luma)
    keep = rng.uniform(0.05, 0.8)
    width = rng.uniform(1.0, 3.5)
    blotches = cv2.GaussianBlur(chroma, (0, 0), width) * np.float32(rng.uniform(1, 1 + width))
    finish = rng.uniform(0, 0.9)
    # A camera's own rendering softens the grain a little: it is then larger than a pixel.
    luma = (1 - finish) * luma + finish * cv2.GaussianBlur(luma, (0, 0), 0.8)[..., None] * 1.5
    return encode(light + luma + keep * chroma + (1 - keep) * blotches)


def grain(image: Image, severity: float, rng: Generator) -> Image:
    """Noise as a camera's own processing leaves it: 0.5 to 8 code values, larger than a pixel and partly much larger,
    stronger in the shadows, its colour in soft blotches or all but gone."""
    height, width = image.shape[:2]
    light = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    strength = np.float32(0.5 * 16**severity) * (1.3 - light) * (0.3 + np.sqrt(light))

    def field(size: float, channels: int) -> NDArray[np.float32]:
        soft = cv2.GaussianBlur(rng.standard_normal((height, width, channels), np.float32), (0, 0), size)
        return (soft / soft.std()).reshape(height, width, channels)

    size, coarse = rng.uniform(0.4, 1.4), rng.uniform(0, 0.5)
    luma = np.float32(np.sqrt(1 - coarse)) * field(size, 1) + np.float32(np.sqrt(coarse)) * field(
        size * rng.uniform(1.5, 3), 1
    )
    colour = np.float32(rng.random() ** 2) * field(size * rng.uniform(1, 2.5), 3)
    return np.clip(image + strength[..., None] * (luma + colour) + 0.5, 0, 255).astype(np.uint8)


def smear(image: Image, severity: float, rng: Generator) -> Image:
    """Texture lost to a denoiser: faint detail goes, strong edges stay; coring of two bands or a bilateral filter."""
    if rng.random() < 0.4:
        return np.asarray(cv2.bilateralFilter(image, 7, 12 + 60 * severity, 1 + 2 * severity), np.uint8)
    threshold = np.float32(3.5 + 22 * severity)
    picture = image.astype(np.float32)
    fine_base = cv2.GaussianBlur(picture, (0, 0), 1.0)
    coarse_base = cv2.GaussianBlur(fine_base, (0, 0), rng.uniform(1.5, 2.5))
    fine, coarse = picture - fine_base, fine_base - coarse_base
    fine -= np.clip(fine, -threshold, threshold)
    coarse -= np.clip(coarse, -threshold / 2, threshold / 2)
    return np.rint(np.clip(coarse_base + coarse + fine, 0, 255)).astype(np.uint8)
