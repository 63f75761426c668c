"""waitress, set up so that no client keeps others from an answer and each gets a clear error."""

from .listening import ListenError, listen, url_of
from .server import HttpServer

__all__ = ["HttpServer", "ListenError", "listen", "url_of"]
