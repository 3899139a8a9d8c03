"""What an automated check finds wrong with a page for people who do not see it or use no mouse."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = ("serious", "critical")


def assert_accessible(page: Page) -> None:
    """Fails with what axe calls serious or critical on the page as it is now."""
    found = [
        f"{violation['id']}: {violation['help']}\n    "
        + "\n    ".join(node["html"][:200] for node in violation["nodes"][:4])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in SERIOUS
    ]
    assert not found, "\n".join(found)
