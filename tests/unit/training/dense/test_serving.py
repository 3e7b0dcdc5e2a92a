"""What serves a distilled encoder knows nothing of rewriting, training or torch."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from multirecall.encoders.opening import open_encoder
from multirecall.recall.dense import DenseRoute
from multirecall.search.pipeline import Searcher
open_encoder("static").encode_queries(["a sore back"])
names = ("torch", "multirecall.training", "multirecall.recall.rewriters", "multirecall.recall.rewrite")
print([name for name in sys.modules if name.startswith(names)])
"""


def test_the_online_path_imports_neither_rewriters_nor_training() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
