"""The page in a browser: drawn without a complaint, every control works, nothing is fetched, nothing sticks out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sample_reports as sample
from headless_browser import Browser

from steepest.report import ReportData, write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium"),
]

LONG = "a_very_long_method_name_that_somebody_gave_to_a_method_of_their_own_" + "x" * 40
SIZES = {
    "two": lambda: sample.report(sample.NAMES[:2], seeds=1, trials=3, lost=0),
    "twelve": lambda: sample.report(sample.NAMES, lost=40),
    "several": sample.several,
    "long": lambda: sample.report((LONG, *sample.NAMES[:3])),
    "diverged": sample.diverged,
    "minimal": sample.minimal,
}
DRAWN = """[...document.querySelectorAll("[data-figure]")].map((holder) => ({
  name: holder.dataset.figure,
  traces: holder.querySelectorAll(".scatterlayer .trace").length + holder.querySelectorAll(".annotation").length,
  width: holder._fullLayout.width, height: holder._fullLayout.height, place: holder.clientWidth,
}))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


def page(folder: Path, size: str) -> Path:
    path = folder / f"{size}.html"
    if not path.exists():
        data: ReportData = SIZES[size]()
        write(data, path)
    return path


def quiet(browser: Browser, path: Path) -> None:
    """No message, no exception, no request but for the file itself and what is inside it."""
    assert browser.complaints == []
    assert {url for url in browser.requests if not url.startswith(("data:", "blob:"))} <= {path.as_uri()}


@pytest.fixture(autouse=True)
def _forget(browser: Browser) -> None:
    browser.complaints.clear()
    browser.requests.clear()


def click(browser: Browser, selector: str, place: int = 0) -> None:
    browser.run(f"document.querySelectorAll({json.dumps(selector)})[{place}].click()")


def pressed(browser: Browser, selector: str) -> list[str]:
    return browser.run(
        f"[...document.querySelectorAll({json.dumps(selector)})]"
        '.filter((found) => found.getAttribute("aria-pressed") === "true").map((found) => found.textContent.trim())'
    )


@pytest.mark.parametrize("size", SIZES)
def test_every_figure_is_drawn_in_its_place_without_a_complaint(browser: Browser, folder: Path, size: str) -> None:
    path = page(folder, size)
    browser.open(path, dark=size in {"twelve", "diverged"})
    for figure in browser.run(DRAWN):
        assert figure["traces"] > 0 and figure["width"] == figure["place"] > 100 and figure["height"] >= 180, figure
    assert browser.run('document.getElementById("trouble").textContent') == ""
    quiet(browser, path)


@pytest.mark.parametrize("size", ["twelve", "several", "long", "minimal"])
def test_nothing_sticks_out_at_any_width(browser: Browser, folder: Path, size: str) -> None:
    browser.open(page(folder, size), width=1700)
    for width in (1700, 1280, 800, 390):
        browser.resize(width)
        browser.wait(f"({DRAWN}).every((figure) => figure.width === figure.place)")
        assert browser.run("document.documentElement.scrollWidth") <= width
        over = browser.run("""[...document.querySelectorAll("button, p, li, h1, h2, h3, figcaption, .figure, dd")]
          .filter((found) => !found.closest(".scroll, pre, .hidden") && found.getClientRects().length)
          .filter((found) => found.getBoundingClientRect().right > innerWidth + 1)
          .map((found) => found.textContent.slice(0, 40))""")
        assert over == [], width


@pytest.mark.parametrize("width", [390, 1400])
def test_axis_labels_do_not_touch(browser: Browser, folder: Path, width: int) -> None:
    browser.open(page(folder, "long"), width=width)
    found = browser.run("""[...document.querySelectorAll("[data-figure]")].map((holder) => {
      const boxes = [...holder.querySelectorAll(".xtick text")].map((text) => text.getBoundingClientRect());
      boxes.sort((a, b) => a.left - b.left);
      return [holder.dataset.figure, boxes.length, boxes.some((box, i) => i && box.left < boxes[i - 1].right + 2)];
    })""")
    assert all(count >= 2 and not touch for _, count, touch in found), found


def test_the_first_screen_has_verdict_table_and_curves(browser: Browser, folder: Path) -> None:
    browser.open(page(folder, "twelve"), width=1400, height=900)
    bottoms = browser.run("""[".verdict p", ".league tbody tr:nth-child(3)", "[data-figure$=curves]", ".paste pre"]
      .map((what) => document.querySelector(what).getBoundingClientRect()).map((box) => [box.top, box.left])""")
    verdict, row, curves, code = bottoms
    assert verdict[0] < row[0] < 900 and curves[0] < 900 and curves[1] > 700 and code[1] > 700


