"""Linear algebra on one thread: sparse factorisations call it on blocks too small to be shared out.

On a busy computer threads that wait for each other there cost ten times the work itself.
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which linear algebra runs on one thread."""
    return _controller().limit(limits=1, user_api="blas")
