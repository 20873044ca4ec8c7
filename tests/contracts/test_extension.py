"""A new source, sink, view or verb is one new file and one line of a table, then it works from outside."""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import hitrs_live
from hitrs_live import cli
from hitrs_live.messages import Status
from hitrs_live.sources.kinds import SOURCES, SourceKind
from hitrs_live.transport.kinds import SINKS, SinkKind
from hitrs_live.views.kinds import VIEWS, ViewKind

RUN = ("--speed", "max", "--duration", "1", "--plain", "--bind", "tcp://127.0.0.1:0", "--engine", "torch",
       "--update", "clip")  # fmt: skip


@pytest.fixture
def package_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["NewFile"]:
    yield (new_file := NewFile(tmp_path / "new", monkeypatch))
    for name in new_file.modules:
        sys.modules.pop(name, None)


class NewFile:
    """Add modules to packages of hitrs_live without writing into them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.modules: list[str] = []
        self._folder, self._monkeypatch = folder, monkeypatch

    def __call__(self, package: str, name: str, code: str) -> None:
        folder = self._folder / package
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
        found = import_module(f"hitrs_live.{package}")
        self._monkeypatch.setattr(found, "__path__", [*found.__path__, str(folder)])
        self.modules.append(f"hitrs_live.{package}.{name}")


SOURCE = '''
"""A source: as many frames without a person as its value says."""

from hitrs_live.messages import PoseFrame, SourceChange


def make_empty_room(value, options):
    return EmptyRoom(int(value), options.source_id or "empty-room")


class EmptyRoom:
    has_pictures = False
    live = False

    def __init__(self, frames, source_id):
        self.source_id = source_id
        self._items = [SourceChange(state="up", time_ns=0)]
        for index in range(frames):
            time_ns = index * 33_333_333
            self._items.append(PoseFrame(index=index, capture_time_ns=time_ns, received_ns=time_ns, poses=()))
        self._items.append(SourceChange(state="ended", time_ns=frames * 33_333_333))

    def open(self):
        pass

    def read(self, timeout_s):
        items, self._items = self._items[:1], self._items[1:]
        return tuple(items)

    def drops(self):
        return {}

    def close(self):
        self._items = []
'''


@pytest.fixture
def empty_room(package_file: NewFile, monkeypatch: pytest.MonkeyPatch) -> None:
    package_file("sources", "empty_room", SOURCE)
    line = SourceKind(factory="empty_room.make_empty_room", metavar="FRAMES", text="an empty room", has_pictures=False)
    monkeypatch.setitem(SOURCES, "empty-room", line)


@pytest.mark.slow
@pytest.mark.usefixtures("empty_room")
def test_a_new_source_has_a_flag_and_runs_inside_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["live", "--help"])
    assert "--empty-room FRAMES" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["pose", "--help"])
    assert "--empty-room" not in capsys.readouterr().out, "it gives no pictures"
    messages = list(
        hitrs_live.run(sources=[("empty-room", "7"), ("empty-room", "5")], source_id="a,b", model__engine="torch")
    )
    last = {message.source_id: message.frames for message in messages if isinstance(message, Status)}
    assert last == {"a": 7, "b": 5}


def test_a_source_of_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="got 'radar', expected one of camera, video, replay, joints, demo"):
        hitrs_live.run(sources=[("radar", "0")])
    with pytest.raises(TypeError, match="expected pairs of text"):
        hitrs_live.run(sources=["demo"])  # type: ignore[list-item]


SINK = '''
"""A sink: a line for each message in a file."""

from pathlib import Path


def make_lines(value, options):
    return Lines(Path(value), options.session_id)


class Lines:
    name = "the lines"
    notices = ()

    def __init__(self, path, session_id):
        self._file = path.open("w", encoding="utf-8")
        self._session_id = session_id

    def drops(self):
        return {}

    def publish(self, message):
        assert message.session_id == self._session_id
        self._file.write(message.topic + "\\n")
        return message

    def close(self):
        self._file.close()
'''


@pytest.mark.slow
@pytest.mark.usefixtures("empty_room")
def test_a_new_sink_has_a_flag_and_gets_every_message(
    package_file: NewFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package_file("transport", "lines", SINK)
    line = SinkKind(factory="lines.make_lines", metavar="FILE", text="topics", file_of="list of topics")
    monkeypatch.setitem(SINKS, "lines", line)
    file = tmp_path / "topics.txt"
    rooms = ("--empty-room", "3", "--empty-room", "3", "--source-id", "a,b")
    assert cli.main(["live", *rooms, *RUN, "--lines", str(file)]) == 0
    topics = file.read_text(encoding="utf-8").split()
    assert {"source.a", "source.b", "status.a", "status.b"} == set(topics)
    assert cli.main(["live", *rooms, *RUN, "--lines", str(file)]) == 2, "it exists, and --overwrite is not given"
    assert file.read_text(encoding="utf-8").split() == topics


VIEW = '''
"""A view: the number of scenes, in a file."""

import json
from pathlib import Path


def make_tally(value, options):
    return Tally(Path(value), options)


class Tally:
    notices, lost = (), 0

    def __init__(self, path, options):
        self._path, self._options, self._scenes = path, options, 0

    def show(self, scene):
        self._scenes += 1

    def close(self):
        self._path.write_text(json.dumps([self._options.source_id, self._options.may_wait, self._scenes]))
'''


@pytest.mark.slow
@pytest.mark.usefixtures("empty_room")
def test_a_new_view_has_a_flag_and_is_shown_every_frame_of_each_source(
    package_file: NewFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package_file("views", "tally", VIEW)
    line = ViewKind(factory="tally.make_tally", metavar="FILE", text="number of frames", file_of="tally")
    monkeypatch.setitem(VIEWS, "tally", line)
    rooms = ("--empty-room", "3", "--empty-room", "4", "--source-id", "a,b")
    assert cli.main(["live", *rooms, *RUN, "--tally", str(tmp_path / "n.json")]) == 0
    assert json.loads((tmp_path / "n-a.json").read_text()) == ["a", True, 3]
    assert json.loads((tmp_path / "n-b.json").read_text()) == ["b", True, 4]


VERB = '''
"""A verb: print its argument in capitals."""


def add_flags(parser):
    parser.add_argument("word")
    parser.set_defaults(run=run)


def run(options):
    print(options.word.upper())
    return 0
'''


def test_a_new_verb_runs(
    package_file: NewFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package_file("commands", "shout_out", VERB)
    monkeypatch.setattr(cli, "_VERBS", (*cli._VERBS, ("shout-out", "print a word in capitals")))
    assert cli.main(["shout-out", "squat"]) == 0
    assert capsys.readouterr().out == "SQUAT\n"
