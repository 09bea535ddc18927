"""`idiff thinking score`: words against the experts', beside the text that saw nothing."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import ClassVar

import httpx
import numpy as np
import pytest
from conftest import encode, pixels
from typer.testing import CliRunner

pytest.importorskip("rouge_score", reason="needs the text extra")

from idiff_models.evaluate.text.judge import Judge, JudgeFailed
from idiff_models.evaluate.text.report import score, to_markdown
from idiff_models.pairs.challenge import read_told
from idiff_models.thinking.cli import app

TEXTS = (
    "Face Sharpness: Image A (Left) is sharper.\nGlobal Overall: Image A (Left) is preferred for its crisp face.",
    "Face Texture: Image A (Left) keeps finer skin.\nGlobal Overall: Image A (Left) is preferred for its natural face.",
    "Sky Noise: Image B (Right) is cleaner.\nGlobal Overall: Image B (Right) is preferred for its clean sky.",
)


def rationales(file: Path, texts: dict[str, tuple[str, str]]) -> Path:
    """A file of the challenge's form: text and answer by the picture's name."""
    rows = (
        {
            "images": [f"x/{name}_merged_c0.jpg"],
            "solution": f"<thinking>\n{text}\n</thinking>\n<answer>{answer}</answer>",
        }
        for name, (text, answer) in texts.items()
    )
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def scored(predictions: Path, references: Path, *options: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["score", str(predictions), str(references), "--json", *options])
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.fixture
def references(tmp_path: Path) -> Path:
    names = [f"p_{number:03}" for number in range(3)]
    return rationales(tmp_path / "references.jsonl", dict(zip(names, product(TEXTS, "A"), strict=True)))


def test_the_experts_against_themselves(references: Path) -> None:
    report = scored(references, references)
    for words in report["words"]:
        assert words["bleu4"] == pytest.approx(1)
        assert words["rouge_l"] == pytest.approx(1)
        assert 0 < words["canned_bleu4"] < words["bleu4"]
        assert 0 < words["canned_rouge_l"] < words["rouge_l"]
    assert report["formed"] == report["right"] == {"right": 3, "pairs": 3}
    assert report["missing"] == []


def test_other_words_wrong_answers_and_no_form(tmp_path: Path, references: Path) -> None:
    poor = {"p_000": ("Nothing.", "B"), "p_001": (TEXTS[1], "A"), "p_009": (TEXTS[0], "A")}
    report = scored(rationales(tmp_path / "poor.jsonl", poor), references)
    assert report["pairs"] == 2
    assert report["missing"] == ["p_002"]
    assert report["formed"] == report["right"] == {"right": 1, "pairs": 2}
    assert all(0.4 < words["bleu4"] < 0.6 for words in report["words"])


def test_the_report_for_people_names_the_scorers(references: Path) -> None:
    result = CliRunner().invoke(app, ["score", str(references), str(references)])
    assert "nltk method1; rouge-score rougeL F | 1.0000 |" in result.stdout
    assert "jieba tokens, nltk method3" in result.stdout


def test_grounding_is_told_of_photos_beside_the_canned_texts(tmp_path: Path, pair: tuple[bytes, bytes]) -> None:
    merged = np.concatenate([pixels(photo) for photo in pair], axis=1)
    true = "Face Sharpness: Image A (Left) is sharper.\nGlobal Overall: Image A (Left) is preferred for its detail."
    false = "Face Sharpness: Image B (Right) is sharper.\nGlobal Overall: Image A (Left) is preferred."
    for name in ("p_000", "p_001"):
        (tmp_path / "x").mkdir(exist_ok=True)
        (tmp_path / "x" / f"{name}_merged_c0.jpg").write_bytes(encode(merged, "JPEG", quality=95))
    told = rationales(tmp_path / "told.jsonl", {"p_000": (true, "A"), "p_001": (true, "A")})
    wanted = rationales(tmp_path / "wanted.jsonl", {"p_000": (true, "A"), "p_001": (false, "A"), "p_009": (true, "A")})
    report = scored(told, wanted, "--root", str(tmp_path))
    assert report["grounding"] == 1.0
    assert report["canned_grounding"] == 0.5, "each is given the other's, or the third"
    assert scored(told, wanted)["grounding"] is None
    line = ["score", str(told), str(wanted), "--pairs", str(wanted), "--root", str(tmp_path)]
    assert "Grounding: 1.000, of the canned text 0.500" in CliRunner().invoke(app, line).stdout


@pytest.mark.parametrize("text", ["", "{", '{"images": ["a.jpg"], "solution": "no thought <answer>A</answer>"}'])
def test_a_bad_file_is_named(tmp_path: Path, references: Path, text: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["score", str(file), str(references)])
    assert result.exit_code == 2
    assert "bad.jsonl: line 1" in result.stderr or "no prediction" in result.stderr


def test_the_canned_text_of_the_challenge(data: Path) -> None:
    """What pasting another expert's words scores, which no figure of a model may be quoted without."""
    file = data / "raim" / "train_grpo_1536.jsonl"
    plain, swift = scored(file, file)["words"]
    assert (plain["canned_bleu4"], plain["canned_rouge_l"]) == pytest.approx((0.0936, 0.2847), abs=2e-3)
    assert (swift["canned_bleu4"], swift["canned_rouge_l"]) == pytest.approx((0.1747, 0.3931), abs=2e-3)


