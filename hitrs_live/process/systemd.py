"""Report to systemd that the service is ready, alive or stopping; nothing happens where it did not start the process.

The protocol is one datagram to the socket in $NOTIFY_SOCKET (sd_notify(3), sd_watchdog_enabled(3)).
"""

import contextlib
import os
import socket
from collections.abc import Mapping


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send a state such as "READY=1"; never blocks, and a fault of the socket is ignored."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        # "@" stands for the zero byte of the abstract namespace.
        sender.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)


def ping_interval_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return the interval at which systemd is to be sent "WATCHDOG=1", half of its limit; None if it expects none."""
    limit_us = environment.get("WATCHDOG_USEC", "")
    for_process = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not limit_us.isdecimal() or int(limit_us) == 0 or for_process != str(os.getpid()):
        return None
    return int(limit_us) / 2e6
