"""What a new user does wrong, and what the command line says to it: a message with the fix, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multirecall.engine.commands import free_ports
from tests.e2e.command import Outcome, multirecall

ROWS = [
    {
        "id": "a1",
        "title": "HP LaserJet 4250 toner",
        "brand": "HP",
        "price": 49.99,
        "description": "Black, 10,000 pages",
    },
    {"id": "a2", "title": "Brother laser printer", "brand": "Brother", "price": 199.0, "description": "Mono, duplex"},
    {"id": "a3", "title": "USB-C cable 2 m", "brand": "StarTech.com", "price": 12.5, "description": "Charging cable"},
]
ENCODER = ("--encoder", "hashing")


def refused(outcome: Outcome, *words: str, code: int | None = None) -> None:
    """The command failed with a message that holds all words, on standard error, and without a traceback."""
    assert outcome.code != 0
    assert code is None or outcome.code == code
    assert outcome.err.startswith("Error:")
    assert "Traceback" not in outcome.err + outcome.out
    flat = " ".join(outcome.err.split())
    for word in words:
        assert word in flat, flat


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIRECALL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def lines(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def indexed(shop: Path) -> Path:
    assert multirecall("index", lines(shop / "c.jsonl", ROWS), "--engine", "embedded:shop", *ENCODER).code == 0
    return shop


def search(*arguments: str) -> Outcome:
    return multirecall("search", *arguments, "--engine", "embedded:shop")


def ids(outcome: Outcome) -> list[str]:
    return [hit["id"] for hit in outcome.json["hits"]["hits"]]


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize("url", ["shop", "http://127.0.0.1:9200", "elastic+http://x/y", "embedded:", "nonsense:"])
def test_a_url_of_another_form_lists_the_forms(shop: Path, url: str) -> None:
    refused(multirecall("search", "x", "--engine", url), "embedded:PATH", code=2)


def test_a_folder_that_is_no_index_says_how_to_make_one(shop: Path) -> None:
    refused(multirecall("search", "x", "--engine", "embedded:nowhere"), "multirecall index", code=3)


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_a_server_that_is_down_says_how_to_start_one(shop: Path, kind: str) -> None:
    url = f"{kind}+http://127.0.0.1:{free_ports(1)[0]}/products"
    refused(multirecall("search", "x", "--engine", url), f"multirecall engine up {kind}", code=8)


def test_a_password_in_the_url_is_refused_and_not_shown(shop: Path) -> None:
    outcome = multirecall("search", "x", "--engine", "elasticsearch+http://bob:s3cret@127.0.0.1:9200/p")
    refused(outcome, "MULTIRECALL_ENGINE_PASSWORD", code=2)
    assert "s3cret" not in outcome.err


def test_a_user_without_password_is_refused(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIRECALL_ENGINE_USER", "bob")
    refused(multirecall("search", "x", "--engine", "exact:"), "MULTIRECALL_ENGINE_PASSWORD", code=2)


# ---------------------------------------------------------------- files


def test_a_missing_file(shop: Path) -> None:
    refused(multirecall("index", "nowhere.jsonl", "--engine", "embedded:shop", *ENCODER), "nowhere.jsonl", code=2)


def test_an_empty_file(shop: Path) -> None:
    (shop / "empty.jsonl").touch()
    refused(multirecall("index", "empty.jsonl", "--engine", "embedded:shop", *ENCODER), "empty.jsonl")
    refused(search("x"), "multirecall index")


def test_a_csv_without_a_mapped_column_names_the_nearest(shop: Path) -> None:
    (shop / "c.csv").write_text("id,name,prise\n1,Toner,3\n")
    (shop / "multirecall.toml").write_text('[mapping]\nid = "id"\ntitle = "name"\nprice = { field = "price" }\n')
    refused(multirecall("index", "c.csv", "--engine", "embedded:shop", *ENCODER), "price", "prise", code=2)


def test_rows_without_id_and_duplicate_ids_go_to_the_rejects_file(shop: Path) -> None:
    rows = [*ROWS, {"title": "No id"}, {"id": "", "title": "Empty id"}, {**ROWS[0], "title": "Again"}]
    outcome = multirecall("index", lines(shop / "c.jsonl", rows), "--engine", "embedded:shop", *ENCODER, "--json")
    assert outcome.code == 0, outcome.err
    report = outcome.json
    assert (report["read"], report["written"], report["rejected"], report["duplicates"]) == (6, 3, 3, 1)
    rejects = [json.loads(line) for line in Path(report["rejects_path"]).read_text().splitlines()]
    assert [(r["line"], r["field"]) for r in rejects] == [(4, "id"), (5, "id"), (6, "id")]
    assert all(r["reason"] for r in rejects)


def test_prices_html_nul_bytes_surrogates_and_huge_texts_go_in(shop: Path) -> None:
    rows = [
        {"id": "p", "title": "Chair", "price": "12,50 €"},
        {"id": "h", "title": "<b>Desk</b> &amp; lamp", "description": "5 < 10<br />two<script>x()</script>"},
        {"id": "n", "title": "Nul\x00byte", "description": "lone \ud800 surrogate"},
        {"id": "big", "title": "Big", "description": "word " * 420_000},
    ]
    outcome = multirecall("index", lines(shop / "c.jsonl", rows), "--engine", "embedded:shop", *ENCODER, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["written"] == 4
    products = {h["id"]: h["product"] for h in search("", "--json").json["hits"]["hits"]}
    assert (products["p"]["price_minor"], products["p"]["currency"]) == (1_250, "EUR")
    assert products["h"]["title"] == "Desk & lamp"
    assert products["n"]["title"] == "Nul byte" or products["n"]["title"] == "Nulbyte"
    assert ids(search("desk", "--routes", "lexical", "--json")) == ["h"]


# ---------------------------------------------------------------- encoders


def test_an_encoder_that_did_not_make_the_index_is_refused_with_both_names(indexed: Path) -> None:
    refused(
        search("toner", "--encoder", "hashing?dim=128"),
        "hashing?dim=128",
        "'hashing'",
        "index the catalogue again",
        code=5,
    )


def test_an_unknown_encoder_lists_the_known(shop: Path) -> None:
    outcome = multirecall("index", lines(shop / "c.jsonl", ROWS), "--engine", "embedded:shop", "--encoder", "bert9000")
    refused(outcome, "onnx", "static", code=2)


# ---------------------------------------------------------------- queries


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "AND OR (",
        "\\\\",
        "title:",
        "*",
        "toner " * 2_000,
        "😀",
        "the of and",
        "",
        "a\tb",
        "打印机",
        "x\u202ey",
        "'; --",
    ],
    ids=lambda t: ascii(t[:12]),
)
def test_hostile_queries_are_answered(indexed: Path, text: str) -> None:
    outcome = search(text, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["degraded"] == {}
    assert search(text).code == 0


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("LJ4250 hp laserjet", "a1"),
        ("laserjet-4250", "a1"),
        ("usbc cable", "a3"),
        ("USB C 2m", "a3"),
        ("printers", "a2"),
        ("tonner", "a1"),
    ],
)
def test_products_are_found_however_they_are_typed(indexed: Path, typed: str, found: str) -> None:
    assert ids(search(typed, "--routes", "lexical", "--json"))[0] == found


def test_filters_facets_sort_and_explain(indexed: Path) -> None:
    assert set(ids(search("laser", "--filter", "price<=100", "--json"))) == {"a1", "a3"}
    assert ids(search("laser", "--sort", "price:desc", "--json"))[0] == "a2"
    body = search("laser", "--facet", "brand", "--facet", "price:20,100", "--json").json
    assert body["facets"]["over"] == "lexical"
    shown = search("laser", "--facet", "brand", "--facet", "price:20,100", "--explain").out
    for word in ("lexical", "dense", "raw score", "normalised", "brand", "20 - 100", "took"):
        assert word in shown


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--filter", "colour=red", "attributes"),
        ("--filter", "price", "field=value"),
        ("--filter", "attributes.width<3", "numeric_attributes"),
        ("--facet", "nothing", "Known"),
        ("--routes", "telepathy", "lexical"),
        ("--fusion", "magic", "weighted_sum"),
        ("--fusion", "rrf?dence=2", "dence"),
        ("--sort", "price:up", "price:asc"),
    ],
)
def test_wrong_options_say_what_is_right(indexed: Path, option: str, value: str, word: str) -> None:
    refused(search("toner", option, value), word, code=2)


# ---------------------------------------------------------------- settings


def test_settings_are_shown_with_secrets_masked(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIRECALL_ENGINE_PASSWORD", "s3cret")
    monkeypatch.setenv("MULTIRECALL_FUSION", "rrf")
    for arguments in (["settings", "show"], ["settings", "show", "--json"]):
        outcome = multirecall(*arguments)
        assert outcome.code == 0
        assert "s3cret" not in outcome.out
        assert "rrf" in outcome.out


@pytest.mark.parametrize(("name", "value"), [("TIMEOUT_S", "-1"), ("CANDIDATES", "many"), ("TIMEOUT_S", "0")])
def test_a_wrong_setting_names_itself(shop: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"MULTIRECALL_{name}", value)
    refused(multirecall("settings", "show"), f"MULTIRECALL_{name}", code=2)


def test_a_broken_settings_file_is_named(shop: Path) -> None:
    (shop / "multirecall.toml").write_text("[settings\n")
    refused(multirecall("settings", "show"), "multirecall.toml", code=2)


def test_errors_are_json_under_json(shop: Path) -> None:
    outcome = multirecall("search", "x", "--engine", "embedded:nowhere", "--json")
    assert outcome.code == 3
    assert outcome.json["error"]["code"] == "not_found"
    assert outcome.json["error"]["hint"]


@pytest.mark.parametrize(
    "words", [[], ["index"], ["search"], ["run"], ["sample"], ["mapping"], ["engine"], ["settings"]]
)
def test_every_command_has_help_with_an_example(words: list[str]) -> None:
    outcome = multirecall(*words, "--help")
    assert outcome.code == 0
    if words and words[0] not in ("mapping", "engine", "settings"):
        assert "Example: multirecall" in " ".join(outcome.out.split())
