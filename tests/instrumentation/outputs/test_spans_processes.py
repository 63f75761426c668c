"""Programs that end or fork deliver their spans."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.span_sinks import BAD_COLLECTORS, RECEIVERS, run_program


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
def test_a_program_that_ends_at_once_still_delivers(tmp_path: Path, protocol: str) -> None:
    with RECEIVERS[protocol]() as receiver:
        output, _ = run_program(tmp_path, "run('brief')", receiver.environ)
        assert output == ""
        assert {span.name for span in receiver.spans} == {"brief", "GET /r"}


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
def test_nothing_is_imported_while_spans_are_exported(tmp_path: Path, protocol: str) -> None:
    """A child forked meanwhile would wait for the import's lock as soon as it exports."""
    rest = """
        import threading

        def tell_import(event, arguments):
            if event == "import" and threading.current_thread() is not threading.main_thread():
                print(arguments[0], flush=True)

        sys.addaudithook(tell_import)
        run("first")
        assert sink.flush(600)
    """
    with RECEIVERS[protocol]() as receiver:
        output, _ = run_program(tmp_path, rest, receiver.environ)
        assert len(receiver.spans) == 2
    assert output == ""


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
@pytest.mark.parametrize("behaviour", sorted(BAD_COLLECTORS))
def test_the_exit_waits_for_the_collector_no_longer_than_its_budget(
    tmp_path: Path, behaviour: str, protocol: str
) -> None:
    """The exporter would try for an hour; the sink is closed with 1 s."""
    with BAD_COLLECTORS[behaviour]() as endpoint:
        output, seconds = run_program(
            tmp_path,
            "run('lost')",
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_EXPORTER_OTLP_TIMEOUT": "3600",
            },
        )
    assert output == "spans export_failed 2\n"
    assert seconds < 600


@pytest.mark.parametrize("protocol", sorted(RECEIVERS))
def test_a_forked_child_sends_its_own_spans_and_not_its_parents(
    tmp_path: Path, protocol: str
) -> None:
    """With a connection that is open at the fork and spans that wait in the queue."""
    rest = """
        os.register_at_fork(after_in_child=sink.after_fork_in_child)
        run("before")
        assert sink.flush(600)
        run("queued")
        child = os.fork()
        if not child:
            run("child")
            sink.close(60.0)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        run("after")
        assert sink.flush(600)
    """
    with RECEIVERS[protocol]() as receiver:
        output, _ = run_program(tmp_path, rest, receiver.environ)
        names = sorted(span.name for span in receiver.spans)
    assert output == ""
    assert [name for name in names if name != "GET /r"] == ["after", "before", "child", "queued"]
    assert names.count("GET /r") == 4
    assert receiver.peers["child"] != receiver.peers["before"]
