"""The page in a browser: it opens, filters, leads from a failure to its picture, and looks right.

Needs Chromium and its driver (Debian: chromium, chromium-driver), and is skipped without them.
Screenshots go to reports/screenshots/. The check of accessibility needs axe-core as well, and is
made where CHATPROTO_AXE names its axe.min.js.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from conformance.output.html import render_page, render_transcript
from conformance.report.comparison import compare
from conformance.standard.requirements import requirements
from tests.conformance.samples import (
    altered,
    cut_off,
    events_of,
    hostile,
    passing,
    played,
    report,
    swapped,
)

BROWSER: Final = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER: Final = shutil.which("chromedriver")
AXE: Final = os.environ.get("CHATPROTO_AXE") or None
COUNT: Final = sum(one.kind.binds_servers for one in requirements().values())
SCREENSHOTS: Final = Path(__file__).parents[2] / "reports" / "screenshots"
WAIT: Final = 20.0
"""Seconds until what should come of an event is given up for."""

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="no browser: chromium and chromedriver (Debian: chromium, chromium-driver) are missing",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run"):
        options.add_argument(argument)
    # Where a container's /dev/shm is small, a tab crashes without it.
    options.add_argument("--disable-dev-shm-usage")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of three implementations: the first breaks most, the last nothing."""
    broken = report(
        played(altered(), "frm/a-line-in-two-segments"),
        played(swapped("ann", "bob")),
        played(swapped("ann", "ann"), "room/bursts-of-one-sender"),
        played(cut_off(), "quit/quit-leaves"),
        name="broken",
        target="python broken.py {port}",
    )
    reset = report(played(cut_off(), "quit/quit-leaves"), name="resets")
    path = tmp_path_factory.mktemp("page") / "matrix.html"
    path.write_text(render_page(compare([broken, reset, passing()])), encoding="utf-8")
    return path.as_uri()