def test_the_league_fits_beside_the_curves(browser: Browser, folder: Path) -> None:
    browser.open(page(folder, "twelve"), width=1400)
    for view in ("result", "speed", "setting"):
        click(browser, f'button[data-view="{view}"]')
        over = browser.run('((box) => box.scrollWidth - box.clientWidth)(document.querySelector(".league .scroll"))')
        assert over <= 1, view


def test_columns_switch(browser: Browser, folder: Path) -> None:
    browser.open(page(folder, "several"))
    heads = """[...document.querySelectorAll("#s1 .league thead th")]
      .filter((found) => found.getClientRects().length).map((found) => found.textContent.trim())"""
    assert "Diverged" in browser.run(heads) and "Hits" not in browser.run(heads)
    click(browser, '#s1 button[data-view="speed"]')
    assert "Diverged" not in browser.run(heads) and "Hits" in browser.run(heads)
    assert pressed(browser, "#s1 button[data-view]") == ["speed and cost"]
    click(browser, '#s1 button[data-view="setting"]')
    assert browser.run(heads)[2:] == ["Test loss", "Schedule", "Chosen setting", "Gain", "Default\u2019s score"]
    other = """getComputedStyle(document.querySelector("#s0 .league th.v-result")).display"""
    assert browser.run(other) != "none"


def test_methods_are_hidden_in_all_figures_of_a_study(browser: Browser, folder: Path) -> None:
    browser.open(page(folder, "several"))
    shown = """(name) => document.querySelector(`[data-figure="${name}"]`).data
      .filter((trace) => trace.legendgroup === "lion" && trace.visible !== false).length"""
    names = ["s0-curves", "s0-budget", "s1-curves", "profile"]
    assert all(browser.run(f"({shown})('{name}')") for name in names)
    click(browser, '#s0 [data-method="lion"]')
    assert [browser.run(f"({shown})('{name}')") > 0 for name in names] == [False, False, True, True]
    assert (
        browser.run('[...document.querySelectorAll("#s0 [data-method=lion]")].map((b) => b.ariaPressed)')
        == ["false"] * 2
    )
    click(browser, "#s0 [data-every=false]")
    assert pressed(browser, "#s0 [data-method]") == []
    click(browser, "#s0 [data-every=true]")
    assert browser.run(f"({shown})('s0-budget')") > 0
    click(browser, '#across [data-method="lion"]')
    assert browser.run(f"({shown})('profile')") == 0
    quiet(browser, page(folder, "several"))


def test_axes_switch(browser: Browser, folder: Path) -> None:
    path = page(folder, "twelve")
    browser.open(path)
    figure = 'document.querySelector("[data-figure=s0-curves]")'
    last = f"""{figure}.data.filter((trace) => trace.legendgroup === "adam" && trace.line.width === 2)[0].x.at(-1)"""
    title = f"{figure}._fullLayout.xaxis.title.text"
    expected = {"samples": 64_000, "gradients": 2_000, "seconds": 1000 * 0.0002 * 2.2, "steps": 1000}
    labels = {
        "samples": "samples seen",
        "gradients": "gradient calls",
        "seconds": "seconds of training",
        "steps": "step",
    }
    for unit, value in expected.items():
        click(browser, f"[data-unit={unit}]")
        assert browser.run(last) == pytest.approx(value) and browser.run(title) == labels[unit]
    click(browser, "[data-scale=linear]")
    assert browser.run(f"{figure}._fullLayout.yaxis.type") == "linear"
    click(browser, "[data-scale=log]")
    assert browser.run(f"{figure}._fullLayout.yaxis.type") == "log"
    click(browser, "[data-measure]", 1)
    assert browser.run(f"{figure}._fullLayout.yaxis.title.text") == "validation accuracy"
    assert browser.run(f"{figure}._fullLayout.yaxis.type") == "linear"
    assert browser.run('document.querySelector("[data-scale=log]").getClientRects().length') == 0
    assert pressed(browser, "[data-measure]") == ["validation accuracy"]
    quiet(browser, path)


