"""What differs between families of vision-language models in a request: where the views stand, what else is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

FamilyName = Literal["qwen3-vl", "internvl3.5", "minicpm-v", "glm-4.6v-flash", "ovis2.5"]


@dataclass(frozen=True, slots=True)
class Family:
    """`labelled`: text may stand between images, so that each view follows its own label; else one sentence names the
    order of all and they follow, which also holds where the server moves images before the text. `extra`: fields of the
    request beyond the protocol; models that would reason aloud first are told not to, since the form leaves no room."""

    labelled: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)


FAMILIES: Final[dict[FamilyName, Family]] = {
    "qwen3-vl": Family(),
    "internvl3.5": Family(labelled=False),
    "minicpm-v": Family(labelled=False),
    "glm-4.6v-flash": Family(extra={"chat_template_kwargs": {"enable_thinking": False}}),
    "ovis2.5": Family(labelled=False, extra={"chat_template_kwargs": {"enable_thinking": False}}),
}
"""Only qwen3-vl was run, under vLLM; of the others, no more than the messages are tested."""
