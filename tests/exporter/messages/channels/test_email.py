"""E-mails that real servers accept, refuse, or never answer."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from canvas_sync_core.errors import SettingsError
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import EmailSettings, Security
from canvas_sync_exporter.messages.channel import DeliveryError
from canvas_sync_exporter.messages.channels import smtp
from canvas_sync_exporter.messages.channels.email import EmailChannel
from support.mail_server import mail_server
from support.message_contents import RESOLVED, message
from support.message_server import certificate

SECRET = "T0Secret4711"
USER = "canvas-sync-user"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


def _settings(port: int, security: Security = Security.NONE, **others: object) -> EmailSettings:
    settings = EmailSettings(
        name="email",
        audience=Audience(),
        host="127.0.0.1",
        port=port,
        security=security,
        ca_file=None,
        user="",
        password=None,
        sender="Canvas sync <sync@example.edu>",
        recipients=("Admin <admin@example.edu>", "head@example.edu"),
    )
    return replace(settings, **others)  # type: ignore[arg-type]


def _failure(settings: EmailSettings, seconds: float = 60.0) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        EmailChannel(settings, seconds=seconds).send(message())
    for secret in (SECRET, USER, "sync@example.edu", "admin@example.edu"):
        assert secret not in str(caught.value)
    return caught.value


def test_an_email_is_delivered_to_all_recipients() -> None:
    with mail_server() as server:
        reference = EmailChannel(_settings(server.port)).send(message())
        delivery = server.deliveries.get(timeout=60)
    assert delivery.sender == "sync@example.edu"
    assert delivery.recipients == ["admin@example.edu", "head@example.edu"]
    assert delivery.mail["Message-ID"] == reference


def test_later_messages_are_in_the_same_thread() -> None:
    with mail_server() as server:
        channel = EmailChannel(_settings(server.port))
        reference = channel.send(message())
        channel.send(replace(message(RESOLVED, key="b"), thread=reference))
        first, second = (server.deliveries.get(timeout=60).mail for _ in range(2))
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert second["Message-ID"] != first["Message-ID"]


def test_starttls_and_a_login_are_used(tls: tuple[ssl.SSLContext, Path]) -> None:
    context, file = tls
    with mail_server(starttls=context, logins={USER: SECRET}) as server:
        settings = _settings(server.port, Security.STARTTLS, ca_file=file)
        EmailChannel(replace(settings, user=USER, password=SECRET)).send(message())
        delivery = server.deliveries.get(timeout=60)
    assert (delivery.is_encrypted, delivery.user) == (True, USER)


def test_encryption_from_the_start_is_used(tls: tuple[ssl.SSLContext, Path]) -> None:
    context, file = tls
    with mail_server(tls=context) as server:
        EmailChannel(_settings(server.port, Security.TLS, ca_file=file)).send(message())
        assert server.deliveries.get(timeout=60).is_encrypted


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_is_verified(tls: tuple[ssl.SSLContext, Path], security: Security) -> None:
    context = tls[0]
    starttls, tls_context = (context, None) if security is Security.STARTTLS else (None, context)
    with mail_server(starttls=starttls, tls=tls_context) as server:
        failure = _failure(_settings(server.port, security, user=USER, password=SECRET))
        assert server.deliveries.empty()
    assert "certificate is not valid" in str(failure)
    assert not failure.is_permanent


def test_a_certificate_for_another_host_is_not_valid(tmp_path: Path) -> None:
    context, file = certificate(tmp_path, "DNS:mail.example.edu")
    with mail_server(starttls=context) as server:
        failure = _failure(_settings(server.port, Security.STARTTLS, ca_file=file))
    assert "certificate is not valid" in str(failure)


def test_nothing_is_sent_without_the_encryption_that_was_asked_for() -> None:
    with mail_server() as server:
        settings = _settings(server.port, Security.STARTTLS, user=USER, password=SECRET)
        failure = _failure(settings)
        assert server.deliveries.empty()
    assert failure.is_permanent
    assert 'write security = "tls"' in str(failure)


def test_a_login_that_is_refused_is_reported_without_it(tls: tuple[ssl.SSLContext, Path]) -> None:
    context, file = tls
    with mail_server(starttls=context, logins={USER: "other"}) as server:
        settings = _settings(server.port, Security.STARTTLS, ca_file=file)
        failure = _failure(replace(settings, user=USER, password=SECRET))
    assert failure.is_permanent
    assert "refused the login: 535 5.7.8 [removed] with [removed] is not accepted" in str(failure)


def test_a_server_that_offers_no_login_is_reported() -> None:
    with mail_server() as server:
        failure = _failure(_settings(server.port, user=USER, password=SECRET))
    assert failure.is_permanent
    assert "leave out `user` and `password`" in str(failure)


@pytest.mark.parametrize(
    ("answer", "is_permanent"),
    [
        ("550 5.7.1 rejected for admin@example.edu", True),
        ("552 too large", True),
        ("451 4.3.0 try again", False),
        ("421 closing", False),
    ],
)
def test_a_refusal_is_permanent_or_not(answer: str, is_permanent: bool) -> None:
    with mail_server() as server:
        server.answer = answer
        failure = _failure(_settings(server.port))
    assert failure.is_permanent == is_permanent
    assert answer[:3] in str(failure)


def test_recipients_that_are_all_refused_are_counted() -> None:
    with mail_server() as server:
        server.refused = {
            "admin@example.edu": "550 no admin@example.edu here",
            "head@example.edu": "451 later",
        }
        failure = _failure(_settings(server.port))
    assert "refused 2 of 2 recipients: 550 no [removed] here" in str(failure)
    assert not failure.is_permanent  # one may be accepted later
    assert failure.reference is None, "nobody has got it"


def test_the_next_attempt_goes_only_to_those_who_have_not_got_it() -> None:
    with mail_server() as server:
        channel = EmailChannel(_settings(server.port))
        server.refused = {"admin@example.edu": "450 greylisted"}
        with pytest.raises(DeliveryError, match="refused 1 of 2 recipients") as caught:
            channel.send(message())
        server.refused = {}
        channel.send(message())
        channel.send(message(key="other"))
        deliveries = [server.deliveries.get(timeout=60).recipients for _ in range(3)]
    assert not caught.value.is_permanent
    assert caught.value.reference is not None
    assert deliveries[:2] == [["head@example.edu"], ["admin@example.edu"]]
    assert len(deliveries[2]) == 2


def test_a_recipient_that_does_not_exist_is_reported_though_others_got_it() -> None:
    with mail_server() as server:
        server.refused = {"admin@example.edu": "550 unknown"}
        failure = _failure(_settings(server.port))
        delivery = server.deliveries.get(timeout=60)
    assert delivery.recipients == ["head@example.edu"]
    assert failure.is_permanent
    assert failure.reference == delivery.mail["Message-ID"]


@contextmanager
def _raw_server(parts: Iterator[bytes], pause: float = 0.0) -> Iterator[int]:
    """Send parts to one client, then ignore what it sends until it disconnects."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)
                while connection.recv(65536):
                    pass
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    "first", [b"", b"220 hello\r\n", b"220 hello\r\n250-x\r\n"], ids=["silent", "hello", "ehlo"]
)
@pytest.mark.parametrize("drip", [b"2", b"250-x\r\n"])
def test_a_server_that_answers_in_drips_is_abandoned_when_the_time_is_up(
    first: bytes, drip: bytes
) -> None:
    with _raw_server(itertools.chain([first], itertools.repeat(drip)), pause=0.02) as port:
        failure = _failure(_settings(port), seconds=0.4)
    assert not failure.is_permanent


