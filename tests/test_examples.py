"""What docs/ and README tell people to run is run, against the real service."""

import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, SAMPLES
from PIL import ExifTags, Image

EXAMPLES = ROOT / "docs" / "examples"
GOOD, POOR = SAMPLES / "astronaut_a.jpg", SAMPLES / "astronaut_b.jpg"
START = datetime(2026, 5, 1, 12)


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def shoot(source: Path, target: Path, seconds: float) -> None:
    """A photo that was taken so many seconds after the start."""
    target.parent.mkdir(parents=True, exist_ok=True)
    moment = START + timedelta(seconds=seconds)
    with Image.open(source) as picture:
        exif = picture.getexif()
        camera = exif.get_ifd(ExifTags.IFD.Exif)
        camera[ExifTags.Base.DateTimeOriginal] = moment.strftime("%Y:%m:%d %H:%M:%S")
        camera[ExifTags.Base.SubsecTimeOriginal] = f"{moment.microsecond // 1000:03}"
        picture.save(target, quality=95, exif=exif)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_bursts_are_culled_and_nothing_is_lost(tmp_path: Path, address: str) -> None:
    incoming, best, others = (tmp_path / name for name in ("incoming", "best", "others"))
    for name, source, seconds in (
        ("1.jpg", POOR, 0),
        ("2.jpg", GOOD, 0.4),
        ("3.jpg", POOR, 2.3),  # near its neighbour, not near the first
        ("4.jpg", POOR, 60),
    ):
        shoot(source, incoming / name, seconds)
    shoot(GOOD, best / "2.jpg", 0)
    kept = (best / "2.jpg").read_bytes()
    (incoming / "notes.txt").write_text("no photo")
    (incoming / "cut.jpg").write_bytes(b"cut short")
    (incoming / "short.jpg").write_bytes(b"too")
    os.utime(incoming / "short.jpg", (0, 0))
    os.utime(incoming / "cut.jpg", (1, 1))
    arguments = (incoming, "--best", best, "--others", others, "--url", address, "--every", "0.1", "--once")
    done = run("cull_bursts.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert names(best) == ["2-1.jpg", "2.jpg", "4.jpg"]
    assert names(others) == ["1.jpg", "3.jpg"]
    assert (best / "2.jpg").read_bytes() == kept
    assert names(incoming) == ["cut.jpg", "notes.txt", "short.jpg"]
    assert "left where they are: short.jpg, cut.jpg: 415" in done.stderr
    assert "2.jpg is the best of 3" in done.stdout


def test_two_cameras_are_reported_on(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="needs the evaluate extra")
    for camera, source, prefix in (("one", POOR, "z"), ("two", GOOD, "DSC")):
        shoot(source, tmp_path / camera / "night" / f"{prefix}9.jpg", 5)
        shoot(GOOD, tmp_path / camera / "day" / f"{prefix}1.jpg", 1)
    shoot(GOOD, tmp_path / "one" / "uneven" / "1.jpg", 0)
    done = run("tuning_report.py", tmp_path / "one", tmp_path / "two", "--out", tmp_path / "r.html")
    assert done.returncode == 0, done.stderr
    assert "one wins 0, too close 1, two wins 1" in done.stdout
    assert "uneven: 1 and 0 photos" in done.stderr
    assert "night 1" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_the_workflow_gates(tmp_path: Path) -> None:
    steps = yaml.safe_load((EXAMPLES / "restoration_gate.yml").read_text(encoding="utf-8"))["jobs"]["gate"]["steps"]
    (step,) = [step["run"] for step in steps if step.get("name") == "Gate"]
    for number in range(3):
        for folder, source in (("before", GOOD), ("after", POOR)):
            (tmp_path / folder).mkdir(exist_ok=True)
            shutil.copy(source, tmp_path / folder / f"{number}.jpg")
    (tmp_path / "idiff").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m idiff "$@"\n')
    (tmp_path / "idiff").chmod(0o755)
    summary = tmp_path / "summary.md"
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(summary)}
    done = subprocess.run(["bash", "-e", "-c", step], cwd=tmp_path, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 1, done.stderr  # 2 were a step that does not work
    assert summary.read_text(encoding="utf-8").startswith("## iDiff gate: failed")


@pytest.mark.parametrize("page", ["README.md", "docs/integrations.md"])
def test_python_in_the_documentation_runs(tmp_path: Path, address: str, page: str) -> None:
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert snippets
    shutil.copy(GOOD, tmp_path / "a.jpg")
    shutil.copy(POOR, tmp_path / "b.jpg")
    code = "\n".join(snippets).replace("http://127.0.0.1:8000", address)
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("A") >= len(snippets)
