"""No part of a login in an address is shown, wherever in the address it is."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrs_live.wire.addresses import hide_secrets, show_address

SECRET = "S3cretPW"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://cam.lan/live/ch1", "rtsp://cam.lan/live/ch1"),
        ("rtsp://cam.lan:8554/Streaming/Channels/101", "rtsp://cam.lan:8554/Streaming/Channels/101"),
        ("http://u:p@cam.lan:8080/a/b?key=1", "http://cam.lan:8080/a/b"),
        ("rtsp://[::1]:8554/live", "rtsp://[::1]:8554/live"),
        ("tcp://127.0.0.1:5557", "tcp://127.0.0.1:5557"),
        ("ipc:///tmp/joints", "ipc:///tmp/joints"),
        ("tcp://*:5556", "tcp://*:5556"),
        ("/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0",) * 2,
        ("front-door", "front-door"),
        ("localhost:6103", "localhost:6103"),
        ("127.0.0.1:6110", "127.0.0.1:6110"),
        ("tcp://127.0.0.1:22x", "tcp://127.0.0.1:***"),
        ("admin:12345", "***"),
    ],
)
def test_an_address_without_a_secret_is_shown_unchanged(address: str, shown: str) -> None:
    assert show_address(address) == shown


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://admin:{SECRET}@host/live",
        f"rtsp://admin:{SECRET}#1@host/live",
        f"rtsp://admin:#{SECRET}@host/live",
        f"rtsp://admin:1#{SECRET}@host/live",
        f"rtsp://admin:{SECRET}@1@host/live",
        f"rtsp://admin:1@{SECRET}@host/live",
        f"rtsp://admin:{SECRET}/1@host/live",
        f"rtsp://admin:1/{SECRET}@host/live",
        f"rtsp://admin:{SECRET}?x@host/live",
        f"rtsp://admin:1?{SECRET}@host/live",
        f"rtsp://admin:1\\{SECRET}@host/live",
        f"rtsp://admin:{SECRET}%40%23@host/live",
        f"rtsp://{SECRET}@host/live",
        f"rtsp://host/user=admin_password={SECRET}_channel=1_stream=0.sdp",
        f"rtsp://host/user=admin&password={SECRET}&channel=1&stream=0.sdp?real_stream",
        f"rtsp://host/0/admin:{SECRET}/main",
        f"rtsp://host/admin/{SECRET}/video",
        f"rtsp://host:7447/{SECRET}",
        f"http://host/video?user=admin&pwd={SECRET}",
        f"http://host/video;pwd={SECRET}",
        f"http://host/video#{SECRET}",
        f"http://host:{SECRET}/video",
        f"admin:{SECRET}@host/live",
        f"host/admin/{SECRET}",
        f"admin:{SECRET}://host",
        f"tcp://admin:{SECRET}@host:5556",
        f"http://[::1{SECRET}@host/video",
    ],
)
def test_no_part_of_a_login_is_shown(address: str) -> None:
    assert SECRET not in show_address(address)
    assert "admin" not in show_address(address)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12))
def test_the_shown_address_does_not_depend_on_the_password(password: str) -> None:
    shown = show_address(f"rtsp://admin:{password}@10.0.0.1:554/live")
    assert shown in ("rtsp://10.0.0.1:554/live", "rtsp://***")


@pytest.mark.parametrize(
    "words",
    [
        "cannot open {}",
        "Server returned 401 for {}",
        "no route to admin:{secret}",
        "GET {tail} failed",
        "Authorization for {quoted} refused",
    ],
)
@pytest.mark.parametrize(
    "address",
    [
        "rtsp://admin:S3cret%23PW@host/live",
        "http://host/video.cgi?user=admin&pwd=S3cret%23PW",
        "rtsp://host/user=admin_password=S3cret%23PW_channel=1",
    ],
)
def test_a_librarys_error_message_is_shown_without_the_addresss_secrets(words: str, address: str) -> None:
    tail = re.sub(r"^\w+://[^/]*", "", address)
    message = words.format(address, secret="S3cret#PW", quoted=quote("S3cret#PW"), tail=tail)
    for form in ("S3cret", "PW"):
        assert form not in hide_secrets(message, address)


def test_a_text_without_a_secret_is_unchanged() -> None:
    message = "it answers 404 Not Found"
    assert hide_secrets(message, "http://me:pw123@host/video?user=me") == message
