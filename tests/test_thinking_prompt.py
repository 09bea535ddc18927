"""The prompt: what is constant, what is told of the pair, and that swapping the photos mirrors it."""

import re
from itertools import product, takewhile
from typing import get_args

import pytest
from thinking_support import FEATURES, mirrored, verdict

from idiff.thinking.form import CHARS_PER_TOKEN, SHORTEST, fitting, judged_regex, rationale_regex
from idiff.thinking.options import ThinkingOptions
from idiff.thinking.parse import parse
from idiff.thinking.prompt import TemplateName, answer_line, ask, build, template
from idiff.thinking.stages import STAGES, Form, Stage, Switches, Template, Wording
from idiff.thinking.vocabulary import METRICS, SUMMARY_HEADER
from idiff.types import CategoryName, Features, Learned, LearnedScore, ViewScores

CATEGORIES: list[CategoryName | None] = ["person", "scene", None]
ONE, TWO = ViewScores(3.5, 4.0), ViewScores(3.25, 4.5)
LEARNED = Learned((LearnedScore("liqe", "more", "", "", ONE, TWO),), None)
OTHERS = Learned((LearnedScore("liqe", "more", "", "", TWO, ONE),), None)


def swapped_sides(text: str) -> str:
    return text.replace("Left", "\0").replace("Right", "Left").replace("\0", "Right")


def common(one: str, two: str) -> str:
    """The beginning that both have."""
    return "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))


def evidence_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"(Crop|Global) view: laplacian", line)]


@pytest.mark.parametrize("form", get_args(Form))
@pytest.mark.parametrize("wording", get_args(Wording))
@pytest.mark.parametrize("asked", ["told", "judging", "neither"])
@pytest.mark.parametrize("iqa", [False, True])
@pytest.mark.parametrize("cv", [False, True])
@pytest.mark.parametrize("name", ["plain", *CATEGORIES])
def test_every_constant_text_comes_before_the_first_number(
    name: TemplateName | None, cv: bool, iqa: bool, asked: str, wording: Wording, form: Form
) -> None:
    told, judge = asked == "told", asked == "judging"
    one, two = (
        build(
            name,
            features if cv else None,
            verdict(preferred, against=against) if told else None,
            learned=learned if iqa else None,
            wording=wording,
            judge=judge,
            form=form,
        )
        for features, preferred, against, learned in (
            (FEATURES, "A", 0, LEARNED),
            (mirrored(FEATURES), "B", 2, OTHERS),
        )
    )
    shared = common(one.user, two.user)
    assert (one.system, one.version) == (two.system, two.version)
    assert (one.user == two.user) == (not (cv or iqa or told))
    assert not re.search(r"[-+][0-9]", shared)
    assert shared.startswith(build(name, None, None).user)
    for text, switched in (("evidence", cv), ("learned", iqa), ("judge", judge)):
        assert (template(text) in shared) == switched == (template(text) in one.user)
    assert one.user.endswith("Ground truth: Left is better.") == told


def test_the_constant_text_is_most_of_the_prompt() -> None:
    one, two = (build("person", FEATURES, verdict(side)) for side in ("A", "B"))
    shared = one.system + common(one.user, two.user)
    assert all(metric in shared for metric in METRICS)
    assert f"{SUMMARY_HEADER}:" in shared
    assert len(one.user) - len(one.user.partition("\nCrop view: ")[0]) < len(shared) / 4


def test_categories_have_templates_of_their_own() -> None:
    users = [build(category, None, None).user for category in CATEGORIES]
    assert len(set(users)) == 3
    assert all("4 to 7 lines" in user for user in users)
    assert not any("{" in user or "}" in user for user in users)
    assert "exactly" not in build("person", None, None, lines=(3, 3)).user.split("lines")[0]
    assert "Write 3 lines" in build("person", None, None, lines=(3, 3)).user


VERSIONS: dict[Stage, str] = {
    "baseline": "plain/free",
    "generic": "generic/4-7",
    "templates": "person/4-7",
    "cv": "person/cv/4-7",
    "iqa": "person/cv/iqa/4-7",
    "judge": "person/cv/iqa/judge/4-7",
    "answer": "person/cv/iqa/answer/4-7",
}


@pytest.mark.parametrize("stage", get_args(Stage))
def test_a_stage_is_a_combination_of_switches(stage: Stage) -> None:
    asked = ask(STAGES[stage], verdict(), FEATURES, LEARNED)
    assert asked.version == f"idiff-2/{VERSIONS[stage]}"
    assert asked.form == ("free" if stage == "baseline" else "lines")
    assert ask(STAGES[stage], verdict(), FEATURES, None).version == asked.version.replace("/iqa", "")


def test_any_other_combination_can_be_asked_for() -> None:
    templates: dict[Template, str] = {"none": "plain", "generic": "generic", "category": "person"}
    assert set(templates) == set(get_args(Template))
    for (switch, name), cv, iqa, answer in product(templates.items(), *[(False, True)] * 3):
        switches = Switches(switch, cv=cv, iqa=iqa, answer=answer, form="free")
        parts = [name, *(["cv"] * cv), *(["iqa"] * iqa), *(["answer"] * answer), "free"]
        asked = ask(switches, verdict(), FEATURES, LEARNED, wording="paper")
        assert asked.version == "/".join(["paper-2", *parts])
    with pytest.raises(ValueError, match="no verdict"):
        ask(Switches(answer=True, judge=True), verdict(), FEATURES)


def test_a_plain_question_gives_no_form_away() -> None:
    asked = ask(STAGES["baseline"], verdict(), FEATURES)
    assert not any(word in asked.user for word in ("Region", "{", SUMMARY_HEADER, *METRICS))


