"""Settings of the process: from MULTIRECALL_* variables and `[settings]` in multirecall.toml, built by each command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from multirecall.core.errors import InvalidSettings
from multirecall.wiring.annotator_settings import AnnotatorSettings
from multirecall.wiring.cache_settings import CacheSettings
from multirecall.wiring.page_settings import PageSettings
from multirecall.wiring.rewriter_settings import RewriterSettings
from multirecall.wiring.service_settings import ServiceSettings

__all__ = ["CONFIG_FILE", "Settings", "load_settings", "shown_settings"]

CONFIG_FILE = "multirecall.toml"


class _SettingsSection(TomlConfigSettingsSource):
    """The table `[settings]` of multirecall.toml; the other tables (`[mapping]`) are not settings."""

    def __call__(self) -> dict[str, Any]:
        section = super().__call__().get("settings", {})
        return section if isinstance(section, dict) else {"settings": section}


class Settings(ServiceSettings, PageSettings, CacheSettings, RewriterSettings, AnnotatorSettings):
    """Every setting has a default; the environment wins over the file. Secrets belong into the environment."""

    model_config = SettingsConfigDict(
        env_prefix="MULTIRECALL_", toml_file=CONFIG_FILE, extra="forbid", frozen=True, validate_default=True
    )

    engine: str = Field("embedded:.multirecall/index", description="engine URL used when --engine is not given")
    engine_second_url: str = Field(
        "", pattern="^(https?://.*)?$", description="another node of the cluster, asked too if the first is late"
    )
    engine_user: str = Field("", description="user name for the engine")
    engine_password: SecretStr = Field(SecretStr(""), description="password for the engine")
    engine_api_key: SecretStr = Field(SecretStr(""), description="API key for the engine, instead of user and password")
    engine_ca_file: Path | None = Field(None, description="PEM file of the authority that signed the engine's key")
    engine_verify_tls: bool = Field(True, description="check the engine's certificate")
    engine_timeout_s: float = Field(10.0, gt=0, le=600, description="longest wait for one answer, seconds")
    encoder: str = Field("onnx", description="encoder for indexing: onnx, onnx?precision=fp32, static, …")
    vector_index: str = Field(
        "", description="vector index kind: hnsw, int8_hnsw, bbq_hnsw, flat; empty: the engine's best"
    )
    labels: str = Field("", description="models that label products, comma-separated: semantic_id:FOLDER; empty: none")
    encoder_threads: int = Field(0, ge=0, le=256, description="threads of the encoder; 0: one per core")
    routes: str = Field(
        "lexical,dense",
        description="recall routes, comma-separated: lexical, dense, rewrite, semantic_id, multispan, xmc",
    )
    multispan: Path | None = Field(None, description="folder of `multirecall train multispan`; empty: none")
    xmc_tree: Path | None = Field(None, description="file of `multirecall train xmc`, for the route xmc; empty: none")
    fusion: str = Field("weighted_sum", description="weighted_sum, rrf?k=20, weighted_sum?dense=0.6, blender:PATH")
    route_policy: Path | None = Field(
        None, description="file of a learned policy that leaves routes out of some queries; empty: none"
    )
    candidates: int = Field(100, ge=1, le=1000, description="hits asked of each route")
    timeout_s: float = Field(1.0, gt=0, le=600, description="time budget of a search, seconds")
    cache_dir: Path = Field(Path("~/.cache/multirecall"), description="where built model graphs are kept")
    price_minor_units: int = Field(2, ge=0, le=4, description="decimal digits of the currency, for price filters")
    redis: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="Redis of the workers: jobs, batches, dead letters"
    )
    broker: SecretStr = Field(SecretStr(""), description="Celery broker of the workers; empty: the same Redis")
    namespace: str = Field(
        "multirecall", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="prefix of all keys and queues in Redis"
    )
    batch_rows: int = Field(256, ge=1, le=10_000, description="items in a batch of the workers")
    max_waiting_batches: int = Field(64, ge=1, le=100_000, description="batches in a queue before producers wait")
    lease_s: float = Field(30.0, ge=0.5, le=3600, description="a batch goes to another worker after so long in silence")
    sweep_s: float = Field(1.0, ge=0.05, le=60, description="how often workers look for what was left, seconds")
    announce_again_s: float = Field(10.0, ge=0.1, le=3600, description="how long a batch waits before it is told again")
    max_backoff_s: float = Field(30.0, gt=0, le=3600, description="longest wait between two tries, seconds")
    max_tries: int = Field(8, ge=1, le=100, description="tries of one product before it becomes a dead letter")
    max_dead_letters: int = Field(100_000, ge=1, description="dead letters before the workers take on nothing more")
    keep_tombstones_days: float = Field(30.0, gt=0, le=3650, description="how long a deleted product is remembered")
    prune_every_h: float = Field(1.0, gt=0, le=8760, description="hours between two times that beat forgets tombstones")
    keep_generations: int = Field(2, ge=1, le=100, description="indexes kept after a swap, the live one included")
    vector_cache_ttl_s: int = Field(86_400, ge=0, le=31_536_000, description="vectors kept in Redis; 0: none")
    judgments: Path | None = Field(None, description="judgments for the gate of a rebuild (TSV or TREC qrels)")
    judged_queries: Path | None = Field(None, description="the queries of those judgments (TSV)")
    evaluate_every_h: float = Field(0.0, ge=0, le=8760, description="hours between evaluations by beat; 0: none")
    blender_dir: Path | None = Field(None, description="folder of the blender to train; empty: blender in cache_dir")
    train_blender_every_h: float = Field(
        0.0, ge=0, le=8760, description="hours between trainings of the blender by beat; 0: none"
    )
    log_level: str = Field("info", pattern=r"(?i)^(debug|info|warning|error)$", description="level of the logs")

    @field_validator(
        "judgments", "judged_queries", "reports", "rewriter_dir", "synonyms", "knowledge", "annotate_policy",
        "multispan", "xmc_tree",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _nothing_is_no_file(cls, value: Any) -> Any:
        """A variable that is set to nothing; as a path it would be the present folder."""
        return None if value == "" else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _SettingsSection(settings_cls)


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. Raises InvalidSettings that names the setting, its source and its range."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise InvalidSettings(
            f"Setting {name!r}: {first['msg']}.",
            hint=f"Set MULTIRECALL_{name.upper()} or [settings] {name} in {CONFIG_FILE}; "
            "`multirecall settings show` lists all of them.",
            field=name,
        ) from None
    except ValueError as error:  # a multirecall.toml that is no TOML
        raise InvalidSettings(f"Cannot read {CONFIG_FILE}: {error}.", field=CONFIG_FILE) from None


def shown_settings(settings: Settings) -> list[dict[str, Any]]:
    """Name, value, default and meaning of each setting; secrets are masked."""
    rows = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        default = field.get_default()
        if isinstance(value, SecretStr):
            value, default = "********" if value.get_secret_value() else "", ""
        rows.append(
            {
                "name": name,
                "value": str(value) if isinstance(value, Path) else value,
                "default": str(default) if isinstance(default, Path) else default,
                "meaning": field.description or "",
            }
        )
    return rows
