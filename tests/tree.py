"""Checks on the tree itself: no file over 400 lines, every part linked into the package, no vague module names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 400
CHECKED = (".py", ".java", ".js", ".css", ".toml", ".md", ".sh")
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc", "manager"}


def findings() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    found = []
    for name in listed:
        path = ROOT / name
        if path.is_symlink() or not path.is_file():
            continue
        if path.suffix in CHECKED and path.name != "uv.lock":
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > MAX_LINES:
                found.append(f"{name}: {lines} lines, at most {MAX_LINES} are allowed")
        if path.suffix == ".py" and (path.stem in VAGUE or VAGUE & set(Path(name).parts)):
            found.append(f"{name}: the name says nothing")
    parts = {Path(n).parts[0] for n in listed if n.endswith("__init__.py") and len(Path(n).parts) == 2}
    for part in sorted(parts - {"multirecall", "tests", "benchmarks"}):
        if not (ROOT / "multirecall" / part).is_symlink():
            found.append(f"{part}/ is not linked into multirecall/")
    return found


if __name__ == "__main__":
    problems = findings()
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