@pytest.mark.parametrize("answer", [b"", b"25"], ids=["none", "torn"])
def test_an_email_that_was_transmitted_may_have_arrived(answer: bytes) -> None:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            connection.sendall(b"220 x\r\n" + b"250 x\r\n" * 4 + b"354 x\r\n")
            while stream.readline() != b".\r\n":
                pass
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        failure = _failure(_settings(listener.getsockname()[1]))
        thread.join()
    assert failure.may_have_arrived
    assert not failure.is_permanent


def test_a_server_that_never_answers_is_abandoned_when_the_time_is_up() -> None:
    with _raw_server(iter([])) as port:
        failure = _failure(_settings(port), seconds=0.2)
    assert "no complete answer in time" in str(failure)
    assert not failure.is_permanent
    assert not failure.may_have_arrived


def test_a_server_that_falls_silent_is_not_said_to_have_closed_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtp, "_SILENCE_SECONDS", 0.2)
    with _raw_server(iter([b"220 hello\r\n"])) as port:
        failure = _failure(_settings(port))
    assert str(failure) == "127.0.0.1: there was no complete answer in time"


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    with _raw_server(itertools.repeat(b"220-" + b"x" * 4000 + b"\r\n")) as port:
        failure = _failure(_settings(port))
    assert not failure.is_permanent


