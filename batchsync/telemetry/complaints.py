"""What OpenTelemetry logs about its collector becomes one warning: a night without it is long."""

import logging
import re
from collections.abc import Callable

# Their loggers; without a handler, Python prints each line on stderr, into the live view.
_LOGGERS = ("opentelemetry", "urllib3")
_LONGEST = 200
_SECRETS = re.compile(r"(?<=//)[^/@\s]+@|\?[^\s'\")]+")


class Complaints(logging.Handler):
    """Passes the first warning on and swallows the rest.

    Args:
        say: shows a warning; called from any thread.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self._say = say
        self.said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one on."""
        self.once(record.getMessage())

    def once(self, message: str) -> None:
        """Warn, if that has not been done yet."""
        if not self.said:
            self.said = True
            # An address may bear a password.
            self._say(f"telemetry: {_SECRETS.sub('', message)[:_LONGEST]}")

    def __enter__(self) -> "Complaints":
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.propagate = False
        return self

    def __exit__(self, *error: object) -> None:
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.removeHandler(self)
            logger.propagate = True
