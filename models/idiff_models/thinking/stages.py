"""The switches of the paper's ablations on the Thinking Model."""

from typing import Literal

Stage = Literal["baseline", "templates", "cv", "iqa", "judge", "answer"]
"""What the prompt holds, each stage with all before it: the generic template; the category's; measured differences;
learned scores, where an IQA service is named; the answer (the paper's Table 4), or in its place the question for the
model's own."""

Answers = Literal["truth", "model", "wrong"]
"""Whose answer the prompt gives: the experts', the Answer Model's, or deliberately the other one (Table 8)."""
