"""Names that messages and libraries written in C++ can take."""

from pathlib import Path


def why_unusable(name: str | Path) -> str | None:
    """Return why the name of a file cannot be used, and the remedy; None if it can be.

    Messages are UTF-8, and OpenCV crashes on a name without a UTF-8 form, instead of refusing it.
    """
    text = str(name)
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{text!a} has bytes that are not UTF-8; rename the file or its folder"
    return f"{text!a} has a zero byte; give the name of a file" if "\0" in text else None
