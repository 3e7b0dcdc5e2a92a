"""Fine-tuning on several tasks, and preferences: what they learn, how they go on, and what stops them. Tiny models."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput

pytestmark = pytest.mark.usefixtures("learning")

CODES = {"red tent": "tent | red", "black laptop": "laptop | black", "wool socks": "socks | wool"}
TITLES = {"a red tent for two": "tent | red", "warm socks of wool": "socks | wool"}


def taught(policy: Any, pairs: dict[str, str]) -> list[tuple[str, list[int]]]:
    return [(text, policy.output_ids(output)) for text, output in pairs.items()]


@pytest.fixture(scope="module")
def settings(torch: Any) -> Any:
    from multirecall.training.generation.sft import FineTuning

    return FineTuning(steps=60, batch=8, rate=1e-2, warmup=6, embeddings=10.0, smoothing=0.0)


def test_two_tasks_are_learned_together_and_measured_on_the_way(seq2seq: Callable[..., Any], settings: Any) -> None:
    from multirecall.training.generation.progress import Progress
    from multirecall.training.generation.scoring import score_tokens
    from multirecall.training.generation.sft import Task, fine_tune

    policy = seq2seq(width=32)
    queries, titles = taught(policy, CODES), taught(policy, TITLES)
    tasks = [Task(lessons=queries), Task(lessons=titles, share=0.5)]
    progress = Progress(None, mark="")
    fine_tune(policy, tasks, settings, seed=1, progress=progress, held_out=queries, measured_every=20)
    said = policy.sample([text for text, _ in (*queries, *titles)], each=1, greedy=True)
    assert [row for (row,) in said] == [ids for _, ids in (*queries, *titles)]
    measured = {row["step"]: row["held_out_loss"] for row in progress.rows if "held_out_loss" in row}
    assert list(measured) == [20, 40, 60]
    assert measured[60] < measured[20]
    tokens = np.concatenate(score_tokens(policy, *map(list, zip(*queries, strict=True))))
    assert measured[60] == pytest.approx(-float(tokens.mean()), rel=1e-4)


def test_batches_hold_the_tasks_by_their_shares(torch: Any) -> None:
    from multirecall.training.generation.sft import _batch

    torch.manual_seed(3)
    by_length = [[("query", [1])] * 5, [("title", [1])] * 900]
    drawn = [text for _ in range(200) for text, _ in _batch(torch, by_length, torch.tensor([3.0, 1.0]), 16)]
    assert len(drawn) == 3_200
    assert drawn.count("query") / 3_200 == pytest.approx(0.75, abs=4 * math.sqrt(0.75 * 0.25 / 3_200))


def test_tasks_without_lessons_or_share_are_refused(seq2seq: Callable[..., Any], settings: Any) -> None:
    from multirecall.training.generation.progress import Progress
    from multirecall.training.generation.sft import Task, fine_tune

    policy = seq2seq()
    lessons = taught(policy, CODES)
    wrong = [([], "no examples"), ([Task(lessons=[])], "no examples"), ([Task(lessons=lessons, share=0.0)], "share")]
    for tasks, message in wrong:
        with pytest.raises(InvalidInput, match=message):
            fine_tune(policy, tasks, settings, seed=1, progress=Progress(None, mark=""))


@pytest.fixture
def pairs(seq2seq: Callable[..., Any]) -> Any:
    """Of each query the code of its own product, and that of another."""
    from multirecall.training.generation.dpo import Preference

    policy, codes = seq2seq(), list(CODES.values())
    return [
        Preference(text=text, better=policy.output_ids(code), worse=policy.output_ids(codes[at - 1]))
        for at, (text, code) in enumerate(CODES.items())
    ] * 2


def preferring(**changes: Any) -> Any:
    from multirecall.training.generation.dpo import Preferring

    return replace(Preferring(epochs=4, batch=2, rate=2e-3, warmup=1, beta=1.0, measured=1), **changes)


@pytest.mark.parametrize("per_token", [True, False])
def test_the_better_outputs_gain_and_the_loss_begins_at_ln_2(
    seq2seq: Callable[..., Any], pairs: Any, per_token: bool
) -> None:
    from multirecall.training.generation.dpo import Reference, prefer
    from multirecall.training.generation.progress import Progress

    policy, progress = seq2seq(), Progress(None, mark="")
    before = Reference(policy, pairs)
    assert before.figures(policy, pairs).accuracy == 0.5
    figures = prefer(policy, pairs, preferring(per_token=per_token), held_out=pairs, seed=1, progress=progress)
    first, measured = progress.rows[0], [row for row in progress.rows if "held_out_drift" in row]
    assert first["preference"] == pytest.approx(math.log(2), abs=1e-5)
    assert first["loss"] > first["preference"]
    assert [row["step"] for row in measured] == [3, 6, 9, 12]  # once an epoch of three batches
    assert figures.accuracy == 1.0
    assert figures.drift > 0  # the share of fine-tuning holds the better ones up
    assert figures == before.figures(policy, pairs)
    assert measured[-1]["held_out_margin"] == pytest.approx(figures.margin)


def test_a_fall_of_the_better_outputs_ends_it_with_the_weights_before(seq2seq: Callable[..., Any], pairs: Any) -> None:
    from multirecall.training.generation.dpo import Reference, prefer
    from multirecall.training.generation.progress import Progress

    policy, progress = seq2seq(), Progress(None, mark="")
    before = Reference(policy, pairs)
    wild = preferring(supervised=0.0, rate=0.5, most_fall=0.5)
    figures = prefer(policy, pairs, wild, held_out=pairs, seed=1, progress=progress)
    assert progress.rows[-1]["fallen"]
    assert progress.rows[-1]["held_out_drift"] < -0.5
    assert len(progress.rows) < 12
    assert figures.drift >= -0.5
    assert figures == before.figures(policy, pairs)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("rate", [2e-3, 0.5])
def test_preferences_that_were_interrupted_come_to_the_same_weights(
    torch: Any, seq2seq: Callable[..., Any], pairs: Any, tmp_path: Path, rate: float
) -> None:
    from multirecall.training.generation.dpo import prefer
    from multirecall.training.generation.progress import Progress

    def run(folder: str, resume: bool, stop_at: int) -> Any:
        def watch(row: Any) -> None:
            if row["step"] == stop_at:
                raise Interrupted

        policy = seq2seq()
        progress = Progress(tmp_path / folder, mark="m", save_every=2, resume=resume, on_row=watch)
        settings = preferring(rate=rate, supervised=0.1 if rate < 0.1 else 0.0)
        prefer(policy, pairs, settings, held_out=pairs, seed=1, progress=progress)
        return policy.trained(), progress.rows

    whole, rows = run("whole", False, 0)
    with pytest.raises(Interrupted):
        run("broken", False, min(5, len(rows)))
    again, more = run("broken", True, 0)
    assert more == rows
    assert all(torch.equal(one, other) for one, other in zip(whole, again, strict=True))


def test_pairs_that_teach_nothing_are_refused(seq2seq: Callable[..., Any], pairs: Any) -> None:
    from multirecall.training.generation.dpo import Preferring, prefer
    from multirecall.training.generation.progress import Progress

    wrong = [([], pairs, "learn from"), (pairs, [], "measure on"), ([replace(pairs[0], worse=[])], pairs, "red tent")]
    for learned, held_out, message in wrong:
        with pytest.raises(InvalidInput, match=message):
            prefer(seq2seq(), learned, preferring(), held_out=held_out, seed=1, progress=Progress(None, mark=""))
    with pytest.raises(InvalidInput, match="epochs"):
        Preferring(epochs=0)
    with pytest.raises(InvalidInput, match="beta"):
        Preferring(beta=0.0)
