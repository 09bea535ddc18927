"""The switches of the paper's ablations on the Thinking Model: what its prompt holds, as the service has it, and whose
answer it gives."""

from typing import Literal

from idiff.thinking.stages import Stage

__all__ = ["Answers", "Stage", "Text"]

Answers = Literal["truth", "model", "wrong"]
"""Whose answer the prompt gives: the experts', the Answer Model's, or deliberately the other one (Table 8)."""

Text = Literal["experts", "measured", "none"]
"""What SFT teaches to write: the experts' rationales, measured ones, or nothing, so that there is GRPO alone."""
