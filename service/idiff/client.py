"""A thin client of the service."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from idiff.schemas import AttributesOption, CategoryOption, Comparison, ErrorBody, ErrorDetail, RationaleOption


class ServiceError(Exception):
    """The service refused a request or could not answer it; `detail` says why."""

    def __init__(self, status: int, detail: ErrorDetail) -> None:
        super().__init__(f"{status} {detail.code}: {detail.message}")
        self.status = status
        self.detail = detail


class Client:
    """Talks to one iDiff service. `api_key`: where it asks for one. `trust_env`: whether proxy variables of the
    environment apply."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        trust_env: bool = True,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout_s, trust_env=trust_env)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ready(self) -> bool | None:
        """Whether the service can give verdicts; None where nothing answers."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return None

    def compare(
        self,
        image_a: Path,
        image_b: Path,
        *,
        category: CategoryOption = "auto",
        rationale: RationaleOption = "auto",
        attributes: AttributesOption = "false",
    ) -> Comparison:
        """Compare two photo files.

        Raises:
            ServiceError: the service refused the pair.
            httpx.TransportError: the service could not be reached.
            OSError: a file cannot be read.
        """
        with ExitStack() as files:
            parts = {
                field: (path.name, files.enter_context(path.open("rb")))
                for field, path in (("image_a", image_a), ("image_b", image_b))
            }
            options = {"category": category, "rationale": rationale, "attributes": attributes}
            answer = self._http.post("/compare", files=parts, data=options)
        if answer.is_error:
            raise ServiceError(answer.status_code, _detail(answer))
        return Comparison.model_validate_json(answer.content)


def _detail(answer: httpx.Response) -> ErrorDetail:
    try:
        return ErrorBody.model_validate_json(answer.content).error
    except ValueError:
        return ErrorDetail(code="unexpected_answer", message=answer.text[:200])
