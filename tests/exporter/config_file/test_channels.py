"""Where messages go: what the sections may say, and what is said about each mistake."""

from __future__ import annotations

import datetime as dt
import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from canvas_sync_core.names import MessageKind, Severity
from canvas_sync_exporter.config_file.channels import (
    AppriseSettings,
    ChannelSettings,
    EmailSettings,
    Security,
    SlackSettings,
    WebhookSettings,
    read_channels,
)
from canvas_sync_exporter.config_file.config_file import (
    ConfigFile,
    changed_sections,
    read_config_file,
    unknown_syncs,
)
from canvas_sync_exporter.config_file.document import Document
from canvas_sync_exporter.config_file.problems import ConfigFileError, Problem
from canvas_sync_exporter.config_file.table import Table

SECRET = "T0Secret4711"
MAIL = 'host = "smtp.example.edu"\nfrom = "sync@example.edu"\nto = "admin@example.edu"\n'
WEBHOOK = f'webhook = "https://hooks.slack.com/services/{SECRET}"\n'

Read = Callable[[str], ConfigFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_text(text: str) -> ConfigFile:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        old = path.stat().st_mtime - 3600  # or it would be read again, as it may be half written
        os.utime(path, (old, old))
        return read_config_file(path, dt.UTC, {"SLACK_TOKEN": f" xoxb-{SECRET}\n", "EMPTY": " "})

    return read_text


def _channel(file: ConfigFile) -> ChannelSettings:
    (channel,) = file.messages.channels
    return channel


def _problems(read: Read, text: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigFileError) as caught:
        read(text)
    return [(each.line, each.message) for each in caught.value.problems]


def test_without_a_section_there_are_no_destinations(read: Read) -> None:
    assert read("").messages.channels == ()
    assert read("[messages]\n").messages.channels == ()


def test_a_slack_webhook_is_read(read: Read) -> None:
    channel = _channel(read("[messages.slack]\n" + WEBHOOK))
    assert isinstance(channel, SlackSettings)
    assert (channel.name, channel.token, channel.channel) == ("slack", None, "")
    assert channel.webhook == f"https://hooks.slack.com/services/{SECRET}"


def test_a_slack_bot_is_read(read: Read) -> None:
    text = f'[messages.slack]\ntoken = "xoxb-{SECRET}"\nchannel = "#canvas-sync"\n'
    channel = _channel(read(text))
    assert isinstance(channel, SlackSettings)
    assert (channel.webhook, channel.token) == (None, f"xoxb-{SECRET}")
    assert channel.channel == "#canvas-sync"


def test_a_secret_can_be_in_a_file_or_a_variable(read: Read, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"\nxoxb-{SECRET}\n")
    for line in (f'token_file = "{tmp_path}/token"', 'token_env = "SLACK_TOKEN"'):
        channel = _channel(read(f'[messages.slack]\n{line}\nchannel = "C012345678"\n'))
        assert isinstance(channel, SlackSettings)
        assert channel.token == f"xoxb-{SECRET}"


def test_email_has_safe_defaults(read: Read) -> None:
    channel = _channel(read("[messages.email]\n" + MAIL))
    assert isinstance(channel, EmailSettings)
    assert (channel.security, channel.port, channel.ca_file) == (Security.STARTTLS, 587, None)
    assert (channel.user, channel.password) == ("", None)
    assert channel.recipients == ("admin@example.edu",)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_the_encryption(read: Read, security: str, port: int) -> None:
    channel = _channel(read(f'[messages.email]\nsecurity = "{security}"\n{MAIL}'))
    assert isinstance(channel, EmailSettings)
    assert channel.port == port


def test_a_login_and_several_recipients_are_read(read: Read, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("two words\n")
    channel = _channel(
        read(
            '[messages.email]\nhost = "[::1]"\nport = 2525\nuser = "sync"\n'
            f'password_file = "{tmp_path}/password"\nfrom = "Sync, Canvas <sync@example.edu>"\n'
            'to = ["a@example.edu", "B C <b@example.edu>", "a@example.edu"]\n'
        )
    )
    assert isinstance(channel, EmailSettings)
    assert (channel.host, channel.port) == ("::1", 2525)
    assert (channel.user, channel.password) == ("sync", "two words")
    assert channel.recipients == ("a@example.edu", "B C <b@example.edu>")


def test_a_webhook_and_apprise_are_read(read: Read) -> None:
    file = read(
        '[messages.webhook]\nurl = "http://tickets.local:8080/canvas"\nsecret = "whsec_MTIz"\n'
        '[messages.apprise]\nurl = "ntfy://ntfy.example.edu/canvas"\n'
    )
    webhook, apprise = file.messages.channels
    assert isinstance(webhook, WebhookSettings)
    assert (webhook.url, webhook.secret) == ("http://tickets.local:8080/canvas", "whsec_MTIz")
    assert isinstance(apprise, AppriseSettings)
    assert apprise.url == "ntfy://ntfy.example.edu/canvas"


def test_a_section_can_have_several_destinations(read: Read) -> None:
    text = f'[[messages.email]]\nname = "head"\nkinds = "monthly"\n{MAIL}[[messages.email]]\n'
    file = read(f'{text}name = "admins"\nseverities = ["critical"]\nsync_types = ["full"]\n{MAIL}')
    head, admins = file.messages.channels
    assert (head.name, admins.name) == ("email.head", "email.admins")
    assert head.audience.kinds == {MessageKind.MONTHLY}
    assert admins.audience.severities == {Severity.CRITICAL}
    assert admins.audience.sync_types == {"full"}


def test_no_secret_is_shown(read: Read) -> None:
    file = read(
        f"[messages.slack]\n{WEBHOOK}"
        f'[messages.email]\n{MAIL}user = "x"\npassword = "{SECRET}"\n'
        f'[messages.webhook]\nurl = "https://example.edu/{SECRET}"\nsecret = "{SECRET}"\n'
        f'[messages.apprise]\nurl = "ntfy://{SECRET}@example.edu/x"\n'
    )
    assert len(file.messages.channels) == 4
    assert SECRET not in repr(file)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        # Slack
        ('[messages.slack]\nwebhook = "hooks.slack.com"', 2, "URL that begins with https://"),
        ('[messages.slack]\nwebhook = "http://example.edu/x"', 2, "URL that begins with https://"),
        ('[messages.slack]\nwebhook = "https://"', 2, "URL that begins with https://"),
        ('[messages.slack]\nwebhook = "https://[::1"', 2, "URL that begins with https://"),
        ('[messages.slack]\nwebhook = "https://a:b@c.edu/"', 2, "without a user and password"),
        ("[messages.slack]\nwebhook = 4", 2, 'write a text such as "https://hooks.slack.com'),
        ("[messages.slack]", 1, "write `webhook`, or `token` and `channel`"),
        ('[messages.slack]\ntoken = "xoxb-1"', 1, "`channel` is missing"),
        ('[messages.slack]\ntoken = "xoxp-1"\nchannel = "#a"', 2, "which begins with xoxb-"),
        ('[messages.slack]\ntoken = "xoxb-1 2"\nchannel = "#a"', 2, "it contains spaces"),
        ('[messages.slack]\ntoken = "xoxb-1"\nchannel = "a b"', 3, "the name of a channel"),
        (f'[messages.slack]\n{WEBHOOK}token = "xoxb-1"', 1, "both a webhook and a token"),
        (f'[messages.slack]\n{WEBHOOK}channel = "#a"', 3, "leave it out"),
        (f'[messages.slack]\n{WEBHOOK}webhok = "x"', 3, "did you mean `webhook`?"),
        (f"[messages.slack]\n{WEBHOOK}token_file = 5", 1, "both a webhook and a token"),
        (f'[messages.slack]\n{WEBHOOK}webhook_env = "A"', 3, "write either `webhook` or"),
        ('[messages.slack]\nwebhook_file = "/no/such"', 2, "cannot be read: No such file"),
        ('[messages.slack]\nwebhook_file = "/dev/null"', 2, "not a regular file"),
        ('[messages.slack]\nwebhook_env = "EMPTY"', 2, "no such variable, or it is empty"),
        ('[messages.slack]\nwebhook_env = "NOT_SET"', 2, "no such variable, or it is empty"),
        ("[messages]\nslack = 5", 2, "messages.slack: it is a number; write [messages.slack]"),
        ("[messages]\nslack = [5]", 2, "it is a number instead of a table"),
        ('[messages.slak]\nwebhook = "x"', 1, "messages.slak: unknown key; did you mean `slack`?"),
        # every destination
        (f'[messages.slack]\n{WEBHOOK}kinds = ["dayly"]', 3, "did you mean `daily`?"),
        (f'[messages.slack]\n{WEBHOOK}kinds = ["x"]', 3, "write one of `incident`, `daily`"),
        (f'[messages.slack]\n{WEBHOOK}kinds = ["test"]', 3, "'test' is not known"),
        (f"[messages.slack]\n{WEBHOOK}kinds = []", 3, "leave `kinds` out for all of them"),
        (f"[messages.slack]\n{WEBHOOK}kinds = 3", 3, 'write a list of texts such as ["incident"]'),
        (f'[messages.slack]\n{WEBHOOK}severities = "bad"', 3, "write one of `critical`, `warning`"),
        (f"[messages.slack]\n{WEBHOOK}sync_types = []", 3, "leave `sync_types` out"),
        (f'[messages.slack]\n{WEBHOOK}sync_types = [""]', 3, "cannot be a sync type"),
        (f'[messages.slack]\n{WEBHOOK}name = "a b"', 3, "up to 40 letters, digits"),
        (f"[[messages.slack]]\n{WEBHOOK}[[messages.slack]]\n{WEBHOOK}", 3, "`name` is missing"),
        (
            f'[[messages.slack]]\nname = "a"\n{WEBHOOK}[[messages.slack]]\nname = "a"\n{WEBHOOK}',
            5,
            "there is another slack destination of this name",
        ),
        # e-mail
        ("[messages.email]", 1, "`host` is missing"),
        ('[messages.email]\nhost = "a"\nto = "a@b.c"', 1, "`from` is missing"),
        ('[messages.email]\nhost = "a"\nfrom = "a@b.c"', 1, "`to` is missing"),
        (MAIL.replace("smtp.", "smtp://"), 1, "the name of the mail server alone"),
        (MAIL.replace("admin@", "admin "), 3, "write an address such as admin@example.edu"),
        (MAIL.replace("admin@", "ädmin@"), 3, "write addresses in ASCII"),
        (MAIL.replace("admin@example.edu", "admin"), 3, "write an address such as"),
        (MAIL.replace("admin@", r"a\r\nBcc: b@"), 3, "write an address such as"),
        (MAIL.replace("admin@", r"a\\r\\nBcc: b@"), 3, "write an address such as"),
        (MAIL.replace("admin@", "a@b.edu, c@"), 3, "write an address such as"),
        (MAIL.replace('"admin@example.edu"', "[]"), 3, "write 1 to 50 addresses"),
        (f"{MAIL}port = 0", 4, "write a number from 1 to 65535"),
        (f'{MAIL}port = "25"', 4, "it is a text; write a number"),
        (f'{MAIL}security = "ssl"', 4, "write one of `starttls`, `tls`, `none`"),
        (f'{MAIL}user = "a"', 0, "write both `user` and `password_file`, or neither"),
        (f'{MAIL}password = "a"', 0, "write both `user` and `password_file`, or neither"),
        (
            f'{MAIL}security = "none"\nuser = "a"\npassword = "a"',
            4,
            "the password would be readable on its way",
        ),
        (f'{MAIL}user = "é"\npassword = "a"', 4, "characters outside ASCII"),
        (f'{MAIL}user = "a"\npassword = "pässword"', 5, "characters outside ASCII"),
        (f'{MAIL}ca_file = "/no/such"', 4, "there is no such file"),
        # webhook, Apprise
        ('[messages.webhook]\nurl = "tickets"', 2, "URL that begins with https://"),
        ("[messages.webhook]", 1, "`url` is missing"),
        ('[messages.apprise]\nurl = "tickets"', 2, "write one Apprise URL"),
        ("[messages.apprise]", 1, "`url` is missing"),
    ],
)
def test_a_mistake_is_reported_with_its_line(
    read: Read, text: str, line: int, message: str
) -> None:
    is_mail = text.startswith("host")
    problems = _problems(read, f"[messages.email]\n{text}" if is_mail else text)
    expected = line + 1 if is_mail else line
    assert [message for at, words in problems if at == expected and message in words] == [message]


