"""Every error a caller can see: one base class, mapped once to status and machine-readable code."""

from typing import ClassVar


class IdiffError(Exception):
    """Base of all errors with an HTTP meaning.

    `message` is for people, `field` names the form field at fault (null where there is none), `limit` is the bound
    that was crossed, in the unit the message states; `retry_after_s`: when to try again, where that is known.
    `reason`: what metrics call it, the code where that says enough.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        limit: int | float | str | None = None,
        retry_after_s: float | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.limit = limit
        self.retry_after_s = retry_after_s
        self.reason = reason or self.code


class MalformedRequest(IdiffError):
    """The request is not a multipart form of one of the three layouts."""

    status, code = 400, "malformed_request"


class MissingField(IdiffError):
    """A photo that the chosen layout needs is absent or empty."""

    status, code = 400, "missing_field"


class MixedLayouts(IdiffError):
    """Fields of two layouts were sent together."""

    status, code = 400, "mixed_layouts"


class UnknownField(IdiffError):
    """A form field that the contract does not name."""

    status, code = 400, "unknown_field"


class Unauthorized(IdiffError):
    """No API key was sent, or none that this service knows."""

    status, code = 401, "unauthorized"


class RateLimited(IdiffError):
    """The API key asks more often than it may."""

    status, code = 429, "rate_limited"


class KeyBusy(IdiffError):
    """The API key has as many requests in progress as it may."""

    status, code = 429, "key_busy"


class UploadTimeout(IdiffError):
    """The body took too long to arrive."""

    status, code = 408, "upload_timeout"


class TooManyBytes(IdiffError):
    """The body is larger than the byte limit."""

    status, code = 413, "too_many_bytes"


class TooManyPixels(IdiffError):
    """A photo's header declares more pixels than the limit."""

    status, code = 413, "too_many_pixels"


class TooManyPhotos(IdiffError):
    """More photos were sent than are ranked at once."""

    status, code = 422, "too_many_photos"


class UnsupportedImage(IdiffError):
    """Not JPEG, PNG, WebP, TIFF, HEIC or AVIF."""

    status, code = 415, "unsupported_image"


class RawUnsupported(IdiffError):
    """A camera RAW file: iDiff judges developed pictures."""

    status, code = 415, "raw_unsupported"


class UndecodableImage(IdiffError):
    """The header is of a supported format but the picture cannot be decoded: truncated or corrupt."""

    status, code = 422, "undecodable_image"


class AnimationUnsupported(IdiffError):
    """A picture with more than one frame."""

    status, code = 422, "animation_unsupported"


class ImageTooSmall(IdiffError):
    """A photo with a side below the minimum."""

    status, code = 422, "image_too_small"


class InvalidOption(IdiffError):
    """An option outside its allowed values."""

    status, code = 422, "invalid_option"


class NotReady(IdiffError):
    """The service is starting, or has no usable Answer Model release."""

    status, code = 503, "not_ready"


class NotLive(IdiffError):
    """The models have stopped working for good: only a new process helps."""

    status, code = 503, "not_live"


class Overloaded(IdiffError):
    """As many comparisons as the service takes at once are in progress."""

    status, code = 503, "overloaded"


class DeadlineExceeded(IdiffError):
    """There was no verdict in the time that the request had."""

    status, code = 504, "deadline_exceeded"


class RationaleFailed(IdiffError):
    """The rationale could not be written; the verdict stands. Only ever the `error` event of a stream."""

    status, code = 500, "rationale_failed"


class ModelFailed(IdiffError):
    """The Answer Model failed on this pair, which is not the caller's fault; it was logged."""

    status, code = 500, "model_failed"


class ReleaseRefused(IdiffError):
    """An Answer Model release that is corrupt, partial, made with another preprocessing, or not for this provider."""

    status, code = 409, "release_refused"


class ProviderRefused(ReleaseRefused):
    """A graph would run on another execution provider than the one that is required."""

    code = "provider_refused"


class ExchangeRunning(IdiffError):
    """A release is asked for while another one is being loaded."""

    status, code = 409, "exchange_running"
