"""The page's files as they are served; what they do in a browser is in tests/browser."""

import re
from importlib.resources import files as resources

import pytest
from conftest import serve
from fastapi.testclient import TestClient

from idiff.config import Settings

TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}
PARTS = sorted(part.name for part in (resources("idiff") / "ui").iterdir())


def test_every_file_has_its_type_and_the_policy(client: TestClient) -> None:
    for name in PARTS:
        answer = client.get("/" if name == "index.html" else f"/ui/{name}")
        assert answer.status_code == 200
        kind = answer.headers["content-type"].split(";")[0].replace("application/javascript", "text/javascript")
        assert kind == TYPES[name.rpartition(".")[2]]
        policy = answer.headers["content-security-policy"].split("; ")
        assert policy[:3] == ["default-src 'none'", "script-src 'self'", "style-src 'self'"]
        assert not [rule for rule in policy if "unsafe" in rule or "http" in rule or "*" in rule]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"


def test_a_file_that_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/").headers["etag"]
    again = client.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert "content-security-policy" in again.headers


def test_all_that_a_file_names_is_there() -> None:
    page = resources("idiff") / "ui"
    for name in PARTS:
        text = (page / name).read_text()
        named = re.findall(r'(?:from "\./|(?:src|href)="ui/)([\w.]+)"', text)
        assert set(named) <= set(PARTS), name
        assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", text), name


@pytest.mark.parametrize("path", ["/ui/other.js", "/ui/..%2Fapp.py", "/ui/sample/README.txt", "/ui/"])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_is_no_part_of_the_contract_and_is_counted_by_its_templates(client: TestClient) -> None:
    client.get("/ui/theme.css")
    client.get("/ui/sample/astronaut_a.jpg")
    counted = client.get("/metrics").text
    for route in ("/ui/{name}", "/ui/sample/{name}"):
        assert f'code="200",method="GET",route="{route}"' in counted
    paths = client.get("/openapi.json").json()["paths"]
    assert not [path for path in paths if path == "/" or path.startswith("/ui")]


def test_the_page_can_be_turned_off(files: dict[str, bytes]) -> None:
    with serve(Settings(ui=False)) as client:
        assert [client.get(path).status_code for path in ("/", "/ui/app.js", "/ui/sample/astronaut_a.jpg")] == [404] * 3
        assert client.post("/compare", files=files).status_code == 200
