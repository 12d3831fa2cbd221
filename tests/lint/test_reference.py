"""Every rule is told in the reference, and its examples are as bad and as good as it says."""

from __future__ import annotations

import re

import pytest

from hybrid_store.management.lint.findings import ERROR
from hybrid_store.management.lint.rules import RULES, SOURCE_RULES
from tests.docs.pages import DOCS, blocks
from tests.lint.looking import findings

PAGE = DOCS / "reference" / "lint.md"
TEXT = PAGE.read_text(encoding="utf-8")


def examples(rule: str) -> list[str]:
    return [
        block.text for block in blocks(PAGE) if block.section == rule and block.language == "python"
    ]


@pytest.mark.parametrize("rule", [rule.id for rule in SOURCE_RULES])
def test_the_first_example_is_found_and_the_second_is_not(rule: str) -> None:
    bad, good = examples(rule)
    assert {finding.rule for finding in findings(bad=bad)} == {rule}
    assert findings(good=good) == []


def test_every_rule_has_a_section_with_its_severity() -> None:
    sections = dict(re.findall(r"^### (L\d{3})\n\n\*(\w+)", TEXT, re.MULTILINE))
    assert sections == {rule.id: "Error" if rule.severity == ERROR else "Warning" for rule in RULES}


def test_rules_are_numbered_once_and_lead_to_pages_that_are_there() -> None:
    numbers = [rule.id for rule in RULES]
    assert numbers == sorted(set(numbers))
    assert [rule.id for rule in RULES if not (DOCS / rule.page).is_file()] == []
