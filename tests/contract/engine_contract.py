"""The engine contract: one suite that every Engine passes. A new engine subclasses it and names itself.

The parts stand in `tests/contract/engine/`, so that an engine in the making can take those that apply already.
"""

from __future__ import annotations

from tests.contract.engine.capabilities import CapabilitiesContract
from tests.contract.engine.concurrency import ConcurrencyContract
from tests.contract.engine.facets_and_sort import FacetContract, SortContract
from tests.contract.engine.fetching import CountContract, FetchContract, ScanContract
from tests.contract.engine.filtering import FilterContract, InvalidFilterContract, NarrowFilterContract
from tests.contract.engine.holding import HoldingContract, LabelContract
from tests.contract.engine.hostile import HostileProductContract, HostileQueryContract
from tests.contract.engine.lifecycle import AliasContract, LifecycleContract, SchemaContract
from tests.contract.engine.product_text import PartNumberContract, TypoContract, WordContract
from tests.contract.engine.returned import ReturnedFieldContract
from tests.contract.engine.searching import DeadlineContract, LexicalContract, SearchContract, VectorContract
from tests.contract.engine.versioning import MergeContract, PruneContract, TombstoneContract
from tests.contract.engine.writing import DeleteContract, UpdateContract, VersionContract, WriteContract

__all__ = ["EngineContract"]


class EngineContract(
    LifecycleContract,
    AliasContract,
    SchemaContract,
    CapabilitiesContract,
    WriteContract,
    VersionContract,
    UpdateContract,
    DeleteContract,
    MergeContract,
    TombstoneContract,
    PruneContract,
    FetchContract,
    ScanContract,
    CountContract,
    FilterContract,
    NarrowFilterContract,
    InvalidFilterContract,
    SearchContract,
    LexicalContract,
    HoldingContract,
    LabelContract,
    VectorContract,
    DeadlineContract,
    ReturnedFieldContract,
    FacetContract,
    SortContract,
    PartNumberContract,
    WordContract,
    TypoContract,
    HostileQueryContract,
    HostileProductContract,
    ConcurrencyContract,
):
    """`engine_name` is one of `tests.contract.gaps.ENGINES`; the fixtures of `conftest.py` open that engine."""

    engine_name: str
