"""Define the exceptions for faults outside the program: settings, devices, files, networks.

    HitrsLiveError
    ├── ConfigError               a setting is unknown or out of range
    ├── SourceError
    │   ├── SourceUnavailable     a source could not be opened at all
    │   └── SourceLost            an open source failed and will not come back
    ├── PoseError
    │   ├── PoseModelMissing      the pose model is missing and could not be assembled
    │   └── PoseProcessFailed     the pose process fails again and again
    ├── DataError                 a file's content does not match its format
    │   └── CheckpointMismatch    weights, skeleton, labels or preprocessing do not fit together
    ├── EngineError
    │   ├── EngineUnavailable     an engine cannot run here, or its outputs differ from the model's
    │   └── EngineStale           a built engine is for other weights, versions or another machine
    ├── ViewUnavailable           a window or a video file cannot be opened
    ├── RenderUnavailable         bodies cannot be rendered: a package or OpenGL is missing
    └── TransportError
        ├── AddressUnavailable    an address cannot be bound or connected
        ├── KeyUnusable           a key file for encryption is missing, open to others or malformed
        └── MessageMalformed      bytes on the wire are not a message of this schema

A mistake of the calling code (a wrong shape, a negative count) is a ValueError instead.
Every message says in one line what was found, what was expected and how to fix it.
"""


class HitrsLiveError(Exception):
    """Base of every fault outside the program, as opposed to a mistake of the calling code."""


class ConfigError(HitrsLiveError):
    """A setting is unknown or out of range."""


class SourceError(HitrsLiveError):
    """A source of frames or joints failed."""


class SourceUnavailable(SourceError):
    """A source could not be opened at all."""


class SourceLost(SourceError):
    """An open source failed and will not come back."""


class PoseError(HitrsLiveError):
    """The pose stage failed."""


class PoseModelMissing(PoseError):
    """The pose model is missing and could not be assembled."""


class PoseProcessFailed(PoseError):
    """The pose process fails again and again."""


class DataError(HitrsLiveError):
    """A file's content does not match its format."""


class CheckpointMismatch(DataError):
    """Weights, skeleton, labels or preprocessing do not fit together."""


class EngineError(HitrsLiveError):
    """An inference engine cannot be used."""


class EngineUnavailable(EngineError):
    """An engine cannot run here: a package, a GPU or a build is missing, or its outputs differ from the model's."""


class EngineStale(EngineError):
    """A built engine is for other weights, versions or another machine."""


class TransportError(HitrsLiveError):
    """Messages could not be sent or received."""


class AddressUnavailable(TransportError):
    """An address cannot be bound or connected."""


class KeyUnusable(TransportError):
    """A key file for encryption is missing, open to others or malformed, or keys cannot be used here."""


class MessageMalformed(TransportError):
    """Bytes on the wire are not a message of this schema."""


class ViewUnavailable(HitrsLiveError):
    """A window or a video file cannot be opened."""


class RenderUnavailable(HitrsLiveError):
    """Bodies cannot be rendered: a package or an OpenGL library is missing."""