def test_every_stage_is_a_switch() -> None:
    full = build("person", FEATURES, verdict())
    assert full.version == "idiff-2/person/cv/answer/4-7"
    assert build("person", None, verdict()).version == "idiff-2/person/answer/4-7"
    assert "laplacian" not in build("person", None, verdict()).user
    assert "Ground truth" not in build("person", FEATURES, None).user
    assert build(None, None, None, lines=(2, 5)).version == "idiff-2/generic/2-5"
    assert full.user.splitlines()[-1] == "Ground truth: Left is better."


def test_evidence_is_signed_and_compact() -> None:
    crop, whole = evidence_lines(build("person", FEATURES, None).user)
    assert crop == (
        "Crop view: laplacian +100%, tenengrad 0%, noise_sigma -40%, high_frequency_ratio 0%, edge_density 0%, "
        "entropy +0.25 bits, under_exposed -3.0 pp, over_exposed 0 pp, colorfulness 0%, brightness 0%."
    )
    assert not re.search(r"[+-]", whole), "equal views differ in nothing, and a zero has no sign"


@pytest.mark.parametrize("too_close", [False, True])
@pytest.mark.parametrize("against", [0, 2])
@pytest.mark.parametrize("preferred", ["A", None])
def test_swapping_the_photos_mirrors_the_prompt(preferred: str | None, against: int, too_close: bool) -> None:
    other = None if preferred is None else "B"
    one = build("scene", FEATURES, verdict(preferred, against=against, too_close=too_close))  # type: ignore[arg-type]
    two = build("scene", mirrored(FEATURES), verdict(other, against=against, too_close=too_close))  # type: ignore[arg-type]
    assert swapped_sides(one.user.splitlines()[-1]) == two.user.splitlines()[-1]
    flipped = [line.translate(str.maketrans("+-", "-+")) for line in evidence_lines(one.user)]
    assert flipped == evidence_lines(two.user)


def test_an_unsure_verdict_is_told_as_such() -> None:
    assert answer_line(verdict("B")) == "Ground truth: Right is better."
    split = answer_line(verdict("B", against=2))
    assert "split: 3 of 5" in split
    assert "do not overstate" in split
    close = answer_line(verdict("B", too_close=True))
    assert "too close to call, leaning slightly to Right" in close
    assert "is better" not in close
    equal = answer_line(verdict(None))
    assert "neither is better" in equal
    assert "Left" not in equal
    assert answer_line(verdict("B", too_close=True, against=2), "paper") == "Ground truth: Right is better."
    assert build("person", None, verdict(), wording="paper").version.startswith("paper-2/")


def test_a_zero_on_both_sides_is_no_difference() -> None:
    zero = FEATURES.a.crop_view.__class__(*(0.0,) * 10)
    nothing = Features(FEATURES.a.__class__(zero, zero), FEATURES.a.__class__(zero, zero))
    assert all("nan" not in line for line in evidence_lines(build("scene", nothing, None).user))


def test_the_form_holds_what_the_parser_reads() -> None:
    form = re.compile(rationale_regex(2, 3, 100))
    line = "Clothing (White Shirt) Sharpness: Image A (Left) is sharper than Image B (Right).\n"
    escape = "Hair Edge Quality: Both images are alike here.\n"
    summary = "Global Overall: Image A (Left) is a little better."
    assert form.fullmatch(line + escape + summary)
    assert form.fullmatch(line + line + escape + summary)
    assert not form.fullmatch(line + summary), "too few lines"
    assert not form.fullmatch(line * 4 + summary), "too many lines"
    assert not form.fullmatch(line + escape), "no summary"
    assert not form.fullmatch("Well. " + line + escape + summary)
    assert not form.fullmatch(line + escape.replace("Quality", "Bokeh") + summary), "a metric outside the vocabulary"
    assert not form.fullmatch(line + escape + summary.replace("better", "better" * 30)), "an endless line"
    lines, told = parse(line + escape + summary)
    assert [(one.region, one.metric) for one in lines] == [
        ("Clothing (White Shirt)", "Sharpness"),
        ("Hair Edge", "Quality"),
    ]
    assert told == "Image A (Left) is a little better."


def longest(lines: int, chars: int) -> str:
    """The longest text of that many lines with findings of so many characters."""
    region, metric = "R" + "e" * 39, max(METRICS, key=len)
    finding = "F" + "i" * (chars - 2) + "."
    return f"{region} {metric}: {finding}\n" * lines + f"{SUMMARY_HEADER}: {finding}"


@pytest.mark.parametrize(("lines", "tokens"), [(7, 1024), (7, 512), (12, 1024), (4, 300), (1, 64), (7, 8000)])
def test_the_longest_text_of_the_form_ends_before_the_token_limit(lines: int, tokens: int) -> None:
    options = ThinkingOptions(lines_min=1, lines_max=lines, max_tokens=tokens)
    chars = options.finding_chars
    assert SHORTEST <= chars <= options.line_chars
    text = longest(lines, chars)
    judged = f"<thinking>\n{text}\n</thinking>\n<answer>A</answer>"
    assert re.fullmatch(rationale_regex(1, lines, chars), text)
    assert re.fullmatch(judged_regex(1, lines, chars), judged)
    assert not re.fullmatch(rationale_regex(1, lines, chars), longest(lines, chars + 1))
    assert len(judged) <= tokens * CHARS_PER_TOKEN


def test_the_default_form_has_room_for_what_experts_write() -> None:
    """Of the lines of the challenge's references none has more than 375 characters."""
    assert ThinkingOptions().finding_chars == ThinkingOptions().line_chars == 400
    assert fitting(7, 16) < SHORTEST