@pytest.mark.parametrize(
    "line",
    [
        'webhook = "hooks.slack.com/{}"',
        'webhook = "https://hooks.slack.com/ {}"',
        'webhook = "https://a:{}"',
        'webhook = "https://a:{}@b.edu/"',
        'webhook_file = "{}"',
        'webhook_env = "{}"',
        'token = "{}"',
        'token_file = "xoxb-{}"',
        'token_env = "xoxb-{}"',
    ],
)
def test_a_mistake_in_a_secret_does_not_show_it(read: Read, line: str) -> None:
    problems = _problems(read, f"[messages.slack]\n{line.format(SECRET)}\n")
    assert problems
    assert SECRET not in str(problems)


def test_a_mistake_in_the_url_of_the_heartbeat_does_not_show_it(read: Read) -> None:
    assert SECRET not in str(_problems(read, f'[heartbeat]\nurl = "hc.edu/{SECRET}"'))


def test_a_password_may_travel_unencrypted_on_the_same_machine(read: Read) -> None:
    text = MAIL.replace("smtp.example.edu", "127.0.0.1")
    text += 'security = "none"\nuser = "a"\npassword = "b"\n'
    assert isinstance(_channel(read(f"[messages.email]\n{text}")), EmailSettings)


def test_changed_destinations_are_named_without_their_values(read: Read) -> None:
    before = read(f'[messages.slack]\n{WEBHOOK}[messages.email]\nname = "a"\n{MAIL}')
    text = f'[messages.slack]\n{WEBHOOK.replace(SECRET, "other")}[messages.email]\nname = "b"\n'
    changes = changed_sections(before, read(text + MAIL))
    assert changes == ["[messages.email.a]", "[messages.email.b]", "[messages.slack]"]


