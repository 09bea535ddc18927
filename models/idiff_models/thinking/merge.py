"""An adapter made part of its checkpoint, for servers that are to have one model and no LoRA."""

import shutil
from pathlib import Path

from idiff.thinking.canary import NAME


def merge(base: str, adapter: Path, out: Path) -> None:
    """Write the checkpoint `base`, a folder or hub name, with the peft adapter merged into it, and its processor, to
    `out`. The adapter's canary.json goes along: merged, it must say the same.

    Raises:
        OSError, ValueError: one of them cannot be read.
    """
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    plain = AutoModelForImageTextToText.from_pretrained(base, dtype="auto")
    PeftModel.from_pretrained(plain, adapter).merge_and_unload().save_pretrained(out)
    AutoProcessor.from_pretrained(base).save_pretrained(out)
    if (adapter / NAME).exists():
        shutil.copy(adapter / NAME, out / NAME)
