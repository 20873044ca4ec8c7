"""Redact addresses before they are shown: no user, password or anything else that may be a secret.

Cameras take a login in many places: before the host (`user:password@`), in the query (`?user=...&pwd=...`), in the
path (`/user=admin_password=..._channel=1.sdp`, `/admin/secret/video`). A path is shown only if it consists of common
words for streams.
"""

import re
from urllib.parse import quote, unquote

HIDDEN = "***"
"""Replaces what is not shown."""
ENCODE_HINT = "in user, password and path write @ as %40, : as %3A, / as %2F, # as %23 and ? as %3F"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+|\*)(:(\d{1,5}|\*))?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}")
_PLAIN = re.compile(r"[A-Za-z0-9._-]{0,64}|(tcp|ipc|udp):[A-Za-z0-9._:/*-]{0,64}")
"""Not an address, but without a login either; the second form lacks a slash."""
_PLACE = re.compile(r"(?P<host>localhost|\*|\[[0-9A-Fa-f:.]+\]|(?=[\w-]*\.)[\w.-]+):(?P<port>[^@/?#]*)")
"""A host that cannot be a user's name, and the text in place of its port."""
_PATH = re.compile(r"[/A-Za-z0-9._-]*")
_HARMLESS = frozenset((
    "av", "axis", "back", "bin", "cam", "camera", "cams", "cgi", "ch", "channel", "channels", "chn", "door",
    "entrance", "feed", "front", "garage", "garden", "gate", "h264", "h265", "hall", "hd", "hevc", "high",
    "image", "img", "index", "iphone", "jpeg", "jpg", "kitchen", "left", "live", "low", "main", "media",
    "medium", "mjpeg", "mjpg", "mobile", "mp4", "mpeg", "mpeg4", "multicast", "nphmotionjpeg", "onvif", "play",
    "preview", "primary", "profile", "realmonitor", "right", "room", "rtsp", "sd", "sdp", "second", "secondary",
    "smil", "stream", "streaming", "streams", "sub", "substream", "track", "trackid", "tv", "unicast", "video",
    "videos", "view", "yard",
))  # fmt: skip
_LOGIN = re.compile(r"(?:pass|pwd|pw|psw|token|key|auth|secret|user|usr|login)\w*?[=:]([^&_/;]+)", re.IGNORECASE)
_SHORTEST_SECRET = 3
"""Shorter pieces occur in too many words to be replaced everywhere."""


def show_address(address: str) -> str:
    """Return an address that is safe to show: scheme, host and port, and the path only if it is harmless.

    Works on text, because an address that cannot be parsed may contain a secret too. Anything uncertain becomes
    `HIDDEN`.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address if address.startswith("/") or _PLAIN.fullmatch(address) else _show_place(address)
    if not _SCHEME.fullmatch(scheme):
        return HIDDEN
    if scheme == "ipc":
        return address
    authority, tail = _split(rest)
    host = authority.rpartition("@")[2]
    if "@" in tail or not _HOST.fullmatch(host):
        return f"{scheme}://{_show_place(rest)}"
    path = re.split(r"[?#]", tail)[0]
    return f"{scheme}://{host}{path if _is_harmless(path) else ''}"


def _show_place(text: str) -> str:
    """Return host and port of a malformed address; the port is hidden unless it is a number."""
    place = _PLACE.fullmatch(text)
    if place is None:
        return HIDDEN
    port = place["port"]
    return f"{place['host']}:{port if port.isdecimal() and len(port) <= 5 else HIDDEN}"


def is_ambiguous(address: str) -> bool:
    """Return whether an `@` follows a `/`, `?` or `#`: it may belong to the path or to a password."""
    return "@" in _split(address.partition("://")[2])[1]


def hide_secrets(words: str, address: str) -> str:
    """Remove an address's secrets from a text, such as a library's error message."""
    authority, tail = _split(address.partition("://")[2])
    login = authority.rpartition("@")[0]
    password = login.partition(":")[2]
    path = re.split(r"[?#]", tail)[0]
    beyond = tail[len(path) :]
    pieces = [login, password, beyond, beyond[1:], *re.findall(r"=([^&;#]+)", beyond), *_LOGIN.findall(tail)]
    if not _is_harmless(path):
        pieces += [tail, path]
    words = words.replace(address, show_address(address))
    every = {form for piece in pieces for form in (piece, unquote(piece), quote(piece), quote(piece, safe=""))}
    # Longest first: a shorter secret may be part of a longer one.
    for piece in sorted(every, key=len, reverse=True):
        if len(piece) >= _SHORTEST_SECRET:
            words = words.replace(piece, HIDDEN)
    return words


def _split(rest: str) -> tuple[str, str]:
    """Split the text after `://` into (user, password and host) and the rest."""
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    return authority, rest[len(authority) :]


def _is_harmless(path: str) -> bool:
    if not _PATH.fullmatch(path):
        return False
    words = re.split(r"[/._-]+", path.lower())
    return all(not word or word in _HARMLESS or _is_numbered(word) for word in words)


def _is_numbered(word: str) -> bool:
    """Return whether a word is a letter, up to three digits, or a common stream name with such a number."""
    stem = word.rstrip("0123456789")
    return len(word) - len(stem) <= 3 and (len(stem) <= 1 or stem in _HARMLESS)
