"""What a dataset came to, and what to know before a model is trained on it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from idiff_models.thinking.targets import misfit, summed


@dataclass
class Written:
    """`sft`, `grpo`: rows of each file; `unlabelled`: pairs left out for want of the answer that the prompt gives.

    Of the rationales taught, each counted once: `texts` are to have `lines[0]` to `lines[1]` lines; `completed` got a
    summary of ours; `misfits` are what serving would not let a model write, by the reason why.
    """

    lines: tuple[int, int]
    unlabelled: int
    sft: int = 0
    grpo: int = 0
    texts: int = 0
    completed: int = 0
    misfits: Counter[str] = field(default_factory=Counter)

    def count(self, expert: str | None, taught: str) -> None:
        """A rationale that is `taught`, and the `expert`'s that it was made from, if any."""
        self.texts += 1
        self.completed += expert is not None and summed(taught) and not summed(expert)
        if why := misfit(taught, self.lines):
            self.misfits[why] += 1

    def notes(self) -> Iterator[str]:
        """A line for everything that is not as one would expect."""
        if self.unlabelled:
            yield f"{self.unlabelled} pairs left out: no label says which photo is better"
        if not self.sft:
            yield "no sft.jsonl: there are no rationales to teach; --text measured teaches measured ones"
        if self.completed:
            yield f"{self.completed} of {self.texts} rationales had no summary and got one from their lines and answer"
        if self.misfits:
            fit, why = self.texts - self.misfits.total(), ", ".join(f"{n} {why}" for why, n in self.misfits.items())
            yield (
                f"{fit} of {self.texts} rationales are of the form that serving holds a model to, {self.lines[0]} to "
                f"{self.lines[1]} lines and a summary; the others teach another: {why}. See --lines"
            )
