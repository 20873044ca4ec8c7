"""Derive from silence alone whether a live source is up, stalled or lost."""

from hitrs_live.messages import SourceChange, SourceState


class Liveness:
    """Keep a live source's state. Reads no clock: every time is passed in, monotonic nanoseconds. Not safe for threads.

    connecting until the first frame; up; stalled after stall_after_s of silence; lost after lost_after_s
    (also from connecting); up again with the next frame. A change carries the time at which it became true,
    which is earlier than the time at which it was noticed.
    """

    def __init__(self, *, name: str, stall_after_s: float, lost_after_s: float) -> None:
        """Take the source's name for the details, and the silences after which it is stalled and lost."""
        self.state: SourceState = "connecting"
        self._name = name
        self._stall_after_s = stall_after_s
        self._lost_after_s = lost_after_s
        self._newest_ns = 0
        self._trouble = ""

    def begin(self, now_ns: int) -> SourceChange:
        """Begin to count silence."""
        self._newest_ns = now_ns
        return self._change("connecting", now_ns, self._name)

    def begin_waiting(self, now_ns: int) -> None:
        """Count silence from now on where no frame has come yet, because nothing was read before."""
        if self.state == "connecting":
            self._newest_ns = now_ns

    def observe(self, now_ns: int, detail: str) -> list[SourceChange]:
        """Register a frame; return what changed, including a silence before it that was not noticed yet."""
        changes = self.check(now_ns, "")
        silence_s = (now_ns - self._newest_ns) / 1e9
        self._newest_ns = now_ns
        if self.state == "connecting":
            changes.append(self._change("up", now_ns, f"{self._name}: {detail}"))
        elif self.state != "up":
            changes.append(self._change("up", now_ns, f"{self._name}: {detail}, after {silence_s:.1f} s of silence"))
        return changes

    def note_trouble(self, now_ns: int, trouble: str) -> list[SourceChange]:
        """Register why there are no frames; return a change where none has come yet and the reason is new."""
        if self.state != "connecting" or trouble == self._trouble:
            return []
        self._trouble = trouble
        return [self._change("connecting", now_ns, f"{self._name}: {trouble}; retrying")]

    def check(self, now_ns: int, trouble: str) -> list[SourceChange]:
        """Return what silence changed up to now. trouble: what is known of its cause."""
        changes = []
        cause = f" ({trouble})" if trouble else ""
        stalled_ns = self._newest_ns + int(self._stall_after_s * 1e9)
        if self.state == "up" and now_ns >= stalled_ns:
            detail = f"{self._name}: no frame for {self._stall_after_s:g} s{cause}"
            changes.append(self._change("stalled", stalled_ns, detail))
        # A lost_after_s below stall_after_s must not put the loss before the stall.
        lost_ns = max(self._newest_ns + int(self._lost_after_s * 1e9), stalled_ns)
        if self.state in ("connecting", "stalled") and now_ns >= lost_ns:
            detail = f"{self._name}: no frame for {self._lost_after_s:g} s{cause}; retrying"
            changes.append(self._change("lost", lost_ns, detail))
        return changes

    def _change(self, state: SourceState, time_ns: int, detail: str) -> SourceChange:
        self.state = state
        return SourceChange(state=state, time_ns=time_ns, detail=detail)
