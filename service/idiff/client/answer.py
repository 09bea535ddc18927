"""What the service answers: the schema that was asked for, or why not."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel

from idiff.schemas import ErrorBody, ErrorDetail

Model = TypeVar("Model", bound=BaseModel)


class ServiceError(Exception):
    """The service refused a request or could not answer it.

    `status`: of HTTP. `detail`: code, message, field at fault, and limit that was crossed. `request_id`: names the
    request in the service's log. `retry_after_s`: when it wants to be asked again; None where it does not say.
    """

    def __init__(
        self, status: int, detail: ErrorDetail, request_id: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{status} {detail.code}: {detail.message}")
        self.status = status
        self.detail = detail
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    @property
    def code(self) -> str:
        """Machine-readable, as in the service's documentation; `unexpected_answer` where it was no iDiff service's."""
        return self.detail.code

    @property
    def message(self) -> str:
        """For people."""
        return self.detail.message

    @property
    def field(self) -> str | None:
        """The form field at fault."""
        return self.detail.field

    @property
    def limit(self) -> int | float | str | None:
        """The bound that was crossed."""
        return self.detail.limit


def read(answer: httpx.Response, model: type[Model]) -> Model:
    """The body of a successful answer; raises ServiceError where it is something else."""
    try:
        return model.model_validate_json(answer.content)
    except ValueError:
        raise unexpected(answer, answer.text) from None


def refusal(answer: httpx.Response) -> ServiceError:
    """The error that an answer of status 400 and above is."""
    try:
        detail = ErrorBody.model_validate_json(answer.content).error
    except ValueError:
        return unexpected(answer, answer.text)
    return ServiceError(answer.status_code, detail, _request_id(answer), _retry_after_s(answer))


def unexpected(answer: httpx.Response, said: str) -> ServiceError:
    """The error for what no iDiff service says: a proxy's page, a stream that ends early."""
    detail = ErrorDetail(code="unexpected_answer", message=said[:200])
    return ServiceError(answer.status_code, detail, _request_id(answer), _retry_after_s(answer))


def _request_id(answer: httpx.Response) -> str | None:
    name: str | None = answer.headers.get("X-Request-Id")
    return name


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Retry-After in seconds, which may also be a date (RFC 9110, 10.2.3)."""
    value = answer.headers.get("Retry-After", "")
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
