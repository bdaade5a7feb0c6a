"""The page in a headless Chromium: what a person sees in each state, with keys, on a phone, in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from host.monitor.recording import Recording
from host.monitor.run_file import Run
from host.monitor.web import Page
from tests.browser import Browser, find_browser
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import MODELS, Story
from tests.unit.host.monitor.test_screen import STORIES
from tests.unit.host.monitor.test_vehicle import sample as vehicle_sample
from tests.unit.host.monitor.test_vehicle import watched

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

COLOURED = """(() => {
  const canvas = document.querySelectorAll("canvas")[%d];
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let n = 0;
  for (let k = 0; k < data.length; k += 4) {
    const [r, g, b, a] = data.slice(k, k + 4);
    if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60) n++;
  }
  return n;
})()"""
"""How many pixels of a plot are of a colour, neither grey nor empty: its curve."""

AT_50_S = """(() => {
  const plot = page.plots[2], box = plot.canvas.getBoundingClientRect();
  return [box.left + plot.x(50000), box.top + 20];
})()"""

TOO_FAINT = """(() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (text) => numbers(text).slice(0, 3)
    .reduce((sum, v, k) => sum + linear(v / 255) * [0.2126, 0.7152, 0.0722][k], 0);
  const clear = (e) => (numbers(getComputedStyle(e).backgroundColor)[3] ?? 1) === 0;
  const faint = [];
  for (const e of document.querySelectorAll("h1, h2, p, figcaption span, figcaption b, summary, li, dt, dd, #status")) {
    const style = getComputedStyle(e);
    if (!e.innerText.trim() || style.opacity !== "1") continue;
    let ground = e;
    while (ground.parentElement && clear(ground)) ground = ground.parentElement;
    const [a, b] = [light(style.color), light(getComputedStyle(ground).backgroundColor)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.5 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push([e.innerText, ratio]);
  }
  return faint;
})()"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_browser()
    assert program is not None
    with Browser(program) as running:
        yield running


def text(browser: Browser, selector: str) -> str:
    return str(browser.evaluate(f"document.querySelector({selector!r}).innerText"))


def shown(browser: Browser, page: Page, story: Story, **window: object) -> None:
    page.show(story.now, story.tracker.history)
    browser.open(page.url, **window)  # type: ignore[arg-type]
    browser.wait_for(f"document.getElementById('status').textContent === {story.now.status.value!r}")
    browser.wait_for("document.title !== 'wattprint'")
    browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize(
    ("name", "says", "never"),
    [
        (
            "charging",
            ["device 2", "93 % sure", "47 min", "80 % within 41 – 56 min", "full at", "13.50 W", "9.000 V"],
            ["guess"],
        ),
        ("unknown", ["Unknown device", "nearest: device 2, 41 % sure", "a guess"], ["full at"]),
        ("full", ["Full", "since "], ["80 % within"]),
        ("fault", ["sensor fault", "its sensor: saturated"], []),
        ("silent", ["silent", "nothing heard for 20 s"], []),
        ("lost", ["disconnected", "the line was lost", "trying again"], []),
        ("unplugged", ["unplugged", "nothing plugged in"], ["80 % within"]),
        ("ended", ["unplugged", "charge ended: unplugged"], ["80 % within"]),
        ("connecting", ["connecting", "no hello yet"], []),
        ("no classifier", ["the only device of this model"], ["sure"]),
        ("no artifact", ["device 2", "by number"], []),
    ],
)
def test_each_state_says_what_it_is(browser: Browser, name: str, says: list[str], never: list[str]) -> None:
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, STORIES[name])
        everything = text(browser, "body") + browser.evaluate("document.title")
        for words in says:
            assert words in everything, everything
        for words in never:
            assert words not in text(browser, ".cards"), everything
        assert browser.errors == []
        stale = STORIES[name].now.stale or name == "fault"
        assert browser.evaluate("document.body.classList.contains('stale')") == stale
        assert browser.evaluate("document.getElementById('banner').hidden") == (not stale)


