"""What a small server on one's own machine lets through: requests that name it, from its own pages, of moderate size.

Loopback alone is no wall: any page in the browser can send requests there, and a name that an attacker owns can be
made to point there (DNS rebinding). So the Host must be one that was allowed, whoever writes must come from a page of
that very Host, and a body has a bound. This says nothing of who may use the machine.
"""

import json
import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY: Final = 16_384
"""Bytes; the longest correction has a tenth of that."""
READS: Final = frozenset({"GET", "HEAD"})
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")
_HEADERS: Final = (
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)


def host_of(value: str) -> str | None:
    """The name in a Host header, in lower case and without its port; None where it is not one.

    >>> host_of("LocalHost:8000"), host_of("[::1]:80"), host_of("localhost@evil.example"), host_of("a b")
    ('localhost', '[::1]', None, None)
    """
    found = _HOST.fullmatch(value.strip().lower())
    return found[1] if found else None


def refusal(scope: Scope, hosts: frozenset[str]) -> tuple[int, str] | None:
    """Why a request is not let through, with its status; None where it is."""
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    named = headers.get("host", [])
    if len(named) != 1 or host_of(named[0]) not in hosts:
        return 400, f"this server answers to {', '.join(sorted(hosts))} only (berthwatch serve --host)"
    if scope["method"] in READS:
        return None
    # A browser names the page that writes. What is no browser need not, and no page can make it write.
    own = f"{scope['scheme']}://{named[0].strip().lower()}"
    if any(origin.strip().lower() != own for origin in headers.get("origin", [])):
        return 403, "only pages of this server may write"
    if any(site not in ("same-origin", "none") for site in headers.get("sec-fetch-site", [])):
        return 403, "only pages of this server may write"
    lengths = headers.get("content-length", ["0"])
    if len(lengths) != 1 or not lengths[0].isdecimal() or int(lengths[0]) > MOST_BODY:
        return 413, f"a body of at most {MOST_BODY} bytes"
    return None


async def _refuse(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})


async def _whole(receive: Receive) -> bytes | None:
    """The body, which may come in parts whose number nobody announced; None where it is too long."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        body += bytes(message.get("body", b""))
        if len(body) > MOST_BODY:
            return None
        if not message.get("more_body"):
            return body


def guarded(app: ASGIApp, hosts: frozenset[str]) -> ASGIApp:
    """An application behind the guard; `hosts` are names and addresses without ports, in lower case."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        why = refusal(scope, hosts)
        body = b"" if why or scope["method"] in READS else await _whole(receive)
        if why or body is None:
            await _refuse(send, *(why or (413, f"a body of at most {MOST_BODY} bytes")))
            return
        parts = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def told() -> Message:
            return next(parts, {"type": "http.disconnect"})

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await app(scope, told, answer)

    return call
