"""The page in a real Chromium, with the bundled release behind it (make test-browser)."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import bring, chromium, explained, matrices, opened, served, told
from conftest import encode, pixels
from imaging_support import high_efficiency
from pair_support import noisy
from picture import chart
from playwright.sync_api import Browser, Page, expect
from thinking_support import complete, upstream

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}


WRITTEN = (
    "Face Sharpness: Image A (Left) is sharper than Image B (Right).\n"
    "Face Texture: Image B (Right) keeps far richer texture than Image A (Left).\n"
    "Background Noise: Both images show a similar, low level of grain.\n"
    "Global Overall: Image A (Left) is preferred for its natural detail."
)
"""One line that is true of the sample pair, one that is false, and one that nothing measured bears on."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with opened(browser, url) as one:
        yield one


@pytest.fixture(scope="module")
def scene() -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    """A clean picture and a grainy one, larger than the close-up."""
    clean = chart(1200, 900)
    return ("clean.png", encode(clean)), ("grainy.png", encode(noisy(clean, 14)))


def test_the_verdict_is_there_before_the_words(browser: Browser, pair: tuple[bytes, bytes]) -> None:
    with (
        upstream(complete(WRITTEN, pause=0.15)) as model,
        served(thinking_url=model, thinking_check_s=0, lines_min=1) as url,
        opened(browser, url) as page,
    ):
        bring(page, ("a.jpg", pair[0]), ("b.jpg", pair[1]))
        assert told(page) == "Photo A is better"
        expect(page.locator("#rationale")).to_have_attribute("aria-busy", "true")
        page.wait_for_selector("#rationale li p")
        assert page.locator("#rationale .support").count() == 0
        explained(page)
        support = page.locator("#rationale .support").all_inner_texts()
        assert [line.split(":")[0] for line in support] == ["Measured", "Measured otherwise", "Not measured"]
        assert "the edge sharpness in A" in support[0]
        expect(page.locator("#rationale")).to_contain_text("Measurements agree with 1 of the 2 lines")


def test_the_divider_moves_by_mouse_and_by_keys(page: Page) -> None:
    page.click("#sample")
    line = page.get_by_role("slider")
    box, stage = line.bounding_box(), page.locator(".stage").bounding_box()
    assert box
    assert stage
    page.mouse.move(box["x"] + box["width"] / 2, stage["y"] + 30)
    page.mouse.down()
    page.mouse.move(stage["x"] + 0.25 * stage["width"], stage["y"] + 30)
    page.mouse.up()
    assert line.get_attribute("aria-valuenow") == "25"
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert line.get_attribute("aria-valuenow") == "33"
    clip = page.locator(".layer.b").evaluate("layer => getComputedStyle(layer).clipPath")
    assert clip == "inset(0px 0px 0px 33%)"


def test_both_photos_zoom_and_pan_as_one(page: Page, scene: tuple[tuple[str, bytes], tuple[str, bytes]]) -> None:
    bring(page, *scene)
    told(page)
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    fitted = matrices(page)[0][0]
    assert fitted < 1
    box = stage.bounding_box()
    assert box
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "was => new DOMMatrix(getComputedStyle(document.querySelector('.layer img')).transform).a > was", arg=fitted
    )
    page.mouse.dblclick(box["x"] + 200, box["y"] + 200)
    assert matrices(page)[0][0] == pytest.approx(fitted)
    page.get_by_role("button", name="Real pixels").click()
    assert matrices(page)[0][0] == pytest.approx(1)
    stage.focus()
    middle = matrices(page)[0]
    page.keyboard.press("Shift+ArrowRight")
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 190)
    page.mouse.up()
    a, b = matrices(page)
    assert a[4:] == pytest.approx([middle[4] - 180, middle[5] - 10])
    assert a == pytest.approx(b, abs=0.5)
    page.keyboard.press("0")
    assert matrices(page)[0][0] == pytest.approx(fitted)
    page.keyboard.press("1")
    assert matrices(page)[0] == pytest.approx(middle)


def test_a_click_on_the_close_up_shows_it(page: Page, scene: tuple[tuple[str, bytes], tuple[str, bytes]]) -> None:
    bring(page, *scene)
    page.get_by_role("button", name="Zoom to the close-up of photo A").click()
    stage, frame = (page.locator(place).bounding_box() for place in (".stage", ".layer.a .close-up"))
    assert stage
    assert frame
    assert max(frame["width"] / stage["width"], frame["height"] / stage["height"]) == pytest.approx(0.96, abs=0.02)


