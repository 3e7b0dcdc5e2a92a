"""Who grades mined pairs, by the settings: trees, a cross-encoder, or a language model behind an address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from multirecall.core.errors import InvalidSettings
from multirecall.encoders.fingerprint import fingerprint
from multirecall.encoders.locating import model_folder
from multirecall.training.graded.annotating import Annotator
from multirecall.training.graded.groups import GradedGroup
from multirecall.wiring.request_body import request_body
from multirecall.wiring.settings import Settings

if TYPE_CHECKING:
    from multirecall.recall.rewriters.generator import Generator
    from multirecall.training.graded.evidence import Evidence

__all__ = ["Annotating", "annotator_by", "check_annotator", "pairs_to_annotate"]

Annotating = Callable[[Sequence[GradedGroup], int], Annotator]
"""(training groups, levels): an annotator that learned from them, or knows by itself."""

_TREES, _ENDPOINT, _CROSS_ENCODER = "trees", "endpoint", "cross-encoder"
_ANNOTATIONS = "annotations.jsonl"


def check_annotator(settings: Settings) -> None:
    """Before hours of training: raises InvalidSettings or EncoderError if the annotator could not be opened then."""
    kind, _, model = settings.annotate_by.partition(":")
    if kind == _ENDPOINT:
        _endpoint(settings, len(_policy(settings.annotate_policy)) or 3)
    elif model:
        model_folder(model)


def pairs_to_annotate(settings: Settings) -> int:
    """How many pairs a training may hand to the annotator; 0 is any number: trees cost nothing."""
    return 0 if settings.annotate_by == _TREES else settings.annotate_pairs


def annotator_by(
    settings: Settings,
    *,
    evidence: Callable[[], Evidence],
    texts: Callable[[], Mapping[str, str]],
    kept: Path | None = None,
    on_graded: Callable[[int, int], None] = lambda done, pairs: None,
) -> Annotating:
    """The annotator of the settings, opened when it is asked for. `texts` gives those of all products by id, `evidence`
    what a search knows of pairs. In the folder `kept`, what it said outlives the training, and so does a cross-encoder
    that learned: nothing is paid for twice. `on_graded` is told (pairs done, pairs in all) as they come, by those that
    take their time.

    What it gives raises what opening the annotator raises.
    """
    kind, _, model = settings.annotate_by.partition(":")

    def trees(groups: Sequence[GradedGroup], n_levels: int) -> Annotator:
        from multirecall.training.graded.trees import learn_trees

        return learn_trees(groups, evidence(), n_levels=n_levels)

    def remembering(annotator: Annotator) -> Annotator:
        from multirecall.training.graded.remembering import RememberingAnnotator

        if kept is None:
            return annotator
        kept.mkdir(parents=True, exist_ok=True)
        return RememberingAnnotator(annotator, kept / _ANNOTATIONS, texts(), on_batch=on_graded)

    def endpoint(groups: Sequence[GradedGroup], n_levels: int) -> Annotator:
        from multirecall.training.graded.endpoint_annotator import EndpointAnnotator

        chat, timeout_s = _endpoint(settings, n_levels), settings.annotate_timeout_s
        return remembering(EndpointAnnotator(chat, texts(), n_levels=n_levels, timeout_s=timeout_s))

    def cross_encoder(groups: Sequence[GradedGroup], n_levels: int) -> Annotator:
        from multirecall.training.graded.cross_encoder import CrossEncoderAnnotator

        return remembering(
            CrossEncoderAnnotator(model or _learned(groups, n_levels, texts(), kept), texts(), n_levels=n_levels)
        )

    return {_TREES: trees, _ENDPOINT: endpoint, _CROSS_ENCODER: cross_encoder}[kind]


def _endpoint(settings: Settings, n_levels: int) -> Generator:
    from multirecall.recall.rewriters.endpoint import ChatEndpoint
    from multirecall.training.graded.policy_prompt import PolicyPrompt

    return ChatEndpoint(
        settings.annotate_url,
        model=settings.annotate_model,
        prompt=PolicyPrompt(n_levels=n_levels, policy=_policy(settings.annotate_policy)),
        api_key=settings.annotate_api_key.get_secret_value(),
        body=request_body(settings.annotate_body, "annotate_body"),
        of="annotator",
        setting="MULTIRECALL_ANNOTATE",
    )


def _learned(groups: Sequence[GradedGroup], n_levels: int, texts: Mapping[str, str], kept: Path | None) -> str:
    """The folder of a cross-encoder that learned from these groups, now or in a training that was interrupted."""
    from multirecall.training.graded.cross_encoder import learn_cross_encoder

    if kept is None:
        raise InvalidSettings(
            "A cross-encoder that is to learn needs a folder.",
            hint="Name one that has learned: MULTIRECALL_ANNOTATE_BY=cross-encoder:FOLDER.",
            field="annotate_by",
        )
    kept.mkdir(parents=True, exist_ok=True)
    taught = [
        [g.query, [[p, level, texts.get(p)] for p, level in zip(g.products, g.grades, strict=True)]] for g in groups
    ]
    folder = kept / f"cross-encoder-{fingerprint({'taught': taught, 'levels': n_levels})}"
    return str(folder if folder.exists() else learn_cross_encoder(groups, texts, folder, n_levels=n_levels))


def _policy(file: Path | None) -> tuple[str, ...]:
    if file is None:
        return ()
    try:
        return tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"Cannot read the policy {file}: {error}.", field="annotate_policy") from None
