"""The recall routes by name, opened for an index with the encoders that they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from multirecall.core.errors import FingerprintMismatch, InvalidSettings
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, IndexInfo
from multirecall.engines.schema import VectorField
from multirecall.indexer.texts import vector_fingerprint
from multirecall.recall.base import Route
from multirecall.recall.dense import DenseRoute
from multirecall.recall.lexical import LexicalRoute
from multirecall.recall.rewrite import RewriteRoute
from multirecall.search.serving.query_vectors import RememberingEncoder
from multirecall.search.serving.shared_vectors import SharedVectors
from multirecall.wiring.engines import opened_encoder
from multirecall.wiring.generative_routes import open_multispan_route, open_semantic_id_route
from multirecall.wiring.rewriter_models import RewriterModels
from multirecall.wiring.rewriters import opened_rewriters
from multirecall.wiring.settings import Settings

__all__ = ["ROUTES", "OpenRoutes", "open_routes", "route_names"]

ROUTES = ("lexical", "dense", "rewrite", "semantic_id", "multispan", "xmc")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoutes:
    """Routes, the encoders that they need by vector field, and what the user should know."""

    routes: list[Route] = field(default_factory=list)
    encoders: dict[str, Encoder] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def route_names(text: str) -> list[str]:
    """Names with commas between them, each once. Raises InvalidSettings for an unknown one, or none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(ROUTES))
    if unknown or not names:
        raise InvalidSettings(
            f"Unknown route {', '.join(unknown) or text!r}.", hint=f"Known routes: {', '.join(ROUTES)}.", field="routes"
        )
    return list(dict.fromkeys(names))


def open_routes(
    settings: Settings,
    index: IndexInfo,
    names: Sequence[str],
    *,
    engine: Engine,
    models: RewriterModels | None = None,
    k: int,
    encoder: str | None = None,
    may_leave_out: bool = False,
    vector_bytes: int = 0,
    shared_vectors: SharedVectors | None = None,
) -> OpenRoutes:
    """The named routes for that index. Rewritings are asked of the vectors if route `dense` is among them.

    `engine`: that of the index; a generative route asks it what there is to generate.
    `may_leave_out`: without vectors in the index, `dense` is left out with a note, if another route is there.
    `vector_bytes` above 0: so much memory for the vectors of queries, and behind it `shared_vectors`.
    Raises FingerprintMismatch if the encoder is not the one that made the index's vectors.
    """
    opened = OpenRoutes()
    vectors = index.schema.vectors[0] if index.schema.vectors else None
    if not {"dense", "semantic_id"}.isdisjoint(names) and vectors is not None:
        model = _vector_encoder(settings, vectors, index, encoder)
        opened.encoders[vectors.name] = (
            RememberingEncoder(model, max_bytes=vector_bytes, shared=shared_vectors) if vector_bytes else model
        )
    for name in names:
        if name == "lexical":
            opened.routes.append(LexicalRoute(k=k))
        elif name == "rewrite":
            vector_field = vectors.name if vectors is not None and "dense" in names else None
            opened.routes.append(_rewrite_route(settings, index, opened, models, k=k, vector_field=vector_field))
        elif name == "semantic_id":
            opened.routes.append(open_semantic_id_route(engine, index, k=k))
        elif name == "multispan":
            opened.routes.append(open_multispan_route(settings.multispan, k=k))
        elif name == "xmc":
            opened.routes.append(_xmc_route(settings, k=k))
        elif vectors is not None:
            opened.routes.append(DenseRoute(k=k, field=vectors.name))
        elif may_leave_out and len(names) > 1:
            opened.notes.append("The index has no vectors: the dense route is left out.")
        else:
            raise InvalidSettings(
                f"Index {index.name} has no vectors, so route 'dense' cannot run.",
                hint="Index the catalogue with an encoder, e.g. --encoder onnx.",
                field="routes",
            )
    return opened


def _xmc_route(settings: Settings, *, k: int) -> Route:
    """The route with the tree of the settings, which any index of these products can use."""
    from multirecall.recall.xmc.artefact import open_tree  # numba, for those alone who use it
    from multirecall.recall.xmc.route import XmcRoute

    if settings.xmc_tree is None:
        raise InvalidSettings(
            "Route 'xmc' has no tree.",
            hint="`multirecall train xmc --out FILE`, then set MULTIRECALL_XMC_TREE=FILE.",
            field="xmc_tree",
        )
    return XmcRoute(tree=open_tree(settings.xmc_tree), k=k)


def _rewrite_route(
    settings: Settings,
    index: IndexInfo,
    opened: OpenRoutes,
    models: RewriterModels | None,
    *,
    k: int,
    vector_field: str | None,
) -> RewriteRoute:
    """The route of the settings; what its rewriters are to hold and do not comes to the notes."""
    rewriters = opened_rewriters(settings, language=index.schema.language, models=models)
    opened.notes.extend(rewriters.notes)
    if not (rewriters.repairs or rewriters.alternatives):
        raise InvalidSettings(
            "Route 'rewrite' has no rewriter that can be used.",
            hint=" ".join(rewriters.notes) or "Set MULTIRECALL_REWRITERS.",
            field="rewriters",
        )
    second = None
    if spec := settings.rewrite_second:
        second = opened_rewriters(settings, language=index.schema.language, models=models, spec=spec)
        opened.notes.extend(second.notes)
    return RewriteRoute(
        rewriters=rewriters,
        k=k,
        vector_field=vector_field,
        merge=settings.rewrite_merge,
        feedback=settings.rewrite_feedback,
        second=second,
    )


def _vector_encoder(settings: Settings, field: VectorField, index: IndexInfo, spec: str | None) -> Encoder:
    """The encoder that made the index's vectors. Raises FingerprintMismatch if it has changed since."""
    encoder = opened_encoder(settings, spec or field.encoder)
    found = vector_fingerprint(encoder, str(index.schema.metadata.get("text_template", "")))
    if found != field.fingerprint:
        again = f"index the catalogue again with --encoder '{encoder.spec}'"
        fix = f"Either search with --encoder '{field.encoder}', or {again}."
        if encoder.spec == field.encoder:
            fix = f"The model itself or the way it is run has changed since: {again}."
        raise FingerprintMismatch(
            f"The vectors of index {index.name} were made by encoder {field.encoder!r} ({field.fingerprint}), "
            f"but {encoder.spec!r} ({encoder.name}) gives {found}: their scores would mean nothing.",
            hint=fix,
            expected=field.fingerprint,
            found=found,
        )
    return encoder
