from pathlib import Path
from typing import Any

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from multirecall.core.errors import EncoderError
from multirecall.encoders.locating import model_folder, package_folder


def test_a_package_is_found_without_importing_it() -> None:
    import sys

    folder = package_folder("multirecall")
    assert folder is not None
    assert (folder / "__init__.py").is_file()
    assert package_folder("no_such_package_anywhere") is None
    assert "no_such_package_anywhere" not in sys.modules


def test_a_folder_on_disk_wins_over_a_hub_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert model_folder("owner/name") == tmp_path / "owner" / "name"


@pytest.mark.parametrize("model", ["./gone", "/gone/model", "~/gone-model-folder", "a/b/c", "..\\gone"])
def test_what_can_only_be_a_path_never_asks_the_hub(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> str:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(EncoderError, match="no model folder"):
        model_folder(model)


class Hub:
    """A hub whose local cache is empty or not, and whose network fails with `error`, or answers."""

    def __init__(self, *, cached: Path | None = None, fetched: Path | None = None, error: Exception | None = None):
        self.cached, self.fetched, self.error = cached, fetched, error
        self.asked_network = False

    def __call__(self, _name: str, *, allow_patterns: list[str], local_files_only: bool = False, **_: Any) -> str:
        assert "model.safetensors" in allow_patterns
        if local_files_only:
            if self.cached is None:
                raise LocalEntryNotFoundError("not cached")
            return str(self.cached)
        self.asked_network = True
        if self.error is not None:
            raise self.error
        return str(self.fetched)


def test_the_hubs_local_cache_is_used_without_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(cached=tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    assert model_folder("owner/name") == tmp_path
    assert not hub.asked_network


def test_a_name_that_is_not_cached_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(fetched=tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    assert model_folder("owner/name") == tmp_path
    assert hub.asked_network


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("no route to host"), OSError("no route to host"), LocalEntryNotFoundError("no route to host")],
)
def test_a_hub_that_cannot_be_reached_is_an_encoder_error_with_the_way_out(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", Hub(error=error))
    with pytest.raises(EncoderError, match="no route to host") as caught:
        model_folder("owner/name")
    assert "local model folder" in caught.value.hint


def test_a_name_the_hub_would_never_have_is_an_encoder_error() -> None:
    with pytest.raises(EncoderError, match="is no folder here"):
        model_folder("owner/na me!")


def test_a_name_without_an_owner_is_a_folder_that_was_misspelt(monkeypatch: pytest.MonkeyPatch) -> None:
    def cache_only(name: str, *, local_files_only: bool = False, **options: object) -> str:
        assert local_files_only, "the network was asked"
        raise LocalEntryNotFoundError("empty")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", cache_only)
    with pytest.raises(EncoderError, match="no model folder tuned here"):
        model_folder("tuned")
