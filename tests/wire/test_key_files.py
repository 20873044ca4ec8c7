"""Key files are those of the ZeroMQ guide; secret ones are closed to others, never replaced and never shown."""

import stat
from pathlib import Path

import pytest
import zmq
import zmq.auth
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrs_live.errors import KeyUnusable
from hitrs_live.wire.key_files import (
    KeyPair,
    load_key_pair,
    load_public_key,
    load_public_keys,
    write_key_pair,
)


def test_a_pair_is_written_as_pyzmq_reads_it_with_the_secret_for_its_owner_alone(tmp_path: Path) -> None:
    public_file, secret_file = write_key_pair(tmp_path / "keys", "hall")
    public, secret = zmq.auth.load_certificate(secret_file)
    assert zmq.auth.load_certificate(public_file) == (public, None)
    assert load_key_pair(secret_file) == KeyPair(public=public, secret=secret or b"")
    assert load_public_key(public_file) == load_public_key(secret_file) == public
    assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
    assert (secret or b"").decode() not in repr(load_key_pair(secret_file)) + public_file.read_text()


def test_a_pair_written_by_pyzmq_is_read(tmp_path: Path) -> None:
    public_file, secret_file = map(Path, zmq.auth.create_certificates(tmp_path, "hall", metadata={"place": "hall"}))
    secret_file.chmod(0o600)
    assert load_key_pair(secret_file).public == load_public_key(public_file)


@pytest.mark.parametrize("taken", ["hall.key", "hall.key_secret"])
def test_no_file_is_replaced_and_none_is_left_behind(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine")
    with pytest.raises(KeyUnusable, match="exists already"):
        write_key_pair(tmp_path, "hall")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(taken, "mine")]


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "a b", "x" * 65, "a\n"])
def test_a_name_that_is_no_plain_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyUnusable, match="key name"):
        write_key_pair(tmp_path, name)


def test_keys_of_two_pairs_in_one_file_are_refused_without_showing_them(tmp_path: Path) -> None:
    (public, _), (_, secret) = zmq.curve_keypair(), zmq.curve_keypair()
    file = tmp_path / "mixed.key_secret"
    file.touch(0o600)
    file.write_text(f'public-key = "{public.decode()}"\nsecret-key = "{secret.decode()}"\n')
    with pytest.raises(KeyUnusable, match="does not belong to its secret key") as raised:
        load_key_pair(file)
    assert secret.decode() not in str(raised.value)


def test_a_folder_gives_the_keys_that_can_be_read_by_name(tmp_path: Path) -> None:
    public_file, _ = write_key_pair(tmp_path, "hall")
    (tmp_path / "broken.key").write_bytes(b"\xff\0")
    (tmp_path / "folder.key").mkdir()
    (tmp_path / "notes.txt").write_text(public_file.read_text())
    assert load_public_keys(tmp_path) == {load_public_key(public_file): "hall"}


@pytest.mark.parametrize("key", ["#" * 40, "0" * 39, "0" * 39 + "~", "é" * 20])
def test_what_is_no_key_in_z85_is_refused(tmp_path: Path, key: str) -> None:
    file = tmp_path / "hall.key"
    file.write_text(f'public-key = "{key}"\n')
    with pytest.raises(KeyUnusable, match="no public key in it"):
        load_public_key(file)


@settings(max_examples=100, deadline=None)
@given(
    content=st.binary(max_size=300) | st.binary(max_size=60).map(lambda noise: b'\n secret-key = "' + noise + b'"\n')
)
def test_whatever_a_file_contains_it_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.key_secret"
    file.touch(0o600)
    file.write_bytes(content)
    for load in (load_key_pair, load_public_key):
        with pytest.raises(KeyUnusable) as raised:
            load(file)
        assert "\n" not in str(raised.value)


def test_a_libzmq_without_encryption_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public_file, secret_file = write_key_pair(tmp_path, "hall")
    monkeypatch.setattr(zmq, "has", lambda what: what != "curve")
    for use in (
        lambda: load_key_pair(secret_file),
        lambda: load_public_key(public_file),
        lambda: write_key_pair(tmp_path, "x"),
    ):
        with pytest.raises(KeyUnusable, match="built without CURVE; install pyzmq from its wheel"):
            use()