def test_maps_lie_on_the_photos(page: Page, scene: tuple[tuple[str, bytes], tuple[str, bytes]]) -> None:
    bring(page, *scene)
    page.get_by_text("Difference", exact=True).click()
    photo, overlay = (page.locator(f".layer.a {place}").first for place in ("img:not(.overlay)", ".overlay.difference"))
    expect(overlay).to_be_visible()
    assert overlay.bounding_box() == pytest.approx(photo.bounding_box(), abs=1)
    expect(page.locator(".legend")).to_contain_text("Same")
    page.get_by_text("Sharpness", exact=True).click()
    expect(overlay).to_be_hidden()
    expect(page.locator(".layer.b .overlay.sharpness")).to_be_visible()
    expect(page.locator(".legend")).to_contain_text("grey levels")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [{}, PHONE], ids=["desk", "phone"])
def test_the_page_fits_and_is_accessible(browser: Browser, url: str, scheme: str, device: dict[str, object]) -> None:
    with opened(browser, url, color_scheme=scheme, **device) as page:
        for act in (None, "#sample"):
            if act:
                page.click(act)
                explained(page)
                page.wait_for_selector(".overlay", state="attached")
                expect(page.get_by_role("status")).to_contain_text("Photo A is better, 83% sure")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    for _ in range(3):  # the brand, the file dialog, the sample
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    explained(page)
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")
        )
    for name in ("Swap photos", "New photos", "Divider", "Whole photos", "Zoom in"):
        assert any(name in one for one in reached), (name, reached)


def test_a_photo_that_chromium_cannot_show_is_judged(page: Page, pair: tuple[bytes, bytes]) -> None:
    bring(page, ("a.heic", high_efficiency("HEIF", pixels(pair[0]))), ("b.jpg", pair[1]))
    assert told(page) == "Photo A is better"
    expect(page.locator(".layer.a")).to_contain_text("This browser cannot show photo A")


def test_what_is_no_photo_is_named(page: Page, pair: tuple[bytes, bytes]) -> None:
    bring(page, ("notes.txt", b"no picture at all"), ("b.jpg", pair[1]))
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is not a picture this service can read")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    bring(page, ("a.jpg", pair[0]), ("b.jpg", pair[1]))
    assert told(page) == "Photo A is better"
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_key_is_asked_for_and_kept_for_the_tab(browser: Browser, tmp_path: Path, pair: tuple[bytes, bytes]) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[keys.tester]\nsha256 = "{hashlib.sha256(b"idiff_right").hexdigest()}"\n')
    with served(api_keys=keys, max_body_bytes=200_000) as url, opened(browser, url) as page:
        page.click("#sample")
        for key in ("idiff_wrong", "idiff_right"):
            page.get_by_label("Access key", exact=True).fill(key)
            page.get_by_role("button", name="Use this key").click()
        assert told(page) == "Photo A is better"
        page.get_by_role("button", name="New photos").click()
        page.click("#sample")
        assert told(page) == "Photo A is better"
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        bring(page, ("a.jpg", pair[0] * 4), ("b.jpg", pair[1]))  # more bytes than the service takes
        expect(page.get_by_role("alert")).to_contain_text("The photos are too large")


def test_a_service_that_cannot_answer_says_so(browser: Browser, tmp_path: Path) -> None:
    with served(ready=False, release=tmp_path) as url, opened(browser, url) as page:
        page.click("#sample")
        expect(page.get_by_role("alert")).to_contain_text("The service is starting")
        expect(page.get_by_role("button", name="Try again")).to_be_enabled()


def test_an_upload_is_followed_and_can_be_left(page: Page, scene: tuple[tuple[str, bytes], tuple[str, bytes]]) -> None:
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    bring(page, *scene)
    expect(page.locator("#progress")).to_contain_text("Sending 0.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#start")).to_be_visible()
    expect(page.locator("#progress")).to_be_hidden()


def test_more_than_two_photos_are_ranked(page: Page, pair: tuple[bytes, bytes]) -> None:
    soft = encode(cv2.GaussianBlur(pixels(pair[0]), (0, 0), 3))
    bring(page, ("soft.png", soft), ("first.jpg", pair[0]), ("second.jpg", pair[1]), ("copy.jpg", pair[0]))
    expect(page.locator("#ranking h1")).to_have_text("first.jpg and copy.jpg are the best of 4")
    assert page.locator(".sheet .name").all_inner_texts() == ["first.jpg", "copy.jpg", "second.jpg", "soft.png"]
    assert page.locator(".sheet .place").all_inner_texts() == ["1", "1", "3", "4"]
    strengths = [int(text.rstrip("%")) for text in page.locator(".sheet .value").all_inner_texts()]
    assert strengths == sorted(strengths, reverse=True)
    expect(page.locator(".reason")).to_contain_text("Why first.jpg before second.jpg")
    assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="soft.png").click()
    assert told(page) == "Photo A is better"
    page.get_by_role("button", name="Back to the ranking").click()
    expect(page.locator(".sheet")).to_be_visible()