class Page:
    """The page in a browser."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self._url = url

    def open(self, fragment: str = "", *, width: int = 1440, theme: str = "light") -> None:
        features = [{"name": "prefers-color-scheme", "value": theme}]
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")
        self.driver.get(self._url + fragment)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def rows(self) -> list[str]:
        """The ids of the requirements that are shown."""
        rows = self.driver.find_elements(By.CSS_SELECTOR, ".matrix .row")
        return [str(row.get_attribute("data-id")) for row in rows if row.is_displayed()]

    def opened(self) -> str | None:
        """The id of the requirement that is open."""
        articles = self.driver.find_elements(By.CSS_SELECTOR, "article")
        return next((one.get_attribute("id") for one in articles if one.is_displayed()), None)

    def wait_opened(self, id_: str | None) -> None:
        WebDriverWait(self.driver, WAIT).until(lambda _: self.opened() == id_)

    def focused(self) -> WebElement:
        return self.driver.switch_to.active_element

    def wait_focused(self, element: WebElement) -> None:
        """Wait until the page's script has run, which is after the change of what is open."""
        WebDriverWait(self.driver, WAIT).until(lambda _: self.focused() == element)

    def save(self, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        assert self.driver.save_screenshot(str(path))
        return path


@pytest.fixture
def page(chromium: webdriver.Chrome, url: str) -> Iterator[Page]:
    """The page. Whatever a test does there, the console must stay empty."""
    page = Page(chromium, url)
    page.open()
    yield page
    assert chromium.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium's


def test_it_opens_with_the_verdict_and_the_matrix(page: Page) -> None:
    assert page.one("h1").text == "1 of 3 conformant"
    assert len(page.rows()) == COUNT
    cell = page.one('[data-id="TXT-5"] td')
    assert cell.text.split("\n")[:2] == ["✗", "fail"]
    assert cell.find_element(By.TAG_NAME, "a").accessible_name == "fail (TXT-5, broken)"
    assert page.opened() is None


def test_it_filters_by_status_section_and_text(page: Page) -> None:
    page.one('.chip[data-status="fail"]').click()
    failed = page.rows()
    assert {"TXT-5", "ROOM-3", "QUIT-3"} <= set(failed)
    assert "TRN-1" not in failed
    assert page.one("#count").text == f"{len(failed)} of {COUNT} requirements"
    Select(page.one("#section")).select_by_value("room")
    assert {id_.partition("-")[0] for id_ in page.rows()} == {"ROOM"}
    Select(page.one("#section")).select_by_value("")
    page.one("#search").send_keys("normalise escape")
    assert page.rows() == ["TXT-5"]
    page.one("#search").send_keys(" nonsense")
    assert page.rows() == []
    page.one("#clear").click()
    assert len(page.rows()) == COUNT
    assert page.focused() == page.one("#search")
    page.one("label:has(#differ)").click()
    assert "TXT-5" in page.rows()


def test_a_click_on_a_failure_leads_to_its_diagram(page: Page) -> None:
    page.one('[data-id="ROOM-3"] td a').click()
    page.wait_opened("ROOM-3")
    article = page.one("#ROOM-3")
    assert "There is one order of all broadcasts" in article.text
    result = page.driver.find_element(By.ID, "ROOM-3.1")
    page.wait_focused(result)
    for drawing in ("svg.pair", "svg.sequence"):
        assert result.find_element(By.CSS_SELECTOR, drawing).size["height"] > 50
    assert "--only room/everyone-speaks-at-once" in result.text
    assert page.one('.matrix [aria-current="true"]') == page.one('[data-id="ROOM-3"] td a')


def test_it_goes_by_keyboard_alone(page: Page) -> None:
    page.one("body").send_keys("/")
    assert page.focused() == page.one("#search")
    page.focused().send_keys("QUIT-3", Keys.TAB)
    link = page.one('[data-id="QUIT-3"] th a')
    page.driver.execute_script("arguments[0].focus()", link)
    page.focused().send_keys(Keys.ARROW_RIGHT)
    page.focused().send_keys(Keys.ARROW_RIGHT)
    cell = page.focused()
    assert cell.accessible_name.endswith("(QUIT-3, resets)")
    cell.send_keys(Keys.ENTER)
    page.wait_opened("QUIT-3")
    page.wait_focused(page.driver.find_element(By.ID, "QUIT-3.2"))
    page.focused().send_keys(Keys.ESCAPE)
    page.wait_opened(None)
    page.wait_focused(cell)


def test_a_deep_link_opens_its_requirement(page: Page) -> None:
    page.open("#QUIT-3")
    page.wait_opened("QUIT-3")
    page.wait_focused(page.one("#QUIT-3"))
    page.one("#QUIT-3 .close").click()
    page.wait_opened(None)


def test_a_link_in_the_text_leads_to_another_requirement(page: Page) -> None:
    page.open("#QUIT-5")
    page.one('#QUIT-5 .norm a[href="#QUIT-3"]').click()
    page.wait_opened("QUIT-3")


def test_light_and_dark(page: Page) -> None:
    def paper() -> str:
        return page.one("body").value_of_css_property("background-color")

    light = paper()
    page.one("#theme").click()
    dark = paper()
    assert dark != light
    assert page.one("#theme").get_attribute("aria-pressed") == "true"
    page.one("#theme").click()
    assert paper() == light
    page.open(theme="dark")
    assert paper() == dark


def test_it_fits_a_narrow_screen(page: Page) -> None:
    page.open("#ROOM-3.1", width=400)
    for selector in ("body", "#ROOM-3"):
        widths = page.driver.execute_script(
            "return [arguments[0].scrollWidth, innerWidth]", page.one(selector)
        )
        assert widths[0] <= widths[1]


def test_on_paper_the_failures_are_told_and_the_tools_are_gone(page: Page) -> None:
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = [one for one in page.driver.find_elements(By.TAG_NAME, "article") if one.is_displayed()]
    assert {"TXT-5", "ROOM-3", "QUIT-3"} <= {str(one.get_attribute("id")) for one in shown}
    assert not page.one("#filter").is_displayed()
    page.save("page-print")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_octets_that_look_like_a_script_are_none(
    chromium: webdriver.Chrome, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.html"
    attack = '"><script>document.title = "injected"</script><img src=x onerror="document.title=1">'
    path.write_text(render_page(compare([hostile(attack)])), encoding="utf-8")
    page = Page(chromium, path.as_uri())
    page.open("#ROOM-3.1")
    page.wait_opened("ROOM-3")
    assert chromium.title == f"{attack}: non-conformant — chatproto/1 conformance"
    assert chromium.find_elements(By.TAG_NAME, "img") == []
    assert chromium.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium's


@pytest.fixture
def linked(chromium: webdriver.Chrome, tmp_path: Path) -> Page:
    """A page of one implementation, with the transcript of its failure beside it."""
    events, result = events_of(altered()), played(altered())
    transcript = render_transcript(events, result.findings, "t.jsonl")
    (tmp_path / "t.html").write_text(transcript, encoding="utf-8")
    path = tmp_path / "page.html"
    page = render_page(compare([report(result, name="alters")]), {result.id: "t.html"})
    path.write_text(page, encoding="utf-8")
    return Page(chromium, path.as_uri())


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (400, "dark")])
def test_a_diagram_leads_to_its_line_of_the_transcript(
    linked: Page, width: int, theme: str
) -> None:
    linked.open("#TXT-5.1", width=width, theme=theme)
    linked.wait_opened("TXT-5")
    linked.wait_focused(linked.one('[id="TXT-5.1"]'))
    linked.save(f"page-linked-{width}")
    link = linked.one('[id="TXT-5.1"] figcaption a')
    line = str(link.get_attribute("href")).rpartition("#")[2]
    linked.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    row = WebDriverWait(linked.driver, WAIT).until(lambda _: linked.one(f"tr#{line}:target"))
    assert row.is_displayed()
    assert "TXT-5" in row.text
    widths = linked.driver.execute_script("return [document.body.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]
    linked.save(f"transcript-{width}")
    assert linked.driver.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium's


@pytest.mark.parametrize(
    ("name", "fragment", "width", "theme"),
    [
        ("page-light", "", 1440, "light"),
        ("page-dark", "#ROOM-3.1", 1440, "dark"),
        ("page-failure", "#QUIT-3.1", 1440, "light"),
        ("page-narrow", "", 400, "light"),
        ("page-narrow-failure", "#TXT-5.1", 400, "dark"),
    ],
)
def test_screenshots(page: Page, name: str, fragment: str, width: int, theme: str) -> None:
    page.open(fragment, width=width, theme=theme)
    if fragment:
        page.wait_focused(page.driver.find_element(By.ID, fragment[1:]))
    assert page.save(name).stat().st_size > 10_000


@pytest.mark.skipif(AXE is None, reason="CHATPROTO_AXE names no axe.min.js (npm: axe-core)")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
@pytest.mark.parametrize("fragment", ["", "#ROOM-3.1"])
def test_axe_finds_nothing(page: Page, fragment: str, width: int, theme: str) -> None:
    page.open(fragment, width=width, theme=theme)
    page.driver.execute_script(Path(AXE or "").read_text(encoding="utf-8"))
    violations = page.driver.execute_async_script(
        "axe.run(document).then(({violations}) => arguments[0](violations.map("
        "({id, nodes}) => `${id}: ${nodes.map(({html}) => html).join()}`)))"
    )
    assert violations == []