def test_a_sync_type_that_never_ran_is_noticed(read: Read) -> None:
    file = read(f'[messages.slack]\n{WEBHOOK}sync_types = ["ful"]\n')
    assert unknown_syncs(file, ["full"]) == [
        "There is no run of `ful` so far; did you mean `full`?"
    ]


_VALUES = st.recursive(
    st.one_of(
        st.text(max_size=20).map(json.dumps),
        st.sampled_from(["https://a.edu/", "a@b.edu", "xoxb-1", "#a", "incident"]).map(json.dumps),
        st.booleans().map(lambda value: str(value).lower()),
        st.integers(-(2**40), 2**40).map(str),
        st.sampled_from(["nan", "-inf", "1.5", "2026-11-29", "07:30:00", "{}", "{ a = 1 }"]),
    ),
    lambda values: st.lists(values, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
    max_leaves=4,
)
_KEYS = (
    *("name", "kinds", "severities", "sync_types", "channel", "host", "port", "security"),
    *("ca_file", "user", "from", "to", "webhook", "token", "password", "url", "secret"),
    *("webhook_file", "token_env", "password_file", "url_env", "secret_file"),
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["slack", "email", "webhook", "apprise"]),
    st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=9),
)
def test_any_values_are_read_or_reported(kind: str, values: dict[str, str]) -> None:
    text = f"[{kind}]\n" + "\n".join(f"{key} = {value}" for key, value in values.items())
    try:
        document = Document(Path("config.toml"), tomllib.loads(text), text)
    except tomllib.TOMLDecodeError:
        reject()  # a surrogate, for instance
    problems: list[Problem] = []
    channels = read_channels(Table(document, problems, (), document.data), {})
    assert channels or problems
    assert all(problem.line for problem in problems)
