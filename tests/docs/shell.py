"""Run as a process in a project: carries out Python as `manage.py shell` does.

Every line of standard input is a JSON object {"source": ..., "kind": ...}, answered by a line
{"output": ...} with what was printed. Kinds: "pycon", lines with prompts, whose values are printed
and whose errors are part of the output; "python", a script; "settings", a script that assigns
HYBRID_STORE, whose embedders are made and checked. An error of a script is {"error": ...}.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import sys
import traceback
from typing import Any

__all__: list[str] = []

# PyTorch and further models are too large for tests. Everything else has to be right.
ALLOWED = {"hybrid_store.E101", "hybrid_store.E102"}


def set_up() -> dict[str, Any]:
    sys.path.insert(0, os.getcwd())
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django
    from django.apps import apps

    django.setup()
    return {model.__name__: model for model in apps.get_models()}


def execute(source: str, namespace: dict[str, Any], mode: str = "exec") -> None:
    exec(compile(source, "<page>", mode), namespace)  # noqa: S102


def interact(source: str, namespace: dict[str, Any]) -> None:
    for example in doctest.DocTestParser().get_examples(source):
        try:
            execute(example.source, namespace, "single")
        except Exception:  # noqa: BLE001 - the page may show it
            kind, error = sys.exc_info()[:2]
            sys.stdout.write("".join(traceback.format_exception_only(kind, error)))


def check_settings(source: str) -> None:
    from django.test import override_settings

    from hybrid_store.checks import check_settings

    assigned: dict[str, Any] = {}
    execute(source, assigned)
    with override_settings(HYBRID_STORE=assigned["HYBRID_STORE"]):
        wrong = [message for message in check_settings() if message.id not in ALLOWED]
    if wrong:
        raise ValueError(wrong)


def carry_out(source: str, kind: str, namespace: dict[str, Any]) -> None:
    if kind == "pycon":
        interact(source, namespace)
    elif kind == "settings":
        check_settings(source)
    else:
        execute(source, namespace)


def main() -> None:
    answers, namespace = sys.stdout, set_up()
    for line in sys.stdin:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            answer = {}
            try:
                carry_out(**json.loads(line), namespace=namespace)
            except Exception:  # noqa: BLE001 - reported to the test
                answer["error"] = traceback.format_exc()
        answers.write(json.dumps({"output": output.getvalue(), **answer}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
