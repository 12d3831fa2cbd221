"""Accessibility, as far as axe-core can tell: https://github.com/dequelabs/axe-core

`vendor/axe.min.js` is that of axe-core 4.14.1 on npm, unchanged, under the licenses beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

__all__ = ["serious_violations"]

SOURCE = Path(__file__).with_name("vendor") / "axe.min.js"
SERIOUS = {"serious", "critical"}
# Loading style sheets that others import makes inline styles, which policies block.
RUN = "() => axe.run(document, { resultTypes: ['violations'], preload: false })"

# Colours that still change are none that anybody reads.
SETTLED = """Promise.allSettled(
    document.getAnimations()
        .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
        .map((each) => each.finished)
).then(() => null)"""


def serious_violations(page: Page) -> list[str]:
    """What is wrong on a page as it is now: the rule, each place that breaks it, and the mend."""
    page.evaluate(SETTLED)
    # The debugger puts it there, past the policy of the page.
    page.evaluate(SOURCE.read_text(encoding="utf-8"))
    found = page.evaluate(RUN)
    return [told(each) for each in found["violations"] if each["impact"] in SERIOUS]


def told(violation: dict[str, Any]) -> str:
    places = [
        f"  {node['html']}\n    {' '.join(node['failureSummary'].split())}"
        for node in violation["nodes"]
    ]
    rule = f"{violation['id']} ({violation['impact']}): {violation['help']}"
    return "\n".join([rule, *places])
