"""Every benchmark in turn: `make bench`. Real servers are started where this machine can; their absence is told."""

from __future__ import annotations

import subprocess
import sys

from multirecall.core.errors import MultirecallError
from multirecall.engine import running_engine

SERVERS = ("elasticsearch", "opensearch")


def benchmark(module: str, *arguments: str) -> int:
    print(f"== {module} {' '.join(arguments)}", file=sys.stderr, flush=True)
    return subprocess.run([sys.executable, "-m", f"benchmarks.{module}", *arguments], check=False).returncode


def main() -> None:
    failed = [name for name in ("encoders", "embedded_search") if benchmark(name)]
    for kind in SERVERS:
        try:
            with running_engine(kind) as engine:
                failed += [
                    f"{n} on {kind}" for n in ("server_search", "bulk_indexing") if benchmark(n, "--url", engine.url)
                ]
        except MultirecallError as error:
            print(f"left out: {kind}: {error}", file=sys.stderr)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
