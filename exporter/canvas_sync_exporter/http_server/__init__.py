"""waitress, modified so that no client can block others, and every error has a clear response."""

from .listening import ListenError, listen, url_of
from .server import HttpServer

__all__ = ["HttpServer", "ListenError", "listen", "url_of"]