def test_a_charge_points_board_shows_cars_phases_and_advice(browser: Browser) -> None:
    snapshot = (tracker := watched(*vehicle_sample(0))).snapshot(5.0)
    with Page("127.0.0.1", 0, [], None) as page:
        page.show(snapshot, tracker.history)
        browser.open(page.url)
        browser.wait_for("document.getElementById('status').textContent === 'charging'")
        who = " ".join(text(browser, "#device").split())
        assert who == "Car id 3 58 or model 3 3 phases, 11 kW · taper · likeliest: id 3 58, 73 % sure"
        assert text(browser, "#power .big") == "10.96 kW"
        until = text(browser, "#until")
        assert "60 min" in until
        assert "80 % within 50 – 80 min" in until
        at_the_point = " ".join(text(browser, "#vehicle").split())
        for words in (
            "L1 230.1 V · 15.90 A L2 231.0 V · 15.80 A L3 229.0 V · 15.95 A",
            "pilot 16.0 A battery 61 % power factor 0.995",
            "until the target 15 min (10 – 25 min) to go 12.3 kWh",
            "advice on, at most 16 A; may wait 30 min; 9 A would do",
        ):
            assert words in at_the_point, at_the_point
        assert browser.errors == []
        assert browser.evaluate(TOO_FAINT) == []
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, STORIES["charging"])
        assert browser.evaluate("document.getElementById('vehicle').hidden")


def test_curves_are_drawn_and_grow(browser: Browser) -> None:
    story = Story().greeted(board.plug()).charges(0, 60)
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, story)
        before = [browser.evaluate(COLOURED % k) for k in (0, 2, 3, 4)]
        assert all(n > 100 for n in before)
        story.charges(60, 61)
        page.show(story.now, story.tracker.history)
        browser.wait_for("page.data.elapsed_ms.length === 61")
        assert browser.evaluate("document.title") == "47 min · device 2"


def test_a_curve_is_broken_where_there_is_no_value_and_where_the_device_becomes_unknown(browser: Browser) -> None:
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, STORIES["charging"])
        cut = "[...spans({unknown: [0, 0, 0, 0, 1, 1, 1]}, [1, null, 3, 4, 5, 6, null], 0, 6, %s)]"
        assert browser.evaluate(cut % "true") == [[0, 0, False], [2, 4, False], [4, 5, True]]
        assert browser.evaluate(cut % "false") == [[0, 0, False], [2, 5, False]]


def test_nothing_is_drawn_where_nothing_was_measured(browser: Browser) -> None:
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, STORIES["unplugged"])
        assert [browser.evaluate(COLOURED % k) for k in range(5)] == [0] * 5


def test_a_log_line_is_text(browser: Browser) -> None:
    story = Story().greeted(b"<img src=x onerror=alert(1)><b>bold</b>", board.plug()).charges(0, 3)
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, story)
        assert "<b>bold</b>" in text(browser, "#log")
        assert browser.evaluate("document.querySelectorAll('#log img, #log b').length") == 0
        assert browser.errors == []


def test_the_cursor_reads_the_curve_by_mouse_and_keys(browser: Browser) -> None:
    story = Story().greeted(board.plug())
    for k in range(100):
        story.passes(1).says(board.sample(k, 1_000 * k, 5_000 + k), board.answer(k))
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, story)
        voltage = "page.plots[2].readout.textContent"
        assert browser.evaluate(voltage) == "5.099 V"
        x, y = browser.evaluate(AT_50_S)
        browser.move(x, y)
        browser.wait_for(f"{voltage} === '5.050 V' || {voltage} === '5.049 V'")
        browser.move(1, 1)
        browser.wait_for(f"{voltage} === '5.099 V'")
        browser.evaluate("document.getElementById('plots').focus()")
        browser.press("Home")
        browser.wait_for(f"{voltage} === '5.000 V'")
        browser.press("ArrowRight")
        browser.wait_for(f"{voltage} === '5.001 V'")
        browser.press("ArrowLeft")
        browser.wait_for(f"{voltage} === '5.000 V'")
        browser.press("Escape")
        browser.wait_for(f"{voltage} === '5.099 V'")


