"""Arrays of an index in one file: mapped, not read, when opened; a file that is not whole is refused.

The format is safetensors: 8 bytes with the header's length, the header (JSON: dtype, shape and place of every array),
the arrays. The header's `__metadata__` holds `card`, what the index says of itself as JSON, and `sha256`, over the card
and over name, dtype, shape and bytes of every array. Arrays stand in order of their size per number, the largest first,
so that each lies at a multiple of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import IndexCorrupt, NotFound
from multirecall.encoders.storing import write_atomically

__all__ = ["ArrayFile", "digest_of", "open_arrays", "texts_of", "texts_to_arrays", "write_arrays"]

Arrays = Mapping[str, NDArray[Any]]

_DTYPES: dict[str, Any] = {
    "U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "U64": np.uint64, "I32": np.int32, "I64": np.int64,
    "F32": np.float32,
}  # fmt: skip
_NAMES = {np.dtype(kind): name for name, kind in _DTYPES.items()}
_MAX_HEADER = 1 << 20
_AGAIN = "Build the index again, or restore the file from a copy."


class ArrayFile(NamedTuple):
    """What a file holds. The arrays are read-only and lie in the file: pages come into memory as they are touched."""

    arrays: dict[str, NDArray[Any]]
    card: dict[str, Any]
    digest: str


def digest_of(arrays: Arrays, card: Mapping[str, Any]) -> str:
    """The checksum that a file of these has, in hexadecimal. About a second per gigabyte."""
    made = hashlib.sha256(json.dumps(card, sort_keys=True).encode())
    for name in _ordered(arrays):
        array = arrays[name]
        made.update(f"\n{name} {_NAMES[array.dtype]} {list(array.shape)}\n".encode())
        made.update(_bytes(array))
    return made.hexdigest()


def write_arrays(file: Path, arrays: Arrays, card: Mapping[str, Any]) -> str:
    """Writes the file in one step, and gives its checksum. The arrays are C-contiguous, of whole numbers or float32.

    Raises OSError (no space, no permission), and then leaves nothing behind.
    """
    digest = digest_of(arrays, card)
    header: dict[str, Any] = {"__metadata__": {"card": json.dumps(card, sort_keys=True), "sha256": digest}}
    at = 0
    for name in _ordered(arrays):
        array = arrays[name]
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    write_atomically(
        file, (len(head).to_bytes(8, "little"), head, *[_bytes(arrays[name]) for name in _ordered(arrays)])
    )
    return digest


def open_arrays(file: Path, *, kind: str, version: int) -> ArrayFile:
    """The file's arrays, mapped. Every byte is read once for the checksum, at about a second per gigabyte.

    `kind` and `version` are what the card must say. Raises NotFound for a file that is not there; IndexCorrupt for one
    that is cut off, changed, of another kind or of another version.
    """
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            head = stream.read(length) if length <= _MAX_HEADER else b""
        size = file.stat().st_size
    except FileNotFoundError:
        raise NotFound(f"There is no index file {file}.", hint="Build the index first.", path=str(file)) from None
    if not head or len(head) < length:
        raise _corrupt(file, "it has no whole header")
    try:
        header = json.loads(head)
        metadata = header.pop("__metadata__")
        card, digest = json.loads(metadata["card"]), str(metadata["sha256"])
        arrays = {name: _mapped(file, 8 + length, size, said) for name, said in header.items()}
        if size != 8 + length + sum(array.nbytes for array in arrays.values()):
            raise ValueError(f"{size} bytes are not what it names")
        whole = digest == digest_of(arrays, card)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _corrupt(file, f"its header cannot be right ({error})") from None
    if not whole:
        raise _corrupt(file, "its content does not have the checksum that it was written with")
    if (card.get("kind"), card.get("version")) != (kind, version):
        raise _corrupt(
            file,
            f"it holds {card.get('kind')!r} of version {card.get('version')}, not {kind!r} of version {version}",
        )
    return ArrayFile(arrays, card, digest)


def texts_to_arrays(name: str, texts: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Texts as two arrays, `name` and `name.ends`, which `texts_of` reads."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    return {name: np.frombuffer(b"".join(encoded), dtype=np.uint8), f"{name}.ends": ends}


def texts_of(name: str, arrays: Arrays) -> tuple[str, ...]:
    """The texts that `texts_to_arrays` wrote. Raises KeyError if they are not there."""
    body, ends = arrays[name].tobytes(), arrays[f"{name}.ends"].tolist()
    return tuple(
        body[start:end].decode("utf-8", "surrogatepass") for start, end in zip([0, *ends[:-1]], ends, strict=True)
    )


def _mapped(file: Path, start: int, size: int, said: Mapping[str, Any]) -> NDArray[Any]:
    kind, shape = np.dtype(_DTYPES[said["dtype"]]), tuple(int(n) for n in said["shape"])
    begin, end = (int(at) for at in said["data_offsets"])
    needed = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if begin < 0 or end - begin != needed or start + end > size:
        raise ValueError(f"an array of {needed} bytes at {begin}, in a file of {size}")
    if not needed:
        empty = np.zeros(shape, kind)
        empty.setflags(write=False)
        return empty
    return np.memmap(file, dtype=kind, mode="r", offset=start + begin, shape=shape).view(np.ndarray)


def _ordered(arrays: Arrays) -> list[str]:
    return sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")


def _corrupt(file: Path, why: str) -> IndexCorrupt:
    return IndexCorrupt(f"The index file {file} cannot be used: {why}.", hint=_AGAIN, path=str(file))