def test_single_runs_show_on_request_and_on_hover(browser: Browser, folder: Path) -> None:
    browser.open(page(folder, "two"))
    opacity = """document.querySelector("[data-figure=s0-curves]").data
      .filter((trace) => trace.meta === "seeds").map((trace) => trace.opacity)"""
    assert browser.run(opacity) == [0, 0]
    click(browser, "[data-seeds]")
    assert browser.run(opacity) == [1, 1]
    click(browser, "[data-seeds]")
    point = browser.run("""(() => {
      const holder = document.querySelector("[data-figure=s0-curves]"), layout = holder._fullLayout;
      const line = holder.data.findIndex((trace) => trace.legendgroup === "adamw" && trace.line.width === 2);
      const box = holder.getBoundingClientRect(), { xaxis, yaxis } = layout;
      holder.scrollIntoView();
      const now = holder.getBoundingClientRect(), trace = holder.data[line];
      return [now.left + xaxis._offset + xaxis.d2p(trace.x[25]), now.top + yaxis._offset + yaxis.d2p(trace.y[25])];
    })()""")
    for shift in (8, 0):
        browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=point[0] + shift, y=point[1])
    browser.wait(f"{opacity}.includes(1)")
    assert sorted(browser.run(opacity)) == [0, 1]
    browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=3, y=3)
    browser.wait(f"!{opacity}.includes(1)")
    quiet(browser, page(folder, "two"))


def test_code_is_intact_and_copies(browser: Browser, folder: Path) -> None:
    browser.open(page(folder, "two"))
    assert browser.run('document.querySelector(".snippet pre").textContent') == sample.CODE
    browser.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    click(browser, ".snippet .copy")
    browser.wait('document.querySelector(".snippet .copy").textContent === "Copied"')
    assert browser.run("copied") == sample.CODE
    click(browser, "[data-snippet]", 1)
    seen = '[...document.querySelectorAll(".snippet")].map((part) => part.getClientRects().length > 0)'
    assert browser.run(seen) == [False, True]


def test_without_a_clipboard_the_code_is_selected(browser: Browser, folder: Path) -> None:
    browser.open(page(folder, "two"))
    browser.run("navigator.clipboard.writeText = async () => { throw new Error('refused'); }")
    browser.run("document.execCommand = () => false")
    click(browser, ".snippet .copy")
    browser.wait('document.querySelector(".snippet .copy").textContent === "Selected"')
    assert browser.run("getSelection().toString().trim()") == sample.CODE.strip()


def test_all_controls_are_reached_and_work_by_keyboard(browser: Browser, folder: Path) -> None:
    browser.open(page(folder, "two"))
    count = browser.run('[...document.querySelectorAll("button")].filter((b) => b.getClientRects().length).length')
    reached, outlined = set(), True
    for _ in range(count + 40):
        browser.press("Tab")
        place, outline, view = browser.run("""((one) => [[...document.querySelectorAll("button")].indexOf(one),
          getComputedStyle(one).outlineStyle, one.dataset.view])(document.activeElement)""")
        if place >= 0:
            reached.add(place)
            outlined &= outline == "solid"
        if view == "speed":
            browser.press("Enter")
            assert browser.run('document.querySelector(".league table").dataset.view') == "speed"
    assert len(reached) == count and outlined


def test_the_theme_follows_the_reader(browser: Browser, folder: Path) -> None:
    path = page(folder, "two")
    browser.open(path)
    colour = """document.querySelector("[data-figure=s0-curves] .ytick text").style.fill"""
    light = browser.run(colour)
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.wait(f"{colour} !== {json.dumps(light)}")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    quiet(browser, path)


def test_paper_shows_all_columns_in_light_colours_and_at_its_width(
    browser: Browser, folder: Path, tmp_path: Path
) -> None:
    path = page(folder, "twelve")
    browser.open(path, dark=True)
    dark = browser.run('document.querySelector("[data-figure=s0-curves] .ytick text").style.fill')
    browser.run('dispatchEvent(new Event("beforeprint"))')
    browser.resize(1032)
    browser.ask("Emulation.setEmulatedMedia", media="print")
    assert browser.run("document.documentElement.scrollWidth") <= 1034
    assert browser.run('document.querySelector("[data-figure=s0-curves] .ytick text").style.fill') != dark
    for column in ("v-result", "v-speed", "v-setting"):
        assert browser.run(f'document.querySelector(".league td.{column}:not(.strip)").getClientRects().length') > 0
    over = browser.run("""[...document.querySelectorAll("[data-figure] .main-svg")].filter((drawing) =>
      drawing.getBoundingClientRect().right > drawing.closest("figure").getBoundingClientRect().right + 2).length""")
    assert over == 0
    browser.ask("Emulation.setEmulatedMedia", media="")
    browser.run('dispatchEvent(new Event("afterprint"))')
    browser.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes()[:5] == b"%PDF-"
    quiet(browser, path)


def test_without_scripts_all_columns_and_code_are_there(browser: Browser, folder: Path) -> None:
    path = page(folder, "two")
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.load(path)
        tree = browser.ask("DOM.getDocument", depth=1)
        text = browser.ask("DOM.getOuterHTML", nodeId=tree["root"]["nodeId"])["outerHTML"]
        assert 'class="copy" hidden' in text and "data-view=" not in text.split("<tbody>")[0].split("<table")[1]
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)
