"""How the shop words its products: titles and descriptions per type, prepared so that a row costs microseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.world import ProductType, World, slots_of

__all__ = ["TypeWording", "Wording", "in_sentence", "measured_forms", "prepare_wording", "titled"]

_AUDIENCE = {"women": "Women's", "men": "Men's", "kids": "Kids'", "adults": "Adult"}
_SMALL = {"and", "on", "to", "de", "with", "by", "x"}
_LETTERS = "abc"


def titled(value: str) -> str:
    """A value as a title writes it: `stainless steel` as `Stainless Steel`; measures and acronyms as they are."""
    if value[:1].isdigit() or value[:1] == "-":
        return value
    return " ".join(w if w in _SMALL or not w.islower() else w[:1].upper() + w[1:] for w in value.split(" "))


def in_sentence(name: str) -> str:
    """A type's name within a sentence: `HDMI Cable` as `HDMI cable`."""
    return " ".join(w if sum(c.isupper() for c in w) > 1 and "-" not in w else w.lower() for w in name.split(" "))


def measured_forms(world: World, value: str) -> tuple[str, str, str]:
    """The three ways in which titles write a value: `19 mm`, `19 mm`, `19mm`; inches also as `15.6"`."""
    measure = world.measure(value)
    if measure is None or (len(measure[1]) > 4 and measure[1] != "inch"):
        shown = titled(value)
        return shown, shown, shown
    number, symbol = measure
    if symbol == "inch":
        return f"{number} inch", f'{number}"', f"{number}-inch"
    return value, value, f"{number}{symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeWording:
    """The prepared texts of one type. `shown[s][v]` are the title forms, `stated[s][v]` the sentences of a value."""

    type: ProductType
    code: str
    category: str
    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    shown: tuple[tuple[tuple[str, str, str], ...], ...]
    stated: tuple[tuple[tuple[str, ...], ...], ...]
    openings: tuple[str, ...]
    titles: tuple[str, ...]
    fitting_titles: tuple[str, ...]
    family_series: tuple[str, ...]

    def description(self, facts: Mapping[str, str], values: Sequence[int], draw: int, fits: str) -> str:
        """20 to 60 words that state every attribute of the product, from one 30-bit draw."""
        n = len(self.names)
        parts = [self.openings[draw % len(self.openings)].format_map(facts)]
        if fits:
            parts.append(f"Fits the {fits}.")
        for k in range(n):
            slot = (k + (draw >> 4)) % n
            options = self.stated[slot][values[slot]]
            parts.append(options[(draw >> (8 + 2 * k)) % len(options)])
        closings = self.type.family.closings
        parts.append(closings[(draw >> 20) % len(closings)])
        return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The wording of every type, by type ordinal."""

    forms: tuple[TypeWording, ...]


def prepare_wording(world: World) -> Wording:
    """The wording of a world. Raises InvalidInput for a type that no title template fits."""
    return Wording(forms=tuple(_type_wording(world, t) for t in world.types))


def _type_wording(world: World, t: ProductType) -> TypeWording:
    sentences = world.sentences
    shown, stated = [], []
    for a in t.attributes:
        if a.name == "audience":
            shown.append(tuple((_AUDIENCE[v],) * 3 for v in a.values))
        else:
            shown.append(tuple(measured_forms(world, v) for v in a.values))
        label = a.name.replace("_", " ").capitalize()
        texts = sentences.get(a.name, sentences["*"])
        stated.append(tuple(tuple(text.format(v=v, label=label) for text in texts) for v in a.values))
    name = in_sentence(t.name)
    if t.verb_plural:
        openings: tuple[str, ...] = (
            f"These {name} from {{brand}} {t.about}.",
            f"{{brand}} {name} from the {{series}} range {t.about}.",
        )
    else:
        model = " {model}" if t.models else ""
        openings = (
            f"This {name} from {{brand}} {t.about}.",
            f"The {{brand}}{model} {name} {t.about}.",
            f"Part of the {{series}} range, this {name} {t.about}.",
        )
    titles = _titles(t, t.family.titles)
    if not titles:
        raise InvalidInput(f"no title of family {t.family.name} fits the type {t.key}", hint="Add one.", field=t.key)
    return TypeWording(
        type=t,
        code="".join(part[:2] for part in t.key.upper().split("_"))[:4],
        category=" > ".join(t.path),
        names=tuple(a.name for a in t.attributes),
        values=tuple(a.values for a in t.attributes),
        shown=tuple(shown),
        stated=tuple(stated),
        openings=openings,
        titles=titles,
        fitting_titles=_titles(t, t.family.accessory_titles, fits=True) if t.fits else (),
        family_series=t.family.series,
    )


def _titles(t: ProductType, templates: tuple[str, ...], *, fits: bool = False) -> tuple[str, ...]:
    """The templates that the type can fill, with {a}, {b}, {c} and {who} put as names of its attributes."""
    features = [t.attributes[slot].name for slot in t.feature_slots]
    out = []
    for template in templates:
        text = template
        for letter, name in zip(_LETTERS, features, strict=False):
            text = text.replace("{" + letter + "}", "{" + name + "}")
        text = text.replace("{who}", "{audience}")
        slots = slots_of(text)
        known = {"brand", "name", "series", *(a.name for a in t.attributes)}
        known |= ({"model"} if t.models else set()) | ({"device"} if fits else set())
        if len(set(slots)) == len(slots) and set(slots) <= known:
            out.append(text)
    return tuple(out)
