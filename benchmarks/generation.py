"""Generating under a constraint: time of a query by torch, by onnxruntime in float32 and in int8, and how they agree.

    python -m benchmarks.generation [--train 150]

A small model from scratch (3 + 3 layers, 192 wide, 6,000 tokens and more) learns to write titles of the generated
shop, twelve tokens at most, from three words of each. Then it is searched with ten beams under a trie of all titles;
the arms take turns on every query, so that whatever else the machine does hits all of them alike. `cpu` is the time
of the processor: what it would be on a machine without other work, at most. `model_share` is the model's part of it;
the rest is the search. One thread.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measure import interleaved, quantiles_ms, ratio_of_medians, write_result
from multirecall.core.deadline import Deadline
from multirecall.evaluation.testbed import write_sample
from multirecall.recall.generation.base import Decoding, StepModel
from multirecall.recall.generation.beam import BeamSearch, Found
from multirecall.recall.generation.onnx_steps import open_onnx_steps
from multirecall.recall.generation.trie import Trie
from multirecall.training.generation.backbones import Backbone, open_policy
from multirecall.training.generation.export import export_steps
from multirecall.training.generation.policy import Policy
from multirecall.training.generation.progress import Progress
from multirecall.training.generation.sft import FineTuning, Task, fine_tune, held_out_loss
from multirecall.training.generation.torch_steps import TorchSteps

TOKENS = 12
WORDS = 3
UNUSED = 3_500
"""Tokens beside those of the titles, as codes would be: the output is as wide as in a shop of many more words."""


def shop_titles(products: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), products=products)
        lines = (Path(folder) / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()
    return sorted({json.loads(line)["title"] for line in lines})


def asked(title: str, dice: random.Random) -> str:
    words = title.split()
    return " ".join(dice.sample(words, min(WORDS, len(words))))


def trained(titles: Sequence[str], steps: int, seed: int) -> tuple[Policy, dict[str, Any]]:
    dice = random.Random(seed)
    torch.manual_seed(seed)
    policy = open_policy(
        Backbone(dropout=0.0), titles, max_tokens=TOKENS + 1, tokens=[f"<{number}>" for number in range(UNUSED)]
    )
    lessons = [(asked(title, dice), policy.output_ids(title)) for title in titles]
    dice.shuffle(lessons)
    held_out, lessons = lessons[:100], lessons[100:]
    settings = FineTuning(steps=steps, batch=32, rate=1e-3, warmup=30, embeddings=30.0, smoothing=0.0)
    if steps:
        fine_tune(policy, [Task(lessons=lessons)], settings, seed=seed, progress=Progress(None, mark=""))
    figures = {
        "parameters": sum(p.numel() for p in policy.model.parameters()),
        "vocab": len(policy.tokenizer),
        "steps": steps,
        "held_out_nats_per_token": round(held_out_loss(policy, held_out), 3),
    }
    return policy, figures


class Timed:
    """A StepModel that adds up the seconds that its model takes."""

    def __init__(self, model: StepModel) -> None:
        self._model = model
        self.vocab, self.end = model.vocab, model.end
        self.seconds = 0.0

    def begin(self, texts: Sequence[str]) -> Any:
        started = time.thread_time()
        decoding = self._model.begin(texts)
        self.seconds += time.thread_time() - started
        return TimedDecoding(decoding, self)


class TimedDecoding:
    def __init__(self, decoding: Decoding, timed: Timed) -> None:
        self._decoding = decoding
        self._timed = timed

    def first(self) -> Any:
        return self._told(self._decoding.first)

    def step(self, parents: Any, tokens: Any) -> Any:
        return self._told(self._decoding.step, parents, tokens)

    def _told(self, call: Any, *given: Any) -> Any:
        started = time.thread_time()
        found = call(*given)
        self._timed.seconds += time.thread_time() - started
        return found


def agreement(found: Sequence[Found], of: Sequence[Found]) -> dict[str, float]:
    """Of the sequences that the second found, what the first found of them, and how far log probabilities are apart."""
    first, overlap, apart = [], [], []
    for one, other in zip(found, of, strict=True):
        ours, theirs = ({row.tokens: row for row in answer.sequences[0]} for answer in (one, other))
        if not theirs:
            continue
        first.append(next(iter(ours), None) == next(iter(theirs)))
        overlap.append(len(ours.keys() & theirs.keys()) / len(theirs))
        apart += [abs(sum(ours[key].log_probs) - sum(theirs[key].log_probs)) for key in ours.keys() & theirs.keys()]
    return {
        "same_first": round(float(np.mean(first)), 4),
        "shared_of_beam": round(float(np.mean(overlap)), 4),
        "nats_apart_median": round(float(np.median(apart)), 6),
        "nats_apart_most": round(float(np.max(apart)), 6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=3_000)
    parser.add_argument("--train", type=int, default=150, help="steps; 0 leaves the weights as drawn")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--beam", type=int, default=10)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    titles = shop_titles(options.products)
    policy, figures = trained(titles, options.train, seed=1)
    dice = random.Random(2)
    queries = [asked(title, dice) for title in dice.sample(titles, options.queries)]
    trie = Trie.build((policy.output_ids(title)[:-1] for title in titles), end=policy.end)
    search = BeamSearch(beam=options.beam, max_length=TOKENS)
    sizes, models = {}, {"torch": Timed(TorchSteps(policy))}
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("fp32", "int8"):
            made = Path(folder) / precision
            export_steps(policy, made, precision=precision)
            sizes[precision] = round(sum(file.stat().st_size for file in made.iterdir()) / 1e6, 1)
            models[f"onnx {precision}"] = Timed(open_onnx_steps(made))
    found: dict[str, list[Found]] = {name: [] for name in models}
    spent: dict[str, list[float]] = {name: [] for name in models}
    in_model: dict[str, list[float]] = {name: [] for name in models}

    def arm(name: str, number: int) -> None:
        models[name].seconds = 0.0
        started = time.thread_time()
        answer = search(models[name], [queries[number]], trie, Deadline.never())
        spent[name].append(time.thread_time() - started)
        in_model[name].append(models[name].seconds)
        found[name].append(answer)

    seconds = interleaved({name: lambda number, name=name: arm(name, number) for name in models}, options.queries)
    n_steps = [answer.n_steps for answer in found["torch"]]
    result = {
        "model": figures,
        "beam": options.beam,
        "titles": len(titles),
        "steps_per_query": round(float(np.mean(n_steps)), 2),
        "mb": sizes,
        "arms": {
            name: {
                **quantiles_ms(seconds[name]),
                "cpu": quantiles_ms(np.array(spent[name])),
                "cpu_ms_per_step": round(float(np.median(np.array(spent[name]) / n_steps)) * 1000, 3),
                "model_share": round(sum(in_model[name]) / sum(spent[name]), 3),
            }
            for name in models
        },
        "cpu_of_onnx_fp32_to_torch": ratio_of_medians(spent["onnx fp32"], spent["torch"]),
        "agreement_with_torch": {name: agreement(found[name], found["torch"]) for name in models if name != "torch"},
    }
    write_result("generation", result, options.out)


if __name__ == "__main__":
    main()
