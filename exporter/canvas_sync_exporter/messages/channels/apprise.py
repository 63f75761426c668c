"""Delivers messages by Apprise, to Teams, Mattermost, Discord, ntfy and many others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_exporter.config_file.channels import AppriseSettings
from canvas_sync_exporter.messages.channel import DeliveryError, OutgoingMessage
from canvas_sync_exporter.messages.content import Content, Status

from .cutting import Limits, content_of, cut_line, fit
from .deadline import Deadline
from .plain_text import render_text

if TYPE_CHECKING:
    from apprise import Apprise

__all__ = ["AppriseChannel"]

SECONDS: Final = 60.0
_LIMITS: Final = Limits(title=120, text=1500, cell=60, rows=30, items=20, sections=20)
_LONGEST: Final = 20_000
_TYPES: Final = {
    Status.GOOD: "success",
    Status.NEUTRAL: "info",
    Status.WARNING: "warning",
    Status.CRITICAL: "failure",
}


class AppriseChannel:
    """Delivers messages to an Apprise URL.

    Args:
        settings: Its section of the configuration file.
        seconds: How long to wait for a delivery.

    Raises:
        SettingsError: Apprise is not installed, or does not know the URL.
    """

    def __init__(self, settings: AppriseSettings, *, seconds: float = SECONDS) -> None:
        self.name = settings.name
        self._apprise = _load(settings)
        self._longest = min(_LONGEST, self._apprise[0].body_maxlen or _LONGEST)
        self._seconds = seconds

    def send(self, message: OutgoingMessage) -> str:
        """Deliver a message; Apprise has no threads to refer to."""
        content = content_of(message)
        try:
            is_delivered = Deadline(self._seconds).call(lambda: self._notify(content))
        except DeliveryError:
            raise
        except TimeoutError:
            raise DeliveryError(
                "Apprise did not deliver it in time", may_have_arrived=True
            ) from None
        except Exception as error:  # noqa: BLE001 - plugins raise anything; its text may be secret
            raise DeliveryError(f"Apprise failed with {type(error).__name__}") from None
        if not is_delivered:
            raise DeliveryError("Apprise could not deliver it; check the URL and the service")
        return ""

    def _notify(self, content: Content) -> bool:
        title = cut_line(content.title, _LIMITS.title)
        # A service without titles gets it as the first line of the text.
        longest = max(1, self._longest - len(title) - 10)
        body = fit(
            content,
            _LIMITS,
            lambda each: render_text(each, with_title=False),
            lambda text: len(text) <= longest,
        )
        status = _TYPES[content.status]
        return bool(self._apprise.notify(body, title, status, body_format="text"))


def _load(settings: AppriseSettings) -> Apprise:
    try:
        import apprise  # noqa: PLC0415 - a separate extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "apprise":
            raise
        raise SettingsError(
            f"messages.{settings.name} needs Apprise: "
            f"pip install '{DISTRIBUTION}[exporter,apprise]'."
        ) from None
    # Its log messages repeat parts of URLs and answers.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    # A redirect would send the secrets of the URL elsewhere; `redirect=yes` in the URL allows it.
    asset = apprise.AppriseAsset(
        app_id=DISTRIBUTION,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        http_redirects=False,
    )
    loaded = apprise.Apprise(asset=asset)
    if not loaded.add(settings.url) or len(loaded) != 1:
        raise SettingsError(
            f"messages.{settings.name}.url: Apprise does not know this URL; see its list of "
            "services for the right form."
        )
    return loaded
