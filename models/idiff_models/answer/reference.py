"""The measured features of a release's training scenes, made anew from their seeds."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
from tqdm import tqdm

from idiff.features import measure_photo
from idiff.types import PhotoFeatures
from idiff_models.answer.cache import BLOCK, Drawn, one_thread, scene_seed, split_names
from idiff_models.answer.scenes import draw_scene
from idiff_models.evaluate.samples import photo_views


def measure_scenes(folder: Path, drawn: Drawn, workers: int) -> list[PhotoFeatures]:
    """Of every rendition of `drawn`, the first training scenes of the photographs below `folder`."""
    spans = [range(start, min(start + BLOCK, drawn.scenes)) for start in range(0, drawn.scenes, BLOCK)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        jobs = [pool.submit(_measure, folder, drawn, span) for span in spans]
        return [photo for job in tqdm(jobs, desc="measure", unit_scale=BLOCK) for photo in job.result()]


def _measure(folder: Path, drawn: Drawn, span: range) -> list[PhotoFeatures]:
    cv2.setNumThreads(1)
    names = split_names(folder, "train")
    scenes = (draw_scene(folder, names, drawn.renditions, scene_seed("train", index, drawn.seed)) for index in span)
    return [measure_photo(photo_views(scene, place)) for scene in scenes for place in range(drawn.renditions)]
