"""The names of the earlier Python service, for programs written for it: only their import line changes,

    from ccapi.client import ClaudeClient
"""

from .aio import AsyncClaudeClient
from .blocking import ClaudeClient

__all__ = ["AsyncClaudeClient", "ClaudeClient"]
