"""A searcher by the settings: routes, fusion and encoders that fit the index."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256

from multirecall.core.errors import InvalidSettings
from multirecall.engines.base import Engine, IndexInfo
from multirecall.fusion.base import Fusion, reads_rewritings
from multirecall.fusion.explaining import ExplainsItself
from multirecall.search.breaker import Breaker
from multirecall.search.live import LiveSearcher
from multirecall.search.pipeline import Searcher
from multirecall.search.serving.shared_vectors import SharedVectors
from multirecall.wiring.blenders import BLENDER_PREFIX, blender_stamp, fusion_for
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.policies import load_policy, policy_note
from multirecall.wiring.query_vectors import shared_vectors
from multirecall.wiring.rewriter_models import RewriterModels
from multirecall.wiring.rewriters import quick_rewriters
from multirecall.wiring.routes import ROUTES, open_routes, route_names
from multirecall.wiring.settings import Settings

__all__ = ["OpenSearcher", "check_weights", "opened_live_searcher", "opened_searcher"]

_log = logging.getLogger("multirecall.search")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSearcher:
    """A searcher with the index it was opened on."""

    searcher: Searcher
    engine: Engine
    index: IndexInfo
    notes: tuple[str, ...] = ()


@contextmanager
def opened_searcher(
    settings: Settings,
    *,
    engine_url: str | None = None,
    routes: str | None = None,
    fusion: str | None = None,
    encoder: str | None = None,
    candidates: int | None = None,
    timeout_s: float | None = None,
    index: str | None = None,
    use_policy: bool = True,
    rewritings: bool = False,
) -> Iterator[OpenSearcher]:
    """A searcher on the live index, or the named one; everything it opened is closed at the end.

    It stays on that index when another goes live. Raises FingerprintMismatch if the encoder is not the one that made
    the index's vectors, NotFound if there is no index yet. Without `routes`, an index without vectors is searched by
    the lexical route alone, with a note. `use_policy` False asks every route of every query, whatever policy is set:
    what learns from the routes must see all of them. `rewritings`: queries are said in other words also for a fusion
    that does not look at these, for what learns a fusion that will.
    """
    with ExitStack() as stack:
        engine = stack.enter_context(opened_engine(settings, engine_url))
        info = engine.info(index=index)
        models = stack.enter_context(RewriterModels(settings, patient=True))
        searcher, notes = _searcher(
            settings, engine, info, models, routes=routes, fusion=fusion, encoder=encoder, candidates=candidates,
            timeout_s=timeout_s, use_policy=use_policy, rewritings=rewritings,
        )  # fmt: skip
        yield OpenSearcher(searcher=stack.enter_context(searcher), engine=engine, index=info, notes=notes)


@contextmanager
def opened_live_searcher(
    settings: Settings, *, engine_url: str | None = None, remember_vectors: bool = False
) -> Iterator[LiveSearcher]:
    """A searcher that goes over to each index that goes live, with that index's own encoder.

    A blender that is trained anew in its folder answers seconds later. One breaker guards the engine for all of them.
    `remember_vectors` keeps the vectors of queries, as the settings say.

    Before the first catalogue there may not even be a folder for an embedded engine: it is made.
    """
    with ExitStack() as stack:
        engine = stack.enter_context(opened_engine(settings, engine_url, create=True))

        breaker = Breaker("the engine")
        models = stack.enter_context(RewriterModels(settings))
        vector_bytes = settings.cache_vectors_mb * 1024 * 1024 if remember_vectors else 0
        vectors = shared_vectors(settings) if remember_vectors else None
        if vectors is not None:
            stack.callback(vectors.close)

        def open_generation(info: IndexInfo) -> Searcher:
            searcher, notes = _searcher(
                settings, engine, info, models, breaker=breaker, vector_bytes=vector_bytes, remembered=vectors
            )
            for note in notes:  # nobody reads them beside an answer here, as on the command line
                _log.warning("%s", note)
            return searcher

        yield stack.enter_context(
            LiveSearcher(
                engine,
                open_generation,
                timeout_s=settings.timeout_s,
                breaker=breaker,
                made_of=lambda: blender_stamp(settings.fusion),
            )
        )


def _searcher(
    settings: Settings,
    engine: Engine,
    index: IndexInfo,
    models: RewriterModels,
    *,
    routes: str | None = None,
    fusion: str | None = None,
    encoder: str | None = None,
    candidates: int | None = None,
    timeout_s: float | None = None,
    use_policy: bool = True,
    breaker: Breaker | None = None,
    vector_bytes: int = 0,
    remembered: SharedVectors | None = None,
    rewritings: bool = False,
) -> tuple[Searcher, tuple[str, ...]]:
    """The searcher of one index, and what the user should know about it."""
    names = route_names(routes or settings.routes)
    k = candidates or settings.candidates
    chosen_fusion = fusion_for(fusion or settings.fusion, routes=names, language=index.schema.language)
    check_weights(fusion or settings.fusion, names)
    opened = open_routes(
        settings,
        index,
        names,
        models=models,
        engine=engine,
        k=k,
        encoder=encoder,
        may_leave_out=routes is None,
        vector_bytes=vector_bytes,
        shared_vectors=remembered,
    )
    notes = list(opened.notes)
    rewriters = None
    if rewritings or reads_rewritings(chosen_fusion):
        chain = quick_rewriters(settings, language=index.schema.language, routes=opened.routes)
        notes += [note for note in chain.notes if note not in notes]
        rewriters = chain if chain.repairs or chain.alternatives else None
    policy = load_policy(settings.route_policy) if use_policy and settings.route_policy else None
    if policy is not None and (note := policy_note(policy, chosen_fusion)):
        notes.append(note)
    searcher = Searcher(
        engine,
        routes=opened.routes,
        fusion=chosen_fusion,
        encoders=opened.encoders,
        timeout_s=timeout_s or settings.timeout_s,
        index=index.name,
        identity=_identity(index, chosen_fusion),
        policy=policy,
        breaker=breaker,
        rewriters=rewriters,
    )
    return searcher, tuple(notes)


def _identity(index: IndexInfo, fusion: Fusion) -> str:
    """What tells this index from another of its name, and a trained fusion from another in the same folder."""
    digest = sha256(repr(index.schema).encode("utf-8", "surrogatepass"))  # its metadata say when it was built
    if isinstance(fusion, ExplainsItself):
        from multirecall.fusion.blender import Blender  # it is loaded already; without one, LightGBM need not be

        if isinstance(fusion, Blender):
            digest.update(repr(sorted(fusion.model.to_files().items())).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def check_weights(spec: str, routes: Sequence[str]) -> None:
    """A weight for a route that does not exist is a typo, and a silent one would be a wrong ranking."""
    if spec.strip().startswith(BLENDER_PREFIX):
        return
    _, _, tail = spec.partition("?")
    names = {part.partition("=")[0] for part in tail.split("&") if part} - {"k"}
    unknown = sorted(names - set(ROUTES))
    if unknown:
        raise InvalidSettings(
            f"The fusion {spec!r} weighs an unknown route: {', '.join(unknown)}.",
            hint=f"Routes: {', '.join(routes)}.",
            field="fusion",
        )
