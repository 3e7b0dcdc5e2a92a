"""BlenderModel: what training hands to serving: trees, the features they want, term statistics, calibration, card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput, InvalidSettings, MultirecallError
from multirecall.fusion.calibration import Calibration, calibration_from
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.rewriting_match import REWRITTEN
from multirecall.fusion.features.term_statistics import TermStatistics
from multirecall.fusion.trees import Trees

__all__ = ["CARD_FILE", "MODEL_FILES", "TERMS_FILE", "TREES_FILE", "BlenderModel"]

TREES_FILE, CARD_FILE, TERMS_FILE = "trees.txt", "card.json", "terms.json"
MODEL_FILES = (TREES_FILE, CARD_FILE, TERMS_FILE)
FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlenderModel:
    """A trained blender. `language` is that of the index's analysis, in which terms were counted and compared.

    `calibration` turns a score into the probability that a shopper would call the product relevant (`relevant_grade`
    or better); `no_good_result` is the probability below which a list's best product is not worth showing as an answer,
    `tail_cut` that at which a list may end; 0 where training found none.
    `card` says how it was trained and what it reached.
    """

    features: FeatureSet
    booster: lightgbm.Booster
    terms: TermStatistics
    language: str
    calibration: Calibration | None = None
    no_good_result: float = 0.0
    tail_cut: float = 0.0
    card: Mapping[str, Any] = field(default_factory=dict)
    used: tuple[bool, ...] = field(init=False, repr=False)
    """Of each feature whether a tree splits by it: what is always missing in a catalogue, or always the same, is not
    worth its time in a search."""
    _trees: Trees = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = tuple(self.booster.feature_name())
        if found != self.features.names:
            raise InvalidSettings(
                f"The trees were trained on {len(found)} features that are not those of this version.",
                hint="Train the blender again: multirecall train blender.",
                field="blender",
            )

        object.__setattr__(self, "_trees", Trees.of(self.booster.model_to_string()))
        object.__setattr__(self, "used", tuple((self.booster.feature_importance("split") > 0).tolist()))

    @property
    def reads_rewritings(self) -> bool:
        """Whether a tree splits by what the query's rewritings have in common with a product."""
        names = self.features.names
        return any(used and name.startswith(REWRITTEN) for name, used in zip(names, self.used, strict=True))

    def scores(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score of each row; comparable within a query. Shape (n, features) in, (n,) out."""
        return self._trees.scores(matrix)

    def contributions(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each feature adds to each row's score (TreeSHAP), and the constant in the last column.

        Shape (n, features + 1); each row adds up to its score. Lundberg et al., Nature Machine Intelligence 2020.
        """
        if not len(matrix):
            return np.empty((0, len(self.features.names) + 1))
        return np.asarray(self.booster.predict(matrix, num_threads=1, pred_contrib=True), dtype=np.float64)

    def to_files(self) -> dict[str, str]:
        """The texts of the files that a model folder holds, by name; `from_files` reads them."""
        card = {
            "format": FORMAT,
            "routes": list(self.features.routes),
            "rewritings": self.features.rewritings,
            "features": self.features.fingerprint,
            "language": self.language,
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "no_good_result": self.no_good_result,
            "tail_cut": self.tail_cut,
            "card": dict(self.card),
        }
        return {
            TREES_FILE: self.booster.model_to_string(),
            CARD_FILE: json.dumps(card, indent=1, sort_keys=True) + "\n",
            TERMS_FILE: json.dumps(self.terms.to_dict(), ensure_ascii=False, sort_keys=True) + "\n",
        }

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> BlenderModel:
        """The model that `to_files` wrote down.

        Raises InvalidSettings for a missing or broken file, and for features that are not those of this version.
        """
        missing = [name for name in MODEL_FILES if name not in files]
        if missing:
            raise _unusable(f"it lacks {', '.join(missing)}")
        try:
            card, terms = json.loads(files[CARD_FILE]), json.loads(files[TERMS_FILE])
            if card["format"] != FORMAT:
                raise _unusable(f"it has format {card['format']}, this version reads format {FORMAT}")
            features = FeatureSet(routes=tuple(card["routes"]), rewritings=bool(card.get("rewritings")))
            if features.fingerprint != card["features"]:
                raise _unusable(
                    f"it was trained on features {card['features']}, this version computes {features.fingerprint}"
                )
            booster = lightgbm.Booster(model_str=files[TREES_FILE])
            calibration = None if card["calibration"] is None else calibration_from(card["calibration"])
            return cls(
                features=features,
                booster=booster,
                terms=TermStatistics.from_dict(terms),
                language=str(card["language"]),
                calibration=calibration,
                no_good_result=float(card["no_good_result"]),
                tail_cut=float(card["tail_cut"]),
                card=card["card"],
            )
        except InvalidInput as error:
            raise _unusable(error.message) from None
        except MultirecallError:
            raise
        except (KeyError, TypeError, ValueError, lightgbm.basic.LightGBMError) as error:
            raise _unusable(f"it is broken ({type(error).__name__}: {error})") from None


def _unusable(why: str) -> InvalidSettings:
    return InvalidSettings(
        f"The blender model cannot be used: {why}.",
        hint="Train it again: multirecall train blender.",
        field="fusion",
    )
