"""Where the server is and how it is spoken to: arguments, environment, defaults, and what follows from the address."""

from __future__ import annotations

import ipaddress
import os
import random
import ssl
import time
from dataclasses import dataclass, field
from typing import Callable, Dict, Mapping, Optional, Union
from urllib.parse import urlsplit

from ._version import __version__

DEFAULT_BASE_URL = "http://localhost:8080"
DEFAULT_TIMEOUT = 600.0  # seconds; the server's own limit of a request is 10 minutes
DEFAULT_MAX_RETRIES = 2
CONNECT_TIMEOUT = 5.0  # seconds

MAX_ANSWER = 256 << 20  # bytes of one answer, or of one message of a stream, that are read


class Unset:
    """The type of UNSET, which stands for "as the client is set"."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()
Timeout = Union[float, None, Unset]
"""Seconds, None for no limit, UNSET for the client's."""
Verify = Union[bool, ssl.SSLContext]


@dataclass(frozen=True)
class Settings:
    """Everything that is the same for all calls of a client.  Clock and chance are here so that tests can set them."""

    base_url: str
    host: str
    port: int
    secure: bool
    path: str
    api_key: Optional[str] = field(repr=False)
    project_id: Optional[str]
    timeout: Optional[float]
    max_retries: int
    trust_env: bool
    verify: Verify
    headers: Mapping[str, str] = field(repr=False)
    idempotency: bool = True
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def call_timeout(self, timeout: Timeout) -> Optional[float]:
        """The seconds that a call may take."""
        return checked_timeout(self.timeout if isinstance(timeout, Unset) else timeout)


def make_settings(
    base_url: Optional[str],
    api_key: Optional[str],
    project_id: Optional[str],
    timeout: Optional[float],
    max_retries: int,
    trust_env: Optional[bool],
    verify: Verify,
    headers: Optional[Mapping[str, str]],
    idempotency: bool,
) -> Settings:
    """Checks the arguments of a client and fills in the environment's.  ValueError: one that cannot be used."""
    url = (base_url or os.environ.get("CCAPI_BASE_URL") or DEFAULT_BASE_URL).strip()
    key = api_key or os.environ.get("CCAPI_API_KEY") or None
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise ValueError(f"base_url: expected http://HOST[:PORT] or https://..., not {_shown(url)!r}")
    if split.username is not None or split.password is not None:
        raise ValueError("base_url: no user or password belongs there; use api_key")
    if split.query or split.fragment:
        raise ValueError("base_url: expected no query and no fragment")
    secure = split.scheme == "https"
    path = split.path.rstrip("/")
    if path.endswith("/v1"):  # as OpenAI's SDKs want it
        path = path[: -len("/v1")]
    host = f"[{split.hostname}]" if ":" in split.hostname else split.hostname
    port = split.port or (443 if secure else 80)
    if isinstance(max_retries, bool) or max_retries < 0:
        raise ValueError("max_retries: expected 0 or more")
    return Settings(
        base_url=f"{split.scheme}://{host}:{port}{path}",
        host=split.hostname,
        port=port,
        secure=secure,
        path=path,
        api_key=key,
        project_id=project_id or os.environ.get("CCAPI_PROJECT") or None,
        timeout=checked_timeout(timeout),
        max_retries=max_retries,
        trust_env=not is_loopback(split.hostname) if trust_env is None else trust_env,
        verify=verify,
        headers=_headers(key, headers or {}),
        idempotency=idempotency,
    )


def checked_timeout(timeout: Optional[float]) -> Optional[float]:
    """ValueError unless it is None or more than 0 seconds."""
    if timeout is not None and not timeout > 0:
        raise ValueError("timeout: expected more than 0 seconds, or None")
    return timeout


def is_loopback(host: str) -> bool:
    """True for localhost and for addresses that never leave this machine."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _headers(key: Optional[str], more: Mapping[str, str]) -> Dict[str, str]:
    headers = {
        "user-agent": f"ccapi-python/{__version__}",
        "accept-encoding": "identity",  # what a proxy compresses it also holds back
    }
    if key is not None:
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("api_key: expected printable ASCII without spaces")
        headers["authorization"] = f"Bearer {key}"
    for name, value in more.items():
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"headers: {name}: expected printable ASCII")
        headers[name.lower()] = value
    return headers


def _shown(url: str) -> str:
    """The URL without what may be a password in it."""
    return url.rpartition("@")[2]