def test_a_page_that_hears_nothing_says_so_and_comes_back(browser: Browser) -> None:
    story = Story().greeted(board.plug()).charges(0, 5)
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, story)
        port = int(page.url.rsplit(":", 1)[1].strip("/"))
    browser.wait_for("document.getElementById('status').textContent === 'no contact'")
    assert "no contact with the monitor" in text(browser, "#banner")
    with Page("127.0.0.1", port, [], None) as page:
        story.charges(5, 8)
        page.show(story.now, story.tracker.history)
        browser.wait_for("document.getElementById('status').textContent === 'charging'")
        assert browser.evaluate("page.data.elapsed_ms.length") == 8
        assert not browser.evaluate("document.body.classList.contains('stale')")


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1920])
def test_it_fits_every_width(browser: Browser, width: int) -> None:
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, STORIES["lost"], width=width, height=800)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        right = "(e) => e.getBoundingClientRect().right > innerWidth + 1"
        outside = f"[...document.querySelectorAll('body *')].filter({right}).length"
        assert browser.evaluate(outside) == 0


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["charging", "unknown", "lost", "full"])
def test_words_stand_out_from_their_ground(browser: Browser, name: str, dark: bool) -> None:
    """WCAG's contrast of at least 4.5, 3 for large text, where nothing is dimmed on purpose."""
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, STORIES[name], dark=dark)
        assert browser.evaluate(TOO_FAINT) == []


def test_colours_follow_the_system_and_can_be_chosen(browser: Browser) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, STORIES["charging"])
        light = browser.evaluate(ground)
        shown(browser, page, STORIES["charging"], dark=True)
        dark = browser.evaluate(ground)
        assert light != dark
        browser.evaluate("document.getElementById('theme').click()")
        assert browser.evaluate(ground) == light
        shown(browser, page, STORIES["charging"], dark=True)
        assert browser.evaluate(ground) == light  # chosen once, kept
        browser.evaluate("document.getElementById('theme').click()")
        browser.evaluate("document.getElementById('theme').click()")
        assert (
            browser.evaluate("document.getElementById('theme').getAttribute('aria-label')") == "colours: as the system"
        )


class TestScrubbing:
    def recording(self) -> Recording:
        story = Story().greeted(board.plug(1))
        for k in range(200):
            story.passes(1).says(board.sample(k, 1_000 * k, 5_000 + k), board.answer(k))
        story.says(board.unplug(1), board.plug(2)).charges(0, 30, device=3)
        return Recording(Run("run.jsonl", True, story.entries), MODELS)

    def test_it_begins_at_the_end_and_goes_anywhere(self, browser: Browser) -> None:
        with Page("127.0.0.1", 0, [], self.recording()) as page:
            browser.open(page.url)
            browser.wait_for("page.now && page.now.charge.ordinal === 2")
            assert "device 3" in text(browser, "#device")
            browser.evaluate("document.getElementById('position').focus()")
            browser.press("Home")
            browser.wait_for("page.now.status === 'connecting'")
            slide = "const s = document.getElementById('position'); s.value = 104; s.dispatchEvent(new Event('input'))"
            browser.evaluate(slide)
            browser.wait_for("page.now.reading && page.now.reading.sequence > 90")
            sequence = browser.evaluate("page.now.reading.sequence")
            assert text(browser, "#power .small").startswith(f"5.{sequence:03} V")
            browser.wait_for(f"page.plots[2].readout.textContent === '5.{sequence:03} V'")  # drawn with the next frame
            browser.press("ArrowRight")
            browser.wait_for(f"page.now.reading.sequence === {sequence + 1}")
            assert browser.evaluate("document.getElementById('position').getAttribute('aria-valuetext')").endswith(
                "of 0:03:50"
            )
            assert browser.errors == []

    def test_it_plays_and_stops(self, browser: Browser) -> None:
        with Page("127.0.0.1", 0, [], self.recording()) as page:
            browser.open(page.url)
            browser.wait_for("page.now && page.now.charge.ordinal === 2")
            browser.evaluate("document.getElementById('speed').value = '1200'")
            browser.press(" ")
            browser.wait_for("document.getElementById('play').getAttribute('aria-pressed') === 'true'")
            browser.wait_for("document.getElementById('play').getAttribute('aria-pressed') === 'false'")
            browser.wait_for("page.now.charge && page.now.charge.ordinal === 2 && page.now.reading.sequence === 29")

    def test_a_live_page_has_no_scrubber(self, browser: Browser) -> None:
        with Page("127.0.0.1", 0, [], None) as page:
            shown(browser, page, STORIES["charging"])
            assert browser.evaluate("document.getElementById('scrubber').hidden")


def test_a_picture_can_be_taken(browser: Browser, tmp_path: Path) -> None:
    with Page("127.0.0.1", 0, [], None) as page:
        shown(browser, page, STORIES["charging"])
        browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
