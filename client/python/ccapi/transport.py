"""What the two kinds of input and output have in common: how httpx is set up, and what its failures mean."""

from __future__ import annotations

import ssl
from typing import Any, Dict, Optional, Tuple

import httpx

from .errors import CallTimeoutError, ConnectError, ConnectionLostError, ProtocolError, TransportError
from .flow import HttpSend
from .parsing import Answer
from .settings import Settings

TIMED_OUT = "the server was silent for longer than the timeout"
RECEIVE_SIZE = 65536


def client_options(settings: Settings) -> Dict[str, Any]:
    """Arguments of httpx.Client and httpx.AsyncClient.  Redirects are not followed: the key would go along."""
    return {
        "trust_env": settings.trust_env,
        "verify": settings.verify,
        "follow_redirects": False,
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
    }


def request_arguments(effect: HttpSend) -> Dict[str, Any]:
    """Arguments of build_request()."""
    return {
        "method": effect.method,
        "url": effect.url,
        "headers": dict(effect.headers),
        "content": effect.body,
        "timeout": httpx.Timeout(effect.timeout, connect=effect.connect_timeout),
    }


def head_of(response: httpx.Response) -> Answer:
    """Status and headers."""
    return Answer(response.status_code, dict(response.headers), b"")


def http_failure(exc: Exception) -> TransportError:
    """What a failure of httpx means for the call."""
    if isinstance(exc, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
        return ConnectError(f"the server could not be reached: {exc or 'no connection in time'}")
    if isinstance(exc, httpx.TimeoutException):
        return CallTimeoutError(TIMED_OUT)
    if isinstance(exc, (httpx.DecodingError, httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
        return ProtocolError(f"the answer cannot be read: {exc}")
    return ConnectionLostError(f"the connection broke: {exc or type(exc).__name__}")


def socket_failure(exc: Exception, opening: bool) -> TransportError:
    """What a failure of a socket means for the call."""
    if opening:
        return ConnectError(f"the server could not be reached: {exc or 'no connection in time'}")
    if isinstance(exc, TimeoutError):
        return CallTimeoutError(TIMED_OUT)
    return ConnectionLostError(f"the connection broke: {exc or type(exc).__name__}")


def tls(settings: Settings, secure: bool) -> Tuple[Optional[ssl.SSLContext], Optional[str]]:
    """Context and server name of a connection; None twice without TLS."""
    if not secure:
        return None, None
    if isinstance(settings.verify, ssl.SSLContext):
        return settings.verify, settings.host
    context = ssl.create_default_context()
    if settings.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context, settings.host
