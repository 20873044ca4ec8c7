"""Pictures are cut out of a byte stream by JPEG's own structure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mjpeg_server import jpeg

from hitrs_live.sources.camera.jpeg_splitter import JpegSplitter

PICTURES = [jpeg(index, width, 48) for index, width in enumerate((16, 64, 200))]
junk = st.binary(max_size=60).filter(lambda data: b"\xff" not in data)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(junk, st.sampled_from(PICTURES)), max_size=5), st.integers(1, 4000), junk)
def test_pictures_come_out_whole_wherever_the_stream_is_cut_into_chunks(
    parts: list[tuple[bytes, bytes]], chunk_bytes: int, tail: bytes
) -> None:
    stream = b"".join(between + picture for between, picture in parts) + tail
    splitter = JpegSplitter()
    found = []
    for start in range(0, len(stream), chunk_bytes):
        found += splitter.feed(stream[start : start + chunk_bytes])
    assert found == [picture for _, picture in parts]
    assert splitter.broken == 0


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(junk, st.sampled_from(PICTURES)), max_size=5), st.integers(1, 4000))
def test_each_picture_comes_with_what_was_before_it(parts: list[tuple[bytes, bytes]], chunk_bytes: int) -> None:
    stream = b"".join(between + picture for between, picture in parts)
    splitter = JpegSplitter()
    found = []
    for start in range(0, len(stream), chunk_bytes):
        found += splitter.feed_with_heads(stream[start : start + chunk_bytes])
    assert found == parts


def test_what_comes_before_a_picture_is_kept_up_to_a_limit() -> None:
    splitter = JpegSplitter()
    for _ in range(1000):
        assert splitter.feed_with_heads(b"x" * 1000) == []
    ((head, picture),) = splitter.feed_with_heads(b"X-Timestamp: 1.5\r\n\r\n" + PICTURES[0])
    assert picture == PICTURES[0]
    assert head.endswith(b"xX-Timestamp: 1.5\r\n\r\n")
    assert len(head) == 4096


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"\xff\xd8\xff", b"\xff\xd9", *PICTURES]), max_size=12))
def test_any_bytes_give_only_pieces_that_begin_and_end_as_pictures_do(chunks: list[bytes]) -> None:
    splitter = JpegSplitter(max_picture_bytes=5000)
    for chunk in chunks:
        for picture in splitter.feed(chunk):
            assert picture.startswith(b"\xff\xd8\xff")
            assert picture.endswith(b"\xff\xd9")


def test_a_picture_that_breaks_off_is_left_out_and_the_next_is_whole() -> None:
    splitter = JpegSplitter()
    half = PICTURES[2][: len(PICTURES[2]) - 20]
    assert splitter.feed(half + b"\r\n--picture\r\n\r\n" + PICTURES[1]) == [PICTURES[1]]
    assert splitter.broken == 1


def test_a_preview_inside_a_header_segment_is_not_taken_for_the_picture() -> None:
    preview = PICTURES[0]
    segment = b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview
    picture = PICTURES[1][:2] + segment + PICTURES[1][2:]
    assert JpegSplitter().feed(b"head" + picture + b"tail") == [picture]


def test_a_picture_without_end_is_given_up_before_it_fills_the_memory() -> None:
    splitter = JpegSplitter(max_picture_bytes=10_000)
    endless = np.zeros(4096, np.uint8).tobytes()
    pictures = splitter.feed(PICTURES[1][:-2])
    for _ in range(4):
        pictures += splitter.feed(endless)
    assert pictures == []
    assert splitter.broken == 1
    assert splitter.feed(PICTURES[0]) == [PICTURES[0]]
