"""ChatEndpoint: a model behind an OpenAI-compatible address (vLLM, Ollama, llama.cpp, a hosted one)."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import orjson

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded, EncoderError, InvalidSettings
from multirecall.encoders.fingerprint import fingerprint
from multirecall.recall.rewriters.generator import MAX_ANSWER_CHARS, Generated
from multirecall.recall.rewriters.prompts import ChatPrompt

__all__ = ["ChatEndpoint"]

MAX_BODY_BYTES = 256 * 1024
_AT_ONCE = 8
_HINTS = {
    400: "{0}_BODY can add fields that the server wants, or take some out.",
    401: "Set {0}_API_KEY.",
    403: "Check {0}_API_KEY.",
    404: "Check {0}_MODEL, and {0}_URL, which mostly ends with /v1.",
}
_PATH = "/chat/completions"
_T = TypeVar("_T")


class ChatEndpoint:
    """Posts the prompt to `url` (its base, as `http://127.0.0.1:11434/v1`, or the whole address) for `model`.

    `body` is merged over the request, for what a server wants beyond the common fields; null takes a field out. The
    address is asked as it stands: no redirect is followed and no proxy of the environment used; certificates are
    checked against the system's authorities, or those of SSL_CERT_FILE. A call ends at its deadline, however slowly the
    answer drips (a name server that hangs may hold it longer), and reads `MAX_BODY_BYTES` at most. Texts of one call
    are asked side by side, eight at once. Each call has connections of its own: beside a model they cost nothing.
    Messages speak of the endpoint of `of` and of settings that begin with `setting`.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        prompt: ChatPrompt,
        api_key: str = "",
        body: Mapping[str, Any] | None = None,
        of: str = "rewriter",
        setting: str = "MULTIRECALL_REWRITE",
    ) -> None:
        self._of, self._setting = of, setting
        self._url = _address(url, of, setting)
        if not model.strip():
            raise InvalidSettings(
                f"The endpoint of the {of} needs the name of a model.",
                hint=f"Set {setting}_MODEL to one that it serves, e.g. qwen2.5:1.5b-instruct.",
                field=_field(setting, "model"),
            )
        if any(not c.isprintable() or ord(c) > 126 for c in api_key):
            raise InvalidSettings(
                f"The API key of the {of} holds characters that no key has.",
                hint=f"Check {setting}_API_KEY for a line break or a space that was pasted with it.",
                field=_field(setting, "api_key"),
            )
        self._model = model
        self._prompt = prompt
        self._api_key = api_key
        self._body = dict(body or {})
        self._tls = ssl.create_default_context()
        self._fingerprint = fingerprint({"endpoint": self._url, "request": self._request("")})

    @property
    def name(self) -> str:
        return f"{self._model} at {self._url}"

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def generate(self, texts: Sequence[str], deadline: Deadline) -> list[Generated]:
        """One answer for each text. Raises DeadlineExceeded if one is late, EncoderError if one cannot be had."""
        if not texts:
            return []
        deadline.check(f"the {self._of}'s endpoint was asked")
        return _run(self._all(texts, deadline))

    async def _all(self, texts: Sequence[str], deadline: Deadline) -> list[Generated]:
        left_s = None if math.isinf(deadline.at_s) else deadline.remaining_s()
        free = asyncio.Semaphore(_AT_ONCE)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        client = httpx.AsyncClient(
            verify=self._tls, headers=headers, timeout=left_s, trust_env=False, follow_redirects=False
        )
        try:
            async with asyncio.timeout(left_s), client:
                return await asyncio.gather(*(self._one(client, free, text) for text in texts))
        except (TimeoutError, httpx.TimeoutException):
            raise DeadlineExceeded(
                f"The endpoint of the {self._of} ({self._url}) was late.", what=f"the {self._of}'s endpoint"
            ) from None
        except httpx.HTTPError as error:
            raise EncoderError(
                f"The endpoint of the {self._of} ({self._url}) cannot be asked: {str(error) or type(error).__name__}.",
                hint=f"Check {self._setting}_URL and that the server runs.",
                url=self._url,
            ) from error

    async def _one(self, client: httpx.AsyncClient, free: asyncio.Semaphore, text: str) -> Generated:
        async with free, client.stream("POST", self._url, content=orjson.dumps(self._request(text))) as response:
            if response.status_code != 200:
                raise self._refused(response)
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise self._unreadable("it is compressed, which was not asked for")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise self._unreadable(f"it is longer than {MAX_BODY_BYTES:,} bytes")
        return self._read(bytes(body))

    def _request(self, text: str) -> dict[str, Any]:
        request = {
            "model": self._model,
            "messages": self._prompt.chat(text),
            "temperature": 0,
            "max_tokens": self._prompt.max_tokens,
            "stream": False,
            **self._body,
        }
        return {name: value for name, value in request.items() if value is not None}

    def _read(self, body: bytes) -> Generated:
        try:
            answer = orjson.loads(body)
        except ValueError:
            raise self._unreadable("it is no JSON") from None
        match answer:
            case {"choices": [{"message": {"content": str(text)}, **choice}, *_]}:
                return Generated(text=text[:MAX_ANSWER_CHARS], log_probability=_mean_log_probability(choice))
            case {
                "choices": [{"message": {"content": None}}, *_]
            }:  # it thought until its tokens were spent, or refused
                return Generated(text="")
        raise self._unreadable("it has no choices with a message")

    def _refused(self, response: httpx.Response) -> EncoderError:
        hint = _HINTS.get(response.status_code, "").format(self._setting)
        return EncoderError(
            f"The endpoint of the {self._of} ({self._url}) answered {response.status_code}.",
            hint="Redirects are not followed: give the address that answers." if response.is_redirect else hint,
            url=self._url,
            status=response.status_code,
        )

    def _unreadable(self, why: str) -> EncoderError:
        return EncoderError(
            f"The answer of the {self._of}'s endpoint ({self._url}) cannot be used: {why}.",
            hint="It must speak the OpenAI chat completions protocol.",
            url=self._url,
        )


