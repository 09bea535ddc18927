"""What the Thinking Model wrote, read: of the form that its prompt asks for, or as it comes."""

from idiff.thinking.form import judged_regex, rationale_regex
from idiff.thinking.options import ThinkingOptions, ThinkingUnavailable
from idiff.thinking.parse import FormError, is_summary, parse, parse_judged, read_lines
from idiff.thinking.prompt import Prompt
from idiff.types import Line, Rationale, Side


def form_of(prompt: Prompt, options: ThinkingOptions, *, judged: bool = False) -> str | None:
    """The regular expression that a text is held to, rationale first and then the answer if `judged`; None where the
    prompt leaves the form free."""
    if prompt.form == "free":
        return None
    regex = judged_regex if judged else rationale_regex
    return regex(options.lines_min, options.lines_max, options.finding_chars)


def read(text: str, prompt: Prompt, options: ThinkingOptions) -> Rationale:
    """A rationale's text, read; of a free one, the lines that can be and the summary if it ends with one.

    Raises:
        ThinkingUnavailable: `malformed`, if it is empty or not of the form.
    """
    text = text.strip()
    try:
        lines, summary = _free(text) if prompt.form == "free" else parse(text)
    except FormError as error:
        raise ThinkingUnavailable("malformed", str(error)) from None
    if prompt.form == "lines" and not options.lines_min <= len(lines) <= options.lines_max:
        raise ThinkingUnavailable("malformed", f"{len(lines)} lines before the summary")
    return Rationale("model", text, lines, summary, None, prompt.version, options.model)


def read_judged(text: str, prompt: Prompt, options: ThinkingOptions) -> tuple[Rationale, Side]:
    """The rationale and the answer of a text that judges.

    Raises:
        ThinkingUnavailable: `malformed`, as `read` does, or if either is missing.
    """
    try:
        inner, side = parse_judged(text)
    except FormError as error:
        raise ThinkingUnavailable("malformed", str(error)) from None
    return read(inner, prompt, options), side


def _free(text: str) -> tuple[tuple[Line, ...], str]:
    if not text:
        raise FormError("no text")
    lines = read_lines(text)
    if lines and is_summary(lines[-1]):
        return tuple(lines[:-1]), lines[-1].text
    return tuple(lines), ""
