from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import EncoderError, InvalidInput
from multirecall.training.graded.annotating import agreement, pairs_of
from multirecall.training.graded.cross_encoder import CrossEncoderAnnotator, learn_cross_encoder
from multirecall.training.graded.groups import GradedGroup
from tests.support.tiny_models import tiny_bert
from tests.support.torch_extra import require_torch

TEXTS = {f"{word}-{at}": f"{word} {at}" for word in ("printer", "mouse") for at in range(4)}
GROUPS = [
    GradedGroup(query="black printer", qid=f"q{at}", products=tuple(TEXTS), grades=(1,) * 4 + (0,) * 4)
    for at in range(8)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_torch()
    return tiny_bert(tmp_path_factory.mktemp("cross") / "base", max_position_embeddings=128)


def test_a_trained_one_grades_as_it_was_taught(base: Path, tmp_path: Path) -> None:
    losses: list[float] = []
    folder = learn_cross_encoder(
        GROUPS, TEXTS, tmp_path / "a", n_levels=2, base=str(base), epochs=20, learning_rate=2e-3, max_tokens=24,
        advance=losses.append,
    )  # fmt: skip
    assert len(losses) == 20 * 2  # 64 pairs in batches of 32
    annotator = CrossEncoderAnnotator(str(folder), TEXTS, n_levels=2, max_tokens=24)
    pairs, levels = pairs_of(GROUPS[:1])
    rows = annotator.grade([*pairs, ("black printer", "gone")])
    assert rows[:-1].sum(axis=1) == pytest.approx(np.ones(len(pairs)))
    assert agreement(levels, rows[:-1].argmax(axis=1).tolist(), n_levels=2).accuracy == 1.0
    assert np.isnan(rows[-1]).all()
    again = CrossEncoderAnnotator(str(folder), TEXTS, n_levels=2, max_tokens=24)
    assert again.fingerprint == annotator.fingerprint
    with pytest.raises(InvalidInput, match="2 outputs, the scale 4 levels"):
        CrossEncoderAnnotator(str(folder), TEXTS, n_levels=4)
    with pytest.raises(InvalidInput, match="is there already"):
        learn_cross_encoder(GROUPS, TEXTS, folder, n_levels=2, base=str(base))


def test_what_cannot_be_loaded_or_learned_from_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EncoderError):
        CrossEncoderAnnotator(str(tmp_path / "empty"), TEXTS, n_levels=2)
    with pytest.raises(InvalidInput, match="No judged product has a text"):
        learn_cross_encoder(GROUPS, {}, tmp_path / "b", n_levels=2, base=str(base))
    assert not (tmp_path / "b").exists()
