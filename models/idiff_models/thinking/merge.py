"""An adapter made part of its checkpoint, for servers that are to have one model and no LoRA."""

import shutil
from pathlib import Path

from idiff.thinking.canary import NAME


class MergeRefused(ValueError):
    """The adapter cannot be merged as a whole; the message says why."""


def merge(base: str, adapter: Path, out: Path) -> None:
    """Write the checkpoint `base`, a folder or hub name, with the peft adapter merged into it, and its processor, to
    the new folder `out`. The adapter's canary.json goes along, for servers of the merged one to be checked against.

    Raises:
        MergeRefused: `out` exists, or the adapter has weights for which the checkpoint has no place.
        OSError: one of them cannot be read.
    """
    from peft import PeftModel
    from safetensors import safe_open
    from transformers import AutoModelForImageTextToText, AutoProcessor

    if out.exists():
        raise MergeRefused(f"{out} exists")
    plain = AutoModelForImageTextToText.from_pretrained(base, dtype="auto")
    model = PeftModel.from_pretrained(plain, adapter)
    with safe_open(adapter / "adapter_model.safetensors", "pt") as weights:
        given = len(weights.keys())
    taken = sum("lora_" in name for name, _ in model.named_parameters())
    if given != taken:  # peft only warns
        raise MergeRefused(f"{adapter} has {given} weights, of which {base} takes {taken}")
    model.merge_and_unload().save_pretrained(out)
    AutoProcessor.from_pretrained(base).save_pretrained(out)
    if (adapter / NAME).exists():
        shutil.copy(adapter / NAME, out / NAME)
