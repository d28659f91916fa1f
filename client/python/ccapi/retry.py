"""Whether a failed call is tried again, and after which pause.

Tried again is what cannot do harm: a request that never left, one that the server refused with a reason that passes, and
one whose answer was lost if asking twice is the same as asking once: reading calls, and those with an Idempotency-Key.
The server's own word (x-should-retry, Retry-After) goes before every rule of this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

from .errors import ApiError, CcapiError, ConnectError


@dataclass(frozen=True)
class RetryPolicy:
    """All times in seconds."""

    max_retries: int = 2
    first_pause: float = 0.5
    longest_pause: float = 8.0
    patience: float = 60.0  # a Retry-After beyond it is for the caller to decide

    def pause(
        self, error: CcapiError, retries: int, safe: bool, chance: Callable[[], float], left: Optional[float] = None
    ) -> Optional[float]:
        """Seconds until the next try, None: there is none.

        retries: how many there were; safe: asking twice is the same as asking once; left: what remains of the call's time.
        """
        if retries >= self.max_retries or not may_retry(error, safe):
            return None
        if error.retry_after is None:
            # From half of the step to all of it, so that clients that failed together come back apart.
            wait = min(self.longest_pause, self.first_pause * 2.0**retries) * (0.5 + chance() / 2)
        elif error.retry_after > self.patience:
            return None
        else:
            wait = error.retry_after + chance() * min(1.0, 0.25 * error.retry_after)  # never earlier than told
        return None if left is not None and wait >= left else wait


def may_retry(error: CcapiError, safe: bool) -> bool:
    """True when another try can help and does no harm."""
    if error.should_retry is not None:
        return error.should_retry
    refused = isinstance(error, ApiError) and error.code is not None  # without a code it may be a proxy's answer
    return error.retriable and (safe or refused or isinstance(error, ConnectError))
