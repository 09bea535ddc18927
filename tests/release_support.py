"""Tiny releases, quick to make, load and break: every member prefers the brighter photo."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idiff.imaging import PREPROCESSING_VERSION

SIDE, EMBEDDING, OPSET = 32, 4, 20


def encoder(
    tiles: int = 1,
    embedding: int = EMBEDDING,
    opset: int = OPSET,
    name: str = "embedding",
    reads: str = "views",
    fails_above: float | None = None,
) -> bytes:
    """`embedding` times the mean of the views; one above `fails_above` makes the session raise."""
    onnx = pytest.importorskip("onnx", reason="made with onnx, of the train extra")
    views = onnx.helper.make_tensor_value_info(reads, 1, ["n", 1 + tiles, 3, SIDE, SIDE])
    result = onnx.helper.make_tensor_value_info(name, 1, ["n", embedding])
    weights = onnx.numpy_helper.from_array(np.full((3 * (1 + tiles), embedding), 0.1, np.float32), "w")
    axes = onnx.numpy_helper.from_array(np.array([3, 4]), "axes")
    nodes = [
        onnx.helper.make_node("ReduceMean", [reads, "axes"], ["means"], keepdims=0),
        onnx.helper.make_node("Flatten", ["means"], ["flat"]),
        onnx.helper.make_node("MatMul", ["flat", "w"], [name]),
    ]
    constants = [weights, axes]
    if fails_above is not None:
        dying, limits = _dies_above(onnx, fails_above, "flat", "kept")
        nodes[2:] = [*dying, onnx.helper.make_node("MatMul", ["kept", "w"], [name])]
        constants += limits
    return _model(onnx, nodes, [views], [result], constants, opset)


def _dies_above(onnx: Any, most: float, source: str, target: str) -> tuple[list, list]:  # noqa: ANN401
    """Nodes and constants that copy `source` to `target`; the session raises where one value is above `most`."""
    nodes = [
        onnx.helper.make_node("ReduceMax", [source], ["highest"], keepdims=0),
        onnx.helper.make_node("Greater", ["highest", "most"], ["above"]),
        onnx.helper.make_node("Cast", ["above"], ["place"], to=onnx.TensorProto.INT64),
        onnx.helper.make_node("Gather", ["one", "place"], ["found"]),  # there is no place 1
        onnx.helper.make_node("Mul", [source, "found"], [target]),
    ]
    values = {"most": np.array(most, np.float32), "one": np.ones(1, np.float32)}
    return nodes, [onnx.numpy_helper.from_array(value, name) for name, value in values.items()]


def frontend(tiles: int = 1, fails_above: float | None = None) -> bytes:
    """The views themselves, as `maps`; one above `fails_above` makes the session raise."""
    onnx = pytest.importorskip("onnx", reason="made with onnx, of the train extra")
    views, maps = (
        onnx.helper.make_tensor_value_info(name, 1, ["n", 1 + tiles, 3, SIDE, SIDE]) for name in ("views", "maps")
    )
    nodes, constants = [onnx.helper.make_node("Identity", ["views"], ["maps"])], []
    if fails_above is not None:
        nodes, constants = _dies_above(onnx, fails_above, "views", "maps")
    return _model(onnx, nodes, [views], [maps], constants, OPSET)


def head(embedding: int = EMBEDDING, opset: int = OPSET, one_sided: float = 0.0) -> bytes:
    """The sum of a - b, plus `one_sided`."""
    onnx = pytest.importorskip("onnx", reason="made with onnx, of the train extra")
    a, b = (onnx.helper.make_tensor_value_info(side, 1, ["n", embedding]) for side in "ab")
    result = onnx.helper.make_tensor_value_info("logit", 1, ["n"])
    values = {"axes": np.array([1]), "more": np.array(one_sided, np.float32)}
    constants = [onnx.numpy_helper.from_array(value, name) for name, value in values.items()]
    nodes = [
        onnx.helper.make_node("Sub", ["a", "b"], ["difference"]),
        onnx.helper.make_node("ReduceSum", ["difference", "axes"], ["sum"], keepdims=0),
        onnx.helper.make_node("Add", ["sum", "more"], ["logit"]),
    ]
    return _model(onnx, nodes, [a, b], [result], constants, opset)


def _model(onnx: Any, nodes: list, inputs: list, outputs: list, constants: list, opset: int) -> bytes:  # noqa: ANN401
    graph = onnx.helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    imports = [onnx.helper.make_opsetid("com.example", 1), onnx.helper.make_opsetid("", opset)]
    return bytes(onnx.helper.make_model(graph, opset_imports=imports, ir_version=10).SerializeToString())


def listed(folder: Path, name: str, data: bytes) -> dict[str, Any]:
    """Write a graph; its entry in the manifest."""
    (folder / name).write_bytes(data)
    return {"path": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def tiny_release(folder: Path, members: int = 1, tiles: int = 1) -> Path:
    """A release of `members` a category in the new folder `folder`."""
    folder.mkdir()
    names = [(domain, f"{domain}-{number}") for domain in ("person", "scene") for number in range(members)]
    manifest = {
        "version": "tiny-1",
        "created": "2026-01-01T00:00:00Z",
        "preprocessing": PREPROCESSING_VERSION,
        "members": [
            {
                "name": name,
                "domain": domain,
                "backbone": "mean",
                "encoder": listed(folder, f"{name}.encoder.onnx", encoder(tiles)),
                "head": listed(folder, f"{name}.head.onnx", head()),
                "input_size": SIDE,
                "tiles": tiles,
                "embedding": EMBEDDING,
                "mean": [0.5] * 3,
                "std": [0.25] * 3,
                "opset": OPSET,
                "parameters": 24,
            }
            for domain, name in names
        ],
        "calibration": {domain: {"temperature": 1.0, "too_close": 0.6} for domain in ("person", "scene")},
        "measured": [{"data": "test", "category": "all", "pairs": 9, "accuracy": 0.8, "command": "none"}],
    }
    write(folder, manifest)
    return folder


def reference(feature: str = "crop.brightness", **changes: list[float]) -> dict[str, Any]:
    """A release's reference: one feature is below 100 in half of the photos."""
    distribution = {"edges": [100.0], "shares": [0.5, 0.5]} | changes
    return {"data": "test", "photos": 1000, "features": {feature: distribution}}