@pytest.mark.parametrize("greeting", [b"\xff\x00\r\n", b"HTTP/1.1 400 Bad\r\n\r\n", b"22\r\n"])
def test_garbage_gets_another_attempt(greeting: bytes) -> None:
    with _raw_server(iter([greeting])) as port:
        failure = _failure(_settings(port))
    assert "not one of SMTP" in str(failure)
    assert not failure.is_permanent


def test_a_server_that_accepts_no_mail_gets_no_further_attempt() -> None:
    with _raw_server(iter([b"554 no mail here\r\n"])) as port:
        failure = _failure(_settings(port))
    assert "554 no mail here" in str(failure)
    assert failure.is_permanent


def test_a_server_that_refuses_connections_gets_another_attempt() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        failure = _failure(_settings(probe.getsockname()[1]))
    assert "Connection refused" in str(failure)
    assert not failure.is_permanent
    assert not failure.may_have_arrived


def test_a_name_that_cannot_be_resolved_gets_another_attempt() -> None:
    failure = _failure(_settings(25, host="mail.invalid"))
    assert "cannot be resolved" in str(failure)
    assert not failure.is_permanent


def test_a_check_names_all_recipients_and_sends_nothing() -> None:
    with mail_server() as server:
        sentence = EmailChannel(_settings(server.port)).check()
        assert server.deliveries.empty()
    assert sentence == "127.0.0.1 accepts the sender and all 2 recipients."


def test_a_check_finds_a_recipient_that_does_not_exist() -> None:
    with mail_server() as server:
        server.refused = {"head@example.edu": "550 no head@example.edu here"}
        with pytest.raises(DeliveryError, match="refused 1 of 2 recipients") as caught:
            EmailChannel(_settings(server.port)).check()
    assert "1 of 2 recipients (in `to`: number 2): 550 no [removed] here" in str(caught.value)


def test_a_check_finds_a_sender_that_is_refused() -> None:
    answers = [b"220 x\r\n", b"250 x\r\n", b"550 sync@example.edu may not send\r\n"]
    with _raw_server(iter(answers)) as port, pytest.raises(DeliveryError) as caught:
        EmailChannel(_settings(port)).check()
    assert str(caught.value) == "127.0.0.1 responded: 550 [removed] may not send"
    assert caught.value.is_permanent


def test_a_server_that_hangs_up_gets_another_attempt() -> None:
    def hang_up() -> None:
        connection, _ = listener.accept()
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up)
        thread.start()
        failure = _failure(_settings(listener.getsockname()[1]))
        thread.join()
    assert "closed the connection" in str(failure)
    assert not failure.is_permanent


def test_without_a_thread_there_is_another_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "canvas_sync_exporter.messages.channels.deadline.start_daemon", lambda *_: None
    )
    failure = _failure(_settings(25))
    assert not failure.is_permanent
    assert not failure.may_have_arrived


def test_a_check_finds_a_login_that_is_refused(tls: tuple[ssl.SSLContext, Path]) -> None:
    context, file = tls
    with mail_server(starttls=context, logins={USER: "other"}) as server:
        settings = _settings(server.port, Security.STARTTLS, ca_file=file)
        with pytest.raises(DeliveryError, match="refused the login") as caught:
            EmailChannel(replace(settings, user=USER, password=SECRET)).check()
    assert SECRET not in str(caught.value)


def test_certificates_that_cannot_be_used_are_reported_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(SettingsError, match=r"messages\.email\.ca_file"):
        EmailChannel(_settings(25, ca_file=file))
