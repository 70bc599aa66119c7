"""The page in headless Chromium: it renders, filters, sorts, the slider moves, and nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from outpaint_cli.batch.events import Event, Summary
from outpaint_cli.plugin import Rect
from outpaint_cli.report import Report
from tests.browser import chromium, until

NASTY = '<img src=x onerror="alert(1)">&\'.png'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def event(folder: Path, name: str, **more: Any) -> Event:
    """An output that is there, 90x60 with its photo in the middle."""
    from PIL import Image

    (folder / "in").mkdir(exist_ok=True)
    (folder / "out").mkdir(exist_ok=True)
    colour = tuple(more.pop("colour", (200, 60, 40)))
    Image.new("RGB", (60, 40), colour).save(folder / "in" / name)
    Image.new("RGB", (90, 60), (20, 60, 160)).save(folder / "out" / name)
    return Event(
        "ok", str(folder / "in" / name), str(folder / "out" / name), 90, 60, Rect(15, 10, 60, 40), **more
    )


def cards(page: Any) -> list[str]:
    """The names on the cards that are shown, in order; those not laid out yet have no inner text."""
    return page.locator(".card:not([hidden]) h2").all_text_contents()


def opened(browser: Any, path: Path, **more: Any) -> tuple[Any, list[str]]:
    """The page, ready, and what it asked for or complained of."""
    context = browser.new_context(**more)
    page = context.new_page()
    odd: list[str] = []
    page.on("request", lambda request: odd.append(request.url))
    page.on("console", lambda message: odd.append(message.text))
    page.on("pageerror", lambda error: odd.append(str(error)))
    page.on("dialog", lambda dialog: odd.append(dialog.message))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    return page, odd


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with three results, one of them with an odd name, and a failure."""
    folder = tmp_path_factory.mktemp("pages")
    report = Report(folder / "r.html", "outpaint extend")
    report.add(event(folder, "b.png", seconds=3.0, scores={"seam": 1.0, "sharp": 0.9}))
    report.add(event(folder, "a.png", seconds=1.0, scores={"seam": 2.5, "sharp": 1.0}, flagged="seam 2.50"))
    report.add(event(folder, NASTY, seconds=2.0, scores={"seam": 0.9, "sharp": 0.2}))
    report.add(Event("failed", str(folder / "in" / "bad.png"), error=("PictureError", "it is broken")))
    report.write(Summary(ok=3, failed=1, flagged=1, seconds=6.0))
    report.close()
    return folder


@pytest.fixture
def page(browser: Any, folder: Path) -> Iterator[Any]:
    page, odd = opened(browser, folder / "r.html")
    yield page
    outside = [url for url in odd if not url.startswith(("data:image/", folder.as_uri()))]
    page.context.close()
    assert outside == []


def test_it_shows_all_results_and_failures(page: Any) -> None:
    assert cards(page) == ["b.png", "a.png", NASTY, "bad.png"]
    assert page.locator("#told").inner_text().startswith("3 done, 1 failed, 1 flagged in 6 s")
    assert "it is broken" in page.locator("#failures").inner_text()
    until(page, "[...document.querySelectorAll('img.after')].every((i) => i.naturalWidth === 90)")


def test_it_sorts_and_filters(page: Any) -> None:
    page.select_option("#sort", "seam-off")
    assert cards(page)[0] == "a.png" and cards(page)[-1] == "bad.png"
    page.select_option("#sort", "time")
    page.click("#turn")
    assert cards(page)[0] == "b.png"
    page.uncheck("#statuses input[value=failed]", force=True)
    assert "bad.png" not in cards(page)
    page.click("#ranges summary")
    page.fill("[data-range=sharp-from]", "0.5")
    assert set(cards(page)) == {"a.png", "b.png"}
    page.fill("#search", "B.P")
    assert cards(page) == ["b.png"]
    assert page.inner_text("#count") == "1 of 4 shown"
    page.fill("#search", "nothing")
    page.click("#reset")
    assert len(cards(page)) == 4


