"""A release folder with the graphs of another, complete before it is seen."""

import shutil
import tempfile
from pathlib import Path

from idiff.answer.manifest import Manifest
from idiff.answer.release import MANIFEST


def write_release(source: Path, manifest: Manifest, out: Path) -> None:
    """Make the folder `out`: the graphs that `manifest` lists, copied from the release `source`, and the manifest.

    Raises:
        FileExistsError: `out` exists already.
        OSError: a file cannot be copied or written; `out` is not made then.
    """
    if out.exists():
        raise FileExistsError(f"{out} exists; name a new folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as work:
        made = Path(work) / "release"
        made.mkdir()
        for name in {part.path for member in manifest.members for part in member.files}:
            shutil.copyfile(source / name, made / name)
        (made / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
        made.rename(out)
