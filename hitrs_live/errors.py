"""The exceptions that this package raises for the world's faults.

    HitrsLiveError
    ├── ConfigError               a setting is unknown or out of range
    ├── SourceError
    │   ├── SourceUnavailable     a source could not be opened at all
    │   └── SourceLost            an open source went away and will not come back
    ├── PoseError
    │   ├── PoseModelMissing      the pose model is not there and could not be assembled
    │   └── PoseProcessFailed     the pose process cannot be kept alive
    ├── DataError                 a file's content is not what its format promises
    │   └── CheckpointMismatch    weights, skeleton, labels or preprocessing do not fit together
    ├── EngineError
    │   ├── EngineUnavailable     an engine cannot be had here, or its answers are not the model's
    │   └── EngineStale           a built engine is of something else: other weights, versions, machine
    ├── ViewUnavailable           a window or a picture file cannot be opened
    └── TransportError
        ├── AddressUnavailable    an address cannot be bound or connected
        └── MessageMalformed      bytes on the wire are no message of this schema

A caller's own mistake (a wrong shape, a negative count) is a ValueError instead.
Every message says what was got, what was wanted and how to mend it, in one line.
"""


class HitrsLiveError(Exception):
    """Base of every fault that comes from the world rather than from the caller."""


class ConfigError(HitrsLiveError):
    """A setting is unknown or out of range."""


class SourceError(HitrsLiveError):
    """A source of frames or joints failed."""


class SourceUnavailable(SourceError):
    """A source could not be opened at all."""


class SourceLost(SourceError):
    """An open source went away and will not come back."""


class PoseError(HitrsLiveError):
    """The pose stage failed."""


class PoseModelMissing(PoseError):
    """The pose model is not there and could not be assembled."""


class PoseProcessFailed(PoseError):
    """The pose process cannot be kept alive."""


class DataError(HitrsLiveError):
    """A file's content is not what its format promises."""


class CheckpointMismatch(DataError):
    """Weights, skeleton, labels or preprocessing do not fit together."""


class EngineError(HitrsLiveError):
    """What computes the model cannot be used."""


class EngineUnavailable(EngineError):
    """An engine cannot be had here: a package, a GPU or a build is missing, or its answers are not the model's."""


class EngineStale(EngineError):
    """A built engine is of something else than is wanted: of other weights, versions or another machine."""


class TransportError(HitrsLiveError):
    """Messages could not be sent or received."""


class AddressUnavailable(TransportError):
    """An address cannot be bound or connected."""


class MessageMalformed(TransportError):
    """Bytes on the wire are no message of this schema."""


class ViewUnavailable(HitrsLiveError):
    """A window or a picture file cannot be opened."""
