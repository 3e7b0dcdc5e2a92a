"""The small files of a test bed: its README, the field mapping, the synonym list."""

from __future__ import annotations

from typing import Any

from multirecall.evaluation.testbed.splits import split_of
from multirecall.evaluation.testbed.world import World, read_table

__all__ = ["mapping_toml", "readme_text", "synonyms_text"]

_MAPPING = """\
# Field mapping of the generated test bed (multirecall sample).
[mapping]
id = "id"
title = "title"
description = "description"
brand = "brand"
identifiers = ["sku", "mpn", "ean"]
image_url = "image"
url = "url"
in_stock = "stock"
popularity = "popularity"
updated_at = "updated_at"

[mapping.category]
field = "category"
separator = " > "

[mapping.price]
field = "price"
unit = "major"
decimal = "."
currency_field = "currency"

[mapping.attributes]
prefixes = ["attr_"]
"""

_README = """\
# Generated test bed

Everything here is generated: products, makers, queries, grades and clicks. Products and makers are invented; a few
queries use brand words as people do for a whole kind of thing (hoover, tupperware).
Made by `multirecall sample`, generator version {version}, seed {seed}; the same version, seed and sizes give the same
bytes (`sample.json` holds the digests; for `.gz` files, of the content).

{products:,} products, {queries:,} queries, {judgments:,} judgments, {searches:,} searches with {clicks:,} clicks,
{concepts} knowledge concepts.

| file | content |
|---|---|
| `catalogue.jsonl` | one product a line, as a shop exports it: noisy titles, gaps, variants of one model |
| `multirecall.toml` | the field mapping for `multirecall index` |
| `queries.tsv` | `qid class tier split query` |
| `judgments.tsv` | `qid product_id grade source`; source is `constructed` |
| `constraints.jsonl` | what each query means: types and constraints, concept, template, full counts per grade |
| `clicks.tsv.gz` | one shown product a line: `timestamp query_id qid query product_id position click` |
| `concepts.json` | the knowledge concepts with wordings, answers and split |
| `synonyms.txt` | the word pairs behind class `synonym`, Solr format. Ground truth: not for the system under test |

## Grades
3 exact: a type of the answer, every constraint met. 2 substitute: same type, every hard constraint met, at least one
soft constraint violated. 1 complement: another type that is used together with it (table of types, or part and
device) and is compatible. 0: all others; {irrelevant} are drawn per query (half from the same family) and those that
are not relevant are listed. Hard: device compatibility, audience, a refused property, the maker in part-number
queries. A product that is not listed has grade 0, unless its grade was bounded: a query lists at most
{exact:,} exact, {substitute:,} substitute and {complement:,} complement products, then a uniform sample of the full
set, whose size is in `constraints.jsonl`. {bounded:,} queries here have a bounded grade.
For knowledge queries of subtype `alternative`, what replaces the named thing is exact. "Cheap" is the lower third of
a type's prices.

## Queries
Classes: `head` (a type or category), `torso` (one more property), `tail` (two and more, a device, a price limit),
`misspelled`, `synonym` (words that titles do not use), `model` (part numbers, also without or with other separators),
`knowledge` (subtypes question, negation, alternative, scene: no content word occurs in any title), `foreign` (German,
French, Spanish, Italian, Dutch), `attribute_unit` (measured values, units abbreviated or in words).
Tiers follow the number of searches (Zipf's law, exponent 1): head 6 and more, torso 3 to 5, tail 2, once 1.
Splits (train, dev, test) are disjoint in meaning, in concept (knowledge concept, synonym pair, foreign word) and in
wording template; but a knowledge query goes by its concept alone, so that a plain query of another split may mean the
same (some 3 queries in 100): who trains on grades must leave those out.

## Clicks
`query_id` is one search; it shows ten judged products. P(click) = .35 / .12 / .03 / .005 for grades 3 / 2 / 1 / 0,
times (0.5 + popularity percentile). Knowledge queries get no clicks. The log covers all splits: training code must
keep to the queries of split `train`.
"""


def mapping_toml() -> str:
    """The field mapping of the catalogue."""
    return _MAPPING


def readme_text(report: dict[str, Any]) -> str:
    """The README of one test bed, from its report."""
    counts, bounds = report["counts"], report["bounds"]
    listed = bounds["listed_per_grade"]
    return _README.format(
        version=report["version"],
        seed=report["seed"],
        irrelevant=bounds["irrelevant_drawn"],
        exact=listed["3"],
        substitute=listed["2"],
        complement=listed["1"],
        bounded=counts["queries_with_a_bounded_grade"],
        **counts,
    )


def synonyms_text(world: World) -> str:
    """The synonym pairs in Solr's explicit form, with the split of each."""
    table = read_table("synonyms")
    lines = [
        "# GROUND TRUTH of the query class `synonym`, generated. Held out: do not give it to the system under test.",
        "# Solr format: what people say => what titles say. Pairs below a split heading belong to that split.",
    ]
    pairs = [(word, key, world.type(key).name.lower()) for key, words in table["type"].items() for word in words]
    pairs += [(word, key, key.split("=", 1)[1]) for key, words in table["value"].items() for word in words]
    for split in ("train", "dev", "test"):
        lines.append(f"# split: {split}")
        lines += [f"{word} => {name.lower()}" for word, key, name in pairs if split_of(f"{word} = {key}") == split]
    return "\n".join(lines) + "\n"
