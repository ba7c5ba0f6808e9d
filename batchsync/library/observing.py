"""Functions of others that are told what happens."""

import inspect
import logging
from collections.abc import Callable

from batchsync.events import Event

Observer = Callable[[Event], object]

_log = logging.getLogger("batchsync")


def checked(observer: Observer | None) -> Observer | None:
    """An observer that can be called.

    Raises:
        TypeError: it can't be, or is a coroutine function, whose events nobody would await.
    """
    if observer is None:
        return None
    if not callable(observer):
        raise TypeError(f"on_event is a function, not {type(observer).__name__}")
    if inspect.iscoroutinefunction(observer):
        raise TypeError("on_event is a plain function; coroutines use `async for` with stream()")
    return observer


class Guarded:
    """Passes events to an observer, until it raises."""

    def __init__(self, observer: Observer | None) -> None:
        self._observer = observer

    def __call__(self, event: Event) -> None:
        """Tell it."""
        if self._observer is None:
            return
        try:
            self._observer(event)
        except Exception:
            # What is paid for must not stop because somebody's progress bar broke.
            _log.warning("the observer raised, and is not called again", exc_info=True)
            self._observer = None
