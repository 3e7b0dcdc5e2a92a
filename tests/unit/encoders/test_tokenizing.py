from pathlib import Path

import pytest

from multirecall.core.errors import EncoderError
from multirecall.encoders.texts import well_formed
from multirecall.encoders.tokenizing import TokenizerFile
from tests.support.tiny_models import CLS_ID, SEP_ID, VOCABULARY, tiny_tokenizer
from tests.support.tricky_texts import TRICKY_TEXTS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    tokenizer = tiny_tokenizer()
    # As in many models, the file asks for padding; it must not reach the ids.
    tokenizer.enable_padding(length=40)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_gives_ids_without_padding_in_the_order_of_the_texts(file: Path) -> None:
    tokenizer = TokenizerFile(file, max_tokens=10, special_tokens=True)
    laser, toner = VOCABULARY.index("laser"), VOCABULARY.index("toner")
    assert tokenizer.token_ids(["Laser toner", "", "toner"]) == [
        [CLS_ID, laser, toner, SEP_ID],
        [CLS_ID, SEP_ID],
        [CLS_ID, toner, SEP_ID],
    ]


def test_the_limit_counts_the_special_tokens(file: Path) -> None:
    (ids,) = TokenizerFile(file, max_tokens=5, special_tokens=True).token_ids(["laser " * 9])
    assert ids == [CLS_ID, *[VOCABULARY.index("laser")] * 3, SEP_ID]


def test_no_limit_keeps_every_token(file: Path) -> None:
    (ids,) = TokenizerFile(file, max_tokens=0, special_tokens=False).token_ids(["laser " * 9_000])
    assert len(ids) == 9_000


def test_a_shortened_text_gives_the_tokens_of_the_whole_text(file: Path) -> None:
    tokenizer = TokenizerFile(file, max_tokens=8, special_tokens=True)
    whole = tiny_tokenizer()
    whole.enable_truncation(8)
    texts = [
        *well_formed(TRICKY_TEXTS),
        " " * 5_000 + "laser printer",
        "x" * 600 + " laser",
        ("x" * 300 + " ") * 20,
        "laser" + " " * 700 + "toner usb",
    ]
    assert tokenizer.token_ids(texts) == [whole.encode(text).ids for text in texts]


def test_a_text_alone_gives_the_tokens_it_has_among_others(file: Path) -> None:
    tokenizer = TokenizerFile(file, max_tokens=8, special_tokens=True)
    texts = well_formed(TRICKY_TEXTS)
    assert [tokenizer.token_ids([text])[0] for text in texts] == tokenizer.token_ids(texts)


def test_lower_case_beyond_what_the_tokenizer_does(tmp_path: Path) -> None:
    tiny_tokenizer(lowercase=False).save(str(tmp_path / "tokenizer.json"))
    laser, unknown = VOCABULARY.index("laser"), VOCABULARY.index("[UNK]")
    for lowercase, expected in ((False, unknown), (True, laser)):
        tokenizer = TokenizerFile(tmp_path / "tokenizer.json", max_tokens=8, special_tokens=False, lowercase=lowercase)
        assert tokenizer.token_ids(["LASER"]) == [[expected]]


def test_a_damaged_file_is_an_encoder_error_that_names_it(file: Path) -> None:
    file.write_text("{}")
    with pytest.raises(EncoderError, match=r"tokenizer\.json cannot be read"):
        TokenizerFile(file, max_tokens=8, special_tokens=True)