def read(folder: Path) -> dict[str, Any]:
    """The manifest as JSON."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return manifest


def write(folder: Path, manifest: dict[str, Any]) -> None:
    """Replace the manifest."""
    (folder / "manifest.json").write_text(json.dumps(manifest))


def edit(folder: Path, **values: Any) -> None:  # noqa: ANN401
    """Change the manifest's own fields."""
    write(folder, read(folder) | values)


def edit_member(folder: Path, number: int = 0, **values: Any) -> None:  # noqa: ANN401
    """Change a member's fields, the first one's by default."""
    manifest = read(folder)
    manifest["members"][number] |= values
    write(folder, manifest)


def _truncate(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:-20])


def _alter(folder: Path) -> None:
    path = folder / "person-0.encoder.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")


def _graph(part: str, **options: Any) -> Callable[[Path], None]:  # noqa: ANN401
    make = {"encoder": encoder, "head": head}[part]
    return lambda folder: edit_member(folder, **{part: listed(folder, f"person-0.{part}.onnx", make(**options))})


def behind_a_frontend(folder: Path, front: bytes | None = None, reads: str = "maps") -> None:
    """Let the first member, a person's, read what a front end gives."""
    behind = listed(folder, "person-0.encoder.onnx", encoder(reads=reads))
    edit_member(folder, frontend=listed(folder, "front.onnx", front or frontend()), encoder=behind)


def _alter_frontend(folder: Path) -> None:
    behind_a_frontend(folder)
    (folder / "front.onnx").write_bytes(frontend(tiles=4))


def _not_a_graph(folder: Path) -> None:
    edit_member(folder, head=listed(folder, "person-0.head.onnx", b"not a graph"))


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read"),
    "truncated manifest": (_truncate, "manifest.json is not valid: Invalid JSON"),
    "unknown format": (lambda folder: edit(folder, format=2), "format: Input should be 1"),
    "unknown key": (lambda folder: edit(folder, colour="blue"), "colour: Extra inputs are not permitted"),
    "reference of what is not measured": (
        lambda folder: edit(folder, reference=reference("crop.charm")),
        "reference.features.crop.charm.[key]: String should match pattern",
    ),
    "reference whose edges fall": (
        lambda folder: edit(folder, reference=reference(edges=[2, 1], shares=[0.2, 0.3, 0.5])),
        "edges do not ascend",
    ),
    "reference that is not whole": (
        lambda folder: edit(folder, reference=reference(shares=[0.5, 0.4])),
        "do not add up to 1",
    ),
    "other preprocessing": (lambda folder: edit(folder, preprocessing="0"), "made with preprocessing 0"),
    "no members for a category": (
        lambda folder: (edit_member(folder, domain="scene"), None)[1],
        "no members or no calibration for person",
    ),
    "two members of a name": (lambda folder: edit_member(folder, name="scene-0"), "two members are named scene-0"),
    "weights without the rule": (lambda folder: edit_member(folder, weight=2.0), "weights other than 1"),
    "unknown rule": (lambda folder: edit(folder, rule="loudest"), "rule: Input should be 'mean'"),
    "other tiles": (lambda folder: edit_member(folder, tiles=2), "members.0.tiles: Input should be 1, 4 or 9"),
    "missing graph": (lambda folder: (folder / "person-0.head.onnx").unlink(), "person-0.head.onnx cannot be read"),
    "altered graph": (_alter, "person-0.encoder.onnx does not match its checksum"),
    "unlisted graph": (
        lambda folder: (listed(folder, "more.onnx", b"x"), None)[1],
        "more.onnx not listed in manifest.json",
    ),
    "not a graph": (_not_a_graph, "person-0.head.onnx: ONNX Runtime cannot load it"),
    "smaller embedding": (
        _graph("head", embedding=3),
        "its input is a (n, 3), b (n, 3); the manifest asks for a (n, 4)",
    ),
    "fewer views": (lambda folder: edit_member(folder, tiles=4), "its input is views (n, 2, 3, 32, 32)"),
    "other output": (_graph("encoder", name="features"), "its output is features (n, 4)"),
    "altered front end": (_alter_frontend, "front.onnx does not match its checksum"),
    "front end of fewer views": (
        lambda folder: behind_a_frontend(folder, frontend(tiles=4)),
        "front.onnx: its input is views (n, 5, 3, 32, 32); the manifest asks for views (n, 2, 3, 32, 32)",
    ),
    "front end beside the encoder": (
        lambda folder: behind_a_frontend(folder, reads="views"),
        "its input is views (n, 2, 3, 32, 32); the manifest asks for maps (n, 2, 3, 32, 32)",
    ),
    "other opset": (_graph("encoder", opset=18), "is of opset 18; the manifest says 20"),
}
"""How a tiny release can be broken, and what the refusal says."""
