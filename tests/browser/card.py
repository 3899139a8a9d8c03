"""The picture that other sites show beside a link: `python -m tests.browser.card assets/pictures/card.png`.

Drawn by us, in the colours of the pages; no text of the drawing depends on a language but its one sentence.
"""

import math
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from lass.ui.serving.head import CARD_SIZE
from lass.ui.words.texts import ENGLISH
from tests.browser.conftest import ARGUMENTS, CHROMIUM

BARS = 61


def bars() -> str:
    """A sound among others: one run of bars stands out of a row of quiet ones."""
    drawn = []
    for number in range(BARS):
        place = number / (BARS - 1)
        noise = 26 + 20 * math.sin(number * 1.7) + 14 * math.sin(number * 0.53 + 1)
        wanted = math.exp(-(((place - 0.62) / 0.1) ** 2))
        height = max(12.0, noise) + 190 * wanted * (0.72 + 0.28 * math.cos(number * 2.1))
        colour, opacity = ("#7dc2b8", 1.0) if wanted > 0.12 else ("#faf9f7", 0.32)
        drawn.append(
            f'<rect x="{80 + 1040 * place - 5:.1f}" y="{455 - height / 2:.1f}" width="10" height="{height:.1f}" '
            f'rx="5" fill="{colour}" opacity="{opacity}"/>'
        )
    return "".join(drawn)


def drawing() -> str:
    """The card as a page."""
    across, down = CARD_SIZE
    first, _, rest = ENGLISH.tagline.partition(". ")
    text = 'font-family="system-ui, Noto Sans, DejaVu Sans, sans-serif" fill="#faf9f7"'
    return (
        f'<body style="margin:0"><svg xmlns="http://www.w3.org/2000/svg" width="{across}" height="{down}">'
        f'<rect width="{across}" height="{down}" fill="#153c38"/>'
        f'<text x="78" y="150" font-size="104" font-weight="700" letter-spacing="-3" {text}>{ENGLISH.name}</text>'
        f'<text x="80" y="228" font-size="46" font-weight="600" {text}>{first}.</text>'
        f'<text x="80" y="284" font-size="34" opacity="0.85" {text}>{rest}</text>{bars()}</svg></body>'
    )


def main(path: Path) -> None:
    """Draw the card."""
    executable = next(found for found in map(shutil.which, CHROMIUM) if found)
    across, down = CARD_SIZE
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": across, "height": down})
        page.set_content(drawing())
        page.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
