"""The pictures of docs/pictures, taken in a real browser from MLflow's UI on a store.

    harness sweep --config quickstart && harness explain
    python benchmarks/pictures.py --store mlruns --to docs/pictures
    harness report && python benchmarks/pictures.py --report report.html

The newest sweep is shown, and the comparison that ended last; with --report the page of a report alone. Needs
Playwright (in the `test` extra) and Chromium or Chrome: Debian's is found, another is named by --browser.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SIZE = {"width": 1500, "height": 800}
SETTLE_MS = 5000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--store", type=Path, default=Path("mlruns"))
    arguments.add_argument("--report", type=Path)
    arguments.add_argument("--to", type=Path, default=Path("docs/pictures"))
    arguments.add_argument("--browser", default=next(filter(None, map(shutil.which, BROWSERS)), None))
    given = arguments.parse_args()
    if given.browser is None:
        sys.exit(f"no browser: expected one of {', '.join(BROWSERS)}, or --browser PATH")
    given.to.mkdir(parents=True, exist_ok=True)
    if given.report:
        take_report(given.report, given.to, given.browser)
        return
    command = [sys.executable, "-c", "from harness.cli import main; main()", "ui", "--no-open", "--store", given.store]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        print(address)
        take(address, given.to, given.browser)
    finally:
        server.terminate()
        server.wait(60)


def take(address: str, to: Path, browser: str) -> None:
    """The experiment's page, a comparison's, the report within MLflow, and the charts of all trials by family."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        options: dict[str, Any] = {"executable_path": browser, "headless": True, "args": list(FLAGS), "viewport": SIZE}
        context = playwright.chromium.launch_persistent_context(profile, **options)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(address)
        comparison = page.locator("a[href*='/runs/']").first
        comparison.wait_for()
        close_assistant(page)
        route = comparison.get_attribute("href")
        shoot(page, to / "experiment.png")
        comparison.click()
        page.get_by_text("Expected test").first.scroll_into_view_if_needed()
        page.wait_for_timeout(SETTLE_MS)  # the button comes once the description's height is known
        page.get_by_text("Show more").first.click()
        shoot(page, to / "comparison.png")
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Scores of all trials against their hyperparameters").click()
        opened.value.get_by_text("Group: ").first.wait_for()
        shoot(opened.value, to / "trials.png")
        page.set_viewport_size({"width": 1500, "height": 1200})
        page.goto(f"{address.partition('/#/')[0]}/{route}/artifacts/report.html")
        page.frame_locator("iframe").get_by_text("Three questions.").wait_for()
        for path in page.get_by_text("file://").all():  # a path of the machine that takes the picture
            path.evaluate("element => element.style.visibility = 'hidden'")
        shoot(page, to / "report.png")
        context.close()


def take_report(report: Path, to: Path, browser: str) -> None:
    """A report's first screen, the same on a dark phone, and its trials, filtered and sorted."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, headless=True, args=list(FLAGS))
        for name, width, height in (("answers", 1440, 900), ("phone", 390, 844)):
            scheme: Literal["dark", "light"] = "dark" if name == "phone" else "light"
            page = started.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(report.resolve().as_uri())
            shoot(page, to / f"{name}.png", 200)
        page = started.new_page(viewport={"width": 1100, "height": 800})
        page.goto(report.resolve().as_uri())
        page.get_by_role("searchbox").first.fill("layers=1")
        page.locator(".trials").first.get_by_role("columnheader", name="test").click()
        page.locator("[data-controls]").first.evaluate("form => form.previousElementSibling.scrollIntoView()")
        page.locator(".trials").first.locator("tbody tr:not([hidden])").first.hover()
        shoot(page, to / "search.png", 200)
        started.close()


def close_assistant(page: Any) -> None:
    """MLflow opens a panel of its own at the first visit."""
    if page.get_by_text("MLflow Assistant").count():
        page.locator("button:right-of(:text('MLflow Assistant'))").nth(2).click()


def shoot(page: Any, file: Path, settle_ms: int = SETTLE_MS) -> None:
    from PIL import Image

    page.wait_for_timeout(settle_ms)
    # With all their colours: with a palette of 256 either the few green marks of finished runs go, or white turns pink.
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(file, optimize=True)
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
