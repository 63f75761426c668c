"""Names of parameters, headers and keys whose values must not be recorded."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from canvas_sync_core.patterns import late_pattern

__all__ = [
    "is_count",
    "is_personal_name",
    "is_personal_with_equals",
    "is_secret_name",
    "is_secret_with_equals",
]

_ANYWHERE: Final = late_pattern(
    "token|secret|passw|passphrase|passcode|pwd|apikey|privatekey|accesskey|accountkey|signingkey"
    "|encryptionkey|securitykey|sharedkey|sharedaccess|credential|signature|authorization|cookie"
    "|sessionid|sessionkey|bearer|jwt|csrf|xsrf|verifier|sessid|hmac|pswd|passkey|samlresponse"
    "|pairingcode|verificationcode|confirmationcode|mfacode|masterkey|licensekey|sshkey"
)
"""A name that contains one of these, ignoring punctuation, is the name of a secret."""

_LAST: Final = frozenset(
    {"assertion", "auth", "creds", "otp", "pass", "pin", "pw", "sess", "session", "sid", "sig"}
)
"""Words that name a secret on their own or at the end of a name: ``db_pass``, not ``pass_rate``."""

_COUNTED: Final = frozenset(
    """
    age attempts cookies count credentials days expires index keys left length limit minutes number
    passwords remaining seconds secrets sessions signatures size tokens total ttl version
    """.split()  # noqa: SIM905 - as a list it would fill a line for each
)
"""Words at the end of names that have a number for a value: ``max_tokens``, ``token_age``."""
_COUNT: Final = late_pattern(r"[0-9]{1,6}")
_SHORT_CODE: Final = late_pattern(r"-?[0-9]{1,5}")
"""Length of a code of an answer, an error or an exit; an authorization code is longer."""

_NEVER_LAST: Final = frozenset({"error", "exception", "warning"})
"""Words at the end of the names of exceptions: ``InvalidTokenError: course 7 is closed``."""

_WORD: Final = late_pattern(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_PERSONAL: Final = frozenset(
    """
    address answer avatarurl bio body comment comments displayname email emailaddress enteredgrade
    enteredscore finalgrade finalscore firstname fullname grade currentgrade currentscore
    integrationid lastname login loginid name phone pronouns score shortname sisloginid sisuserid
    sortablename text uniqueid username
    """.split()  # noqa: SIM905 - as a list it would fill a line for each
)
"""Keys of Canvas's own answers whose values are personal data."""
_ANYTHING: Final = frozenset(
    {"address", "answer", "bio", "body", "comment", "comments", "name", "text"}
)
"""Those that also name other things: ``name=courses`` is a table."""
_CACHED: Final = 512


@lru_cache(maxsize=_CACHED)
def is_secret_name(name: str) -> bool:
    """Return whether ``name`` names a secret: ``access_token``, ``X-Amz-Signature``, ``sig``."""
    last = _last_word(name)
    if last in _NEVER_LAST:
        return False
    return last in _LAST or _ANYWHERE.search(_bare(name)) is not None


@lru_cache(maxsize=_CACHED)
def is_secret_with_equals(name: str) -> bool:
    """Return whether ``name`` before ``=`` names a secret; before ``:``, ``code`` is harmless."""
    return is_secret_name(name) or name.lower() == "code"


@lru_cache(maxsize=_CACHED)
def is_personal_name(name: str) -> bool:
    """Return whether Canvas calls personal data by ``name``, such as ``sortable_name``."""
    return _bare(name) in _PERSONAL


@lru_cache(maxsize=_CACHED)
def is_personal_with_equals(name: str) -> bool:
    """Return whether ``name`` before ``=``, as Python prints objects, names personal data."""
    return is_personal_name(name) and _bare(name) not in _ANYTHING


def is_count(name: str, value: str) -> bool:
    """Return whether a value is a plain number and its name only looks like that of a secret."""
    if _last_word(name) in _COUNTED:
        return _COUNT.fullmatch(value) is not None
    return name.lower() == "code" and _SHORT_CODE.fullmatch(value) is not None


def _bare(name: str) -> str:
    return re.sub(r"%20|[\W_]+", "", name).lower()


def _last_word(name: str) -> str:
    words = _WORD.findall(name)
    return words[-1].lower() if words else ""
