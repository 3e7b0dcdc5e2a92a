from __future__ import annotations

import base64

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.engines.credentials import Credentials


def test_no_secret_is_printed() -> None:
    for credentials in (Credentials(user="elastic", password="s3cret"), Credentials(api_key="s3cret")):
        assert "s3cret" not in repr(credentials)
        assert "s3cret" not in str(credentials)


def test_the_header_holds_what_servers_expect() -> None:
    basic = Credentials(user="elastic", password="pä:ss").header()
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == "elastic:pä:ss"
    assert Credentials(api_key="aWQ6a2V5").header() == "ApiKey aWQ6a2V5"


@pytest.mark.parametrize(
    "given",
    [{}, {"user": "u"}, {"password": "p"}, {"user": "u", "password": "p", "api_key": "k"},
     {"user": "a:b", "password": "p"}, {"api_key": "k\r\nX: y"}, {"api_key": "ключ"}],
)  # fmt: skip
def test_half_or_double_credentials_are_refused_without_being_repeated(given: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings) as refused:
        Credentials(**given)
    assert not {"p", "k"} & set(str(refused.value).split())