def _address(url: str, of: str, setting: str) -> str:
    """The whole address. Raises InvalidSettings, which does not show a URL that holds a password."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname if httpx.URL(url.strip()).host else None
        usable = parts.scheme in ("http", "https") and bool(host) and " " not in str(host) and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable:
        raise InvalidSettings(
            f"The endpoint of the {of} has no address that can be asked.",
            hint=f"Set {setting}_URL, e.g. http://127.0.0.1:11434/v1.",
            field=_field(setting, "url"),
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidSettings(
            f"The address of the {of}'s endpoint holds more than host, port and path.",
            hint=f"Put the key into {setting}_API_KEY.",
            field=_field(setting, "url"),
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith(_PATH) else path + _PATH}"


def _field(setting: str, name: str) -> str:
    """The setting's name without the prefix that all have, in lower case."""
    return f"{setting.removeprefix('MULTIRECALL_').lower()}_{name}"


def _mean_log_probability(choice: Mapping[Any, Any]) -> float | None:
    """Over the tokens of the answer, if the server told them (`{"logprobs": true}` in the body makes it)."""
    match choice.get("logprobs"):
        case {"content": [*tokens]} if tokens:
            told = [token.get("logprob") if isinstance(token, dict) else None for token in tokens]
            numbers = [one for one in told if isinstance(one, int | float)]
            return math.fsum(numbers) / len(numbers) if len(numbers) == len(tokens) else None
    return None


def _run(question: Coroutine[Any, Any, _T]) -> _T:
    """Waits for it, on a thread of its own if this one has an event loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(question)
    with ThreadPoolExecutor(max_workers=1) as one:
        return one.submit(partial(asyncio.run, question)).result()
