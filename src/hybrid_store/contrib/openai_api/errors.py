"""Errors in the form that OpenAI's clients read."""

from __future__ import annotations

from typing import Any

from django.http import JsonResponse

__all__ = ["APIError"]


class APIError(Exception):
    """What a client is told with a status; `param` is what of its request is at fault."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.headers = headers

    @property
    def response(self) -> JsonResponse:
        error: dict[str, Any] = {
            "message": str(self),
            "type": "invalid_request_error" if self.status < 500 else "server_error",
            "param": self.param,
            "code": self.code,
        }
        return JsonResponse({"error": error}, status=self.status, headers=self.headers)
