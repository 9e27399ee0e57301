"""Takes the pictures of README (docs/home.png, docs/party.png) from `flask demo`'s shop, on a small Android phone."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.installation import Installation, installed

DOCS = Path(__file__).resolve().parent.parent / "docs"
OWNER = "+919876543210"
CHROMIUM = "/usr/bin/chromium"
COLOURS = 64
MOST_BYTES = 60_000


def main() -> None:
    """Makes a shop in a passing folder, signs in, takes both pictures."""
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, installed(Path(folder)) as khata, sync_playwright() as playwright:
        khata.flask("demo", "--phone", OWNER)
        khata.start_worker()
        khata.start_web()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            base_url=khata.url, viewport={"width": 360, "height": 640}, device_scale_factor=2, locale="en-IN"
        )
        sign_in(page, khata)
        take(page, "home")
        page.get_by_text("Ramesh Kumar").click()
        page.get_by_label("Amount").press_sequentially("120+80*2")
        take(page, "party")
        browser.close()


def sign_in(page: Page, khata: Installation) -> None:
    """Into the demo's shop, its customers by amount."""
    page.goto("/sign-in")
    page.locator("[name=phone]").fill(OWNER)
    page.locator("form .main").click()
    page.locator("[name=code]").fill(khata.code_for(OWNER))
    page.locator("form .main").first.click()
    page.wait_for_url(f"{khata.url}/")
    page.goto("/?sort=amount")


def take(page: Page, name: str) -> None:
    """Writes docs/<name>.png with few colours, and says what it weighs."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = DOCS / f"{name}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"  {path.relative_to(DOCS.parent)}  {size} B")
    if size > MOST_BYTES:
        raise SystemExit(f"{path.name} is larger than {MOST_BYTES} bytes")


if __name__ == "__main__":
    main()