class TestJudge:
    """A language model beside the scorers."""

    TEXTS: ClassVar = [("prediction one", "reference"), ("prediction two", "reference")]

    @staticmethod
    def answering(*answers: httpx.Response) -> httpx.MockTransport:
        left = list(answers)
        return httpx.MockTransport(lambda request: left.pop(0))

    @staticmethod
    def said(text: str) -> httpx.Response:
        return httpx.Response(200, json={"choices": [{"message": {"content": text}}]})

    def test_scores_are_shares_in_order(self) -> None:
        judge = Judge("http://llm", "any", at_once=1)
        transport = self.answering(self.said('{"score": 10}'), self.said('Well: {"score": 2.5}.'))
        assert judge.scores(self.TEXTS, transport) == [1.0, 0.25]

    def test_a_bad_answer_is_asked_for_once_more(self) -> None:
        judge = Judge("http://llm", "any", at_once=1)
        assert judge.scores(self.TEXTS[:1], self.answering(self.said("good"), self.said('{"score": 4}'))) == [0.4]
        nothing = httpx.Response(200, json={"choices": [{"message": {"content": None}}]})
        with pytest.raises(JudgeFailed, match="no score"):
            judge.scores(self.TEXTS[:1], self.answering(self.said("good"), nothing, self.said('{"score": 40}')))

    def test_a_full_server_is_asked_again_after_a_pause(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pauses: list[float] = []
        monkeypatch.setattr("time.sleep", pauses.append)
        answers = self.answering(httpx.Response(503), self.said('{"score": 4}'))
        assert Judge("http://llm", "any").scores(self.TEXTS[:1], answers) == [0.4]
        assert len(pauses) == 1

    def test_a_refusal_says_its_status(self) -> None:
        with pytest.raises(JudgeFailed, match="status 401"):
            Judge("http://llm", "any").scores(self.TEXTS[:1], self.answering(httpx.Response(401)))

    def test_the_report_has_it_beside_the_canned_texts(self, references: Path) -> None:
        told = read_told(references)

        class Likes(Judge):
            def scores(self, texts: Sequence[tuple[str, str]], transport: object = None) -> list[float]:
                return [float(prediction == reference) for prediction, reference in texts]

        report = score(told, told, Likes("http://llm", "any"))
        assert (report.judged, report.canned_judged) == (1.0, 0.0)
        assert "language model's score: 1.000, of the canned text 0.000" in to_markdown(report)
