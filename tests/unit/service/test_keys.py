"""API keys: digests only, every key compared, roles that hold."""

from __future__ import annotations

import ast
import hmac
import inspect
import textwrap

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.service import keys as module
from multirecall.service.keys import KeyRing, Role, key_line, new_key, read_keys

KEYS = {role: new_key() for role in Role}
LINES = "\n".join(key_line(role.name.lower(), role, key) for role, key in KEYS.items())


def ring() -> KeyRing:
    return KeyRing(read_keys(LINES, source="test"))


@pytest.mark.parametrize("role", list(Role))
def test_a_key_is_found_with_its_name_and_role(role: Role) -> None:
    caller = ring().find(KEYS[role])
    assert caller is not None
    assert (caller.name, caller.role) == (role.name.lower(), role)


@pytest.mark.parametrize(
    "presented",
    ["", "x", KEYS[Role.ADMIN][:-1], KEYS[Role.ADMIN] + "x", "ü\x00", "mr_" + "A" * 43],
    ids=["empty", "short", "a letter less", "a letter more", "no ascii", "of nobody"],  # keys are drawn anew each time
)
def test_anything_else_is_nobody(presented: str) -> None:
    assert ring().find(presented) is None


def test_every_key_is_compared_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append(b)
        return hmac.compare_digest(a, b)

    monkeypatch.setattr(module, "hmac", type("Counting", (), {"compare_digest": staticmethod(compare)}))
    for presented in (*KEYS.values(), "nobody", ""):
        compared.clear()
        ring().find(presented)
        assert len(compared) == len(KEYS), "an early end would tell by its time which key fits"


def test_the_comparison_has_no_branch_in_its_loop() -> None:
    [loop] = [
        node
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(KeyRing.find))))
        if isinstance(node, ast.For)
    ]
    leaving = (ast.If, ast.IfExp, ast.Break, ast.Continue, ast.Return, ast.BoolOp)
    assert not [node for node in ast.walk(loop) if isinstance(node, leaving)]


def test_keys_are_unlike_each_other_and_their_digest_does_not_show_them() -> None:
    made = {new_key() for _ in range(100)}
    assert len(made) == 100
    assert all(len(key) >= 40 for key in made)
    assert not any(key in LINES for key in KEYS.values())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shop", "line 1 is not name:role:sha256"),
        ("# fine\n\nshop:owner:" + "0" * 64, "line 3 has an unknown role"),
        ("Shop:search:" + "0" * 64, "line 1 has a name"),
        ("shop:search:" + "0" * 63, "no SHA-256"),
        (f"a:search:{'0' * 64},a:write:{'1' * 64}", "again"),
        ("shop:search:mr_secretsecretsecret", "no SHA-256"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_not_repeated(text: str, problem: str) -> None:
    with pytest.raises(InvalidSettings, match=problem) as caught:
        read_keys(text, source="keys.txt")
    assert "secretsecret" not in str(caught.value)


def test_comments_blank_lines_and_commas_are_read() -> None:
    one, two = (key_line(name, Role.SEARCH, new_key()) for name in "ab")
    assert [key.name for key in read_keys(f"# keys\n\n{one}, {two}  # ours\n", source="x")] == ["a", "b"]
    with pytest.raises(InvalidSettings):
        key_line("a:b", Role.SEARCH, new_key())