def test_the_slider_uncovers_the_photo_in_its_place(page: Any) -> None:
    pair = page.locator(".card").first.locator(".pair")

    def colour(x: float, y: float) -> tuple[int, ...]:
        import io

        from PIL import Image

        with Image.open(io.BytesIO(pair.screenshot())) as image:
            rgb = image.convert("RGB")
            return tuple(rgb.getpixel((int(x * rgb.width), int(y * rgb.height))))

    until(page, "document.querySelector('img.after').naturalWidth === 90")
    assert colour(0.3, 0.5)[2] > 120
    page.locator(".card").first.locator("input.wipe").fill("50")
    red = colour(0.3, 0.5)
    assert red[0] > 150 and red[2] < 90  # the photo
    assert colour(0.7, 0.5)[2] > 120  # the result
    outside = colour(0.05, 0.5)
    assert max(outside) - min(outside) < 30  # neither: the ground


def test_full_size_by_keys_alone(page: Any, folder: Path) -> None:
    page.keyboard.press("j")
    page.keyboard.press("ArrowRight")
    assert page.locator(".card").first.locator("input.wipe").input_value() == "10"
    page.keyboard.press("Enter")
    assert page.locator("#viewer").is_visible()
    until(page, "document.querySelector('#stage img.after').src.endsWith('/out/b.png')")
    until(page, "document.querySelector('#stage img.before').src.endsWith('/in/b.png')")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#stage input.wipe").input_value() == "49.5"
    page.keyboard.press("j")
    assert page.locator("#caption").inner_text().startswith("a.png")
    page.keyboard.press("j")
    until(page, "document.querySelector('#stage img.after').naturalWidth === 90")
    assert page.locator("#caption").inner_text().startswith(NASTY)
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()
    assert page.evaluate("document.activeElement.className") == "card"


def test_an_output_that_is_gone_leaves_its_thumbnail(browser: Any, tmp_path: Path) -> None:
    report = Report(tmp_path / "r.html", "outpaint extend")
    report.add(event(tmp_path, "a.png"))
    report.write(Summary(ok=1))
    report.close()
    (tmp_path / "out" / "a.png").unlink()
    page, _ = opened(browser, tmp_path / "r.html")
    page.locator("button.view").click()
    until(page, "document.querySelector('#trouble').textContent.includes('thumbnail')")
    assert page.evaluate("document.querySelector('#stage img.after').naturalWidth") == 90
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_follows_the_systems_colours(browser: Any, folder: Path, scheme: str) -> None:
    page, _ = opened(browser, folder / "r.html", viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(22, 22, 21)") == (scheme == "dark")
    page.context.close()


class Listener(BaseHTTPRequestHandler):
    """Counts what is asked of it."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_error(404)


def test_the_policy_stops_other_scripts_and_other_pictures(
    browser: Any, folder: Path, tmp_path: Path
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/x.png"
        foreign = f'<script>document.title = "mine"</script><img src="{address}"><p onclick="1">'
        text = (folder / "r.html").read_text().replace("</header>", f"{foreign}</header>")
        (tmp_path / "changed.html").write_text(text)
        page, odd = opened(browser, tmp_path / "changed.html")
        page.wait_for_timeout(200)
        assert page.title() == "outpaint extend"
        page.context.close()
        server.shutdown()
    assert Listener.asked == 0
    assert any("Content Security Policy" in text for text in odd)


def test_two_thousand_pictures_hold_few_decoded(browser: Any, tmp_path: Path) -> None:
    report = Report(tmp_path / "r.html", "outpaint extend")
    one = event(tmp_path, "a.png", scores={"seam": 1.0, "sharp": 1.0})
    report.add(one)
    report.entries *= 2000
    for number, entry in enumerate(report.entries[:]):
        other = Event(**{**vars(one), "input": f"{one.input}{number}", "output": f"{one.output}{number}"})
        report.entries[number] = type(entry)(other, 0, entry.shot)
    report.write(Summary(ok=2000))
    report.close()
    page, _ = opened(browser, tmp_path / "r.html")
    assert page.locator(".card").count() == 2000
    until(page, "document.querySelectorAll('img.after[src]').length > 0")
    assert page.evaluate("document.querySelectorAll('img.after[src]').length") < 200
    page.select_option("#sort", "name")
    page.fill("#search", "png1999")
    assert cards(page) == ["a.png1999"]
    page.context.close()
