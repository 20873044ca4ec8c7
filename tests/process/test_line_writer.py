"""Writing lines never blocks and never fails, even if the stream does not accept them."""

import contextlib
import io
import os
import pty
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from patience import PATIENCE_S

from hitrs_live.process.line_writer import LineStream, LineWriter, NoStream, printable, write_line


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """The reading end's descriptor and the writing end."""
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w", encoding="utf-8")
    yield reading, stream
    stream.close()
    os.close(reading)


def fill(stream: TextIO) -> int:
    """Write into a pipe until it is full; return the number of bytes written."""
    os.set_blocking(stream.fileno(), False)
    took = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            took += os.write(stream.fileno(), b"x" * 4096)
    os.set_blocking(stream.fileno(), True)
    return took


def test_lines_come_out_in_order_and_none_is_lost(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe
    writer = LineWriter(stream)
    for number in range(50):
        writer.write(f"line {number}")
    assert writer.flush(PATIENCE_S)
    assert writer.close(PATIENCE_S) == 0
    assert os.read(reading, 65536).decode() == "".join(f"line {number}\n" for number in range(50))


def test_a_pipe_without_a_reading_process_loses_lines_but_does_not_block(pipe: tuple[int, TextIO]) -> None:
    fill(pipe[1])
    writer = LineWriter(pipe[1], max_lines=10)
    for number in range(100):
        writer.write(f"line {number}")
    # One may be in transit, ten wait.
    assert 100 - 11 <= writer.lost <= 100 - 10
    assert writer.close(0.1) == 100


def test_after_a_gap_lines_continue_with_the_number_of_missing_ones(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe
    before = fill(stream)
    writer = LineWriter(stream, max_lines=2, describe_loss=lambda lines: f"lost {lines}")
    for _ in range(20):
        writer.write("line")
    lost = writer.lost
    assert lost in (17, 18)
    received = b""
    while len(received) < before:
        received += os.read(reading, 65536)
    assert writer.flush(PATIENCE_S)
    writer.write("back")
    assert writer.close(PATIENCE_S) == lost
    received += os.read(reading, 65536)
    assert received[before:].decode() == "line\n" * (20 - lost) + f"lost {lost}\nback\n"


def test_after_the_reader_is_gone_every_line_is_lost() -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    os.close(reading)
    writer = LineWriter(stream)
    writer.write("one")
    assert writer.flush(PATIENCE_S)
    writer.write("two")
    assert writer.close(PATIENCE_S) == 2
    stream.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_loses_lines_and_writing_is_retried() -> None:
    with open("/dev/full", "w") as stream:
        writer = LineWriter(stream)
        writer.write("one")
        assert writer.flush(PATIENCE_S)
        assert writer.lost == 1
        writer.write("two")
        assert writer.close(PATIENCE_S) == 2


def test_a_stopped_terminal_loses_lines_but_does_not_block() -> None:
    controller, terminal = pty.openpty()
    tty.setraw(terminal)
    termios.tcflow(terminal, termios.TCOOFF)
    stream = os.fdopen(terminal, "w")
    writer = LineWriter(stream, max_lines=5)
    for _ in range(20):
        writer.write("line")
    assert writer.close(0.1) == 20
    os.close(controller)
    stream.close()


@pytest.mark.parametrize(
    ("encoding", "written"), [("ascii", b"\\xdcbung \\u9ad8\n"), ("latin-1", b"\xdcbung \\u9ad8\n")]
)
def test_characters_that_the_encoding_lacks_are_written_as_escapes(
    pipe: tuple[int, TextIO], encoding: str, written: bytes
) -> None:
    reading, _ = pipe
    stream = os.fdopen(os.dup(pipe[1].fileno()), "w", encoding=encoding)
    writer = LineWriter(stream)
    writer.write("Übung 高")
    assert writer.close(PATIENCE_S) == 0
    assert os.read(reading, 4096) == written
    stream.close()


def test_a_file_name_with_undecodable_bytes_is_written(pipe: tuple[int, TextIO]) -> None:
    writer = LineWriter(pipe[1])
    writer.write(os.fsdecode(b"a\xffb"))
    assert writer.close(PATIENCE_S) == 0
    assert os.read(pipe[0], 4096) == b"a\\udcffb\n"


def test_a_stream_that_was_never_open_drops_everything() -> None:
    writer = LineWriter(NoStream())
    writer.write("one")
    assert writer.close() == 1


def test_a_stream_without_a_descriptor_accepts_lines() -> None:
    stream = io.StringIO()
    writer = LineWriter(stream)
    writer.write("Übung")
    assert writer.close(PATIENCE_S) == 0
    assert stream.getvalue() == "Übung\n"


def test_while_paused_the_newest_lines_are_kept(pipe: tuple[int, TextIO]) -> None:
    writer = LineWriter(pipe[1], max_lines=3, paused=True)
    for number in range(5):
        writer.write(str(number))
    assert not writer.flush(0.01)
    writer.resume()
    assert writer.flush(PATIENCE_S)
    assert os.read(pipe[0], 4096) == b"2\n3\n4\n"
    assert writer.close(PATIENCE_S) == 2


def test_printed_text_is_passed_on_in_whole_lines() -> None:
    stream = io.StringIO()
    writer = LineWriter(stream)
    print("one\ntwo", "words", file=LineStream(writer), flush=True)
    writer.close(PATIENCE_S)
    assert stream.getvalue() == "one\ntwo words\n"


def test_an_unfinished_line_is_passed_on_when_the_stream_is_finished() -> None:
    out = io.StringIO()
    writer = LineWriter(out)
    stream = LineStream(writer)
    stream.write("one\ntw")
    stream.write("o")
    stream.finish()
    stream.finish()
    writer.close(PATIENCE_S)
    assert out.getvalue() == "one\ntwo\n"


def test_a_progress_bar_that_never_ends_its_line_is_not_kept_for_ever() -> None:
    out = io.StringIO()
    writer = LineWriter(out)
    stream = LineStream(writer)
    bar = "\r" + 99 * "#"
    for _ in range(1000):
        stream.write(bar)
    assert writer.flush(PATIENCE_S)
    unwritten = 1000 * len(bar) - len(out.getvalue().replace("\n", ""))
    assert 0 < unwritten <= 1 << 14
    stream.finish()
    writer.close(PATIENCE_S)
    assert out.getvalue().replace("\n", "") == 1000 * bar


def test_no_text_is_lost_when_several_threads_print_at_once() -> None:
    out = io.StringIO()
    writer = LineWriter(out)
    stream = LineStream(writer)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: [stream.write("x") for _ in range(5000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    finally:
        sys.setswitchinterval(before)
    stream.finish()
    writer.close(PATIENCE_S)
    assert out.getvalue().replace("\n", "") == 20_000 * "x"


def test_a_single_line_is_given_up_if_there_is_no_reader(pipe: tuple[int, TextIO]) -> None:
    before = fill(pipe[1])
    write_line("one", pipe[1], timeout_s=0.1)
    assert os.read(pipe[0], 2 * before) == b"x" * before


def test_a_closed_standard_stream_is_filled_so_that_no_other_file_takes_its_place(tmp_path: Path) -> None:
    code = (
        "import sys; from hitrs_live.process.line_writer import fill_standard_streams as fill; fill(); "
        "file = open(sys.argv[1], 'w'); print('lost'); sys.stderr.write('nor this'); "
        "file.write(str(file.fileno())); file.close()"
    )
    target = tmp_path / "number.txt"
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code, str(target)]
    assert subprocess.run(command, check=False, timeout=PATIENCE_S).returncode == 0
    assert int(target.read_text()) > 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Übung 你好 🙂 [31m", "Übung 你好 🙂 [31m"),
        ("a\nb\r\nc\td\x0be", "a b  c d e"),
        ("a\x85b\u2028c\u2029d\xa0e", "a b c d e"),
        ("\x1b[2J\x9b2J\x07\x00", "\ufffd[2J\ufffd2J\ufffd\ufffd"),
        ("a\u202ecba\u2066\u200b\ufeff", "a\ufffdcba\ufffd\ufffd\ufffd"),
        ("\ud800\ue000", "\ufffd\ufffd"),
    ],
)
def test_untrusted_text_becomes_one_line_that_cannot_control_a_terminal(text: str, line: str) -> None:
    assert printable(text) == line
