"""`LanguageModel`: any server that speaks OpenAI's chat completions, by OpenAI's own client."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from chat.answerers.base import AnswerError, BaseAnswerer, Question
from chat.answerers.prompting import messages

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["LanguageModel"]

logger = logging.getLogger(__name__)

NO_KEY = "none"
# Why an answer may end that is not at its end.
CUT = ("length", "content_filter")
MORE = " …"

REFUSALS = {
    401: "The server of the language model refused the API key: look at CHAT_API_KEY.",
    403: "The server of the language model does not allow this.",
    404: "The server does not know the language model: look at CHAT_MODEL and CHAT_BASE_URL.",
    408: "The language model did not answer in time.",
    413: "The language model cannot read so much at once.",
    429: "The language model has too much to do, or its quota is used up.",
}
"""What to tell of an answer with an HTTP status. A server's own words may repeat the key."""


class LanguageModel(BaseAnswerer):
    """OpenAI, or by `base_url` any server with its interface: Ollama, vLLM, llama.cpp and others.

    `timeout` is the seconds that the server may be silent, `max_tokens` the most of an answer. A
    server of one's own may need no key. What the model says is given as it comes, and is to be
    shown as text alone.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str = "",
        api_key: str = "",
        timeout: float = 60.0,
        max_retries: int = 1,
        max_tokens: int = 1000,
    ) -> None:
        self.model = model
        self.base_url = base_url
        self.api_key = api_key
        self.timeout = timeout
        self.max_retries = max_retries
        self.max_tokens = max_tokens

    def answer(self, question: Question) -> Generator[str]:
        failure: AnswerError | None = None
        try:
            yield from self._pieces(question)
        except AnswerError:
            raise
        except Exception as error:  # noqa: BLE001
            # Whatever it is, it holds the request, and with it the key.
            failure = AnswerError(reason_of(error))
            kind = type(error).__name__
            logger.warning("%s did not answer: %s: %s", self.model, kind, failure)
        if failure:
            # Raised here, where it does not drag the client's error along.
            raise failure

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of every request. OpenAI's own newer models know the limit by its new name alone,
        other servers by the old one."""
        limit = "max_tokens" if self.base_url else "max_completion_tokens"
        return {"model": self.model, "stream": True, limit: self.max_tokens}

    def _client(self) -> OpenAI:
        from openai import OpenAI

        # Without a key the client would take that of OpenAI from the environment: it is for no
        # other server.
        key = self.api_key or (NO_KEY if self.base_url else None)
        return OpenAI(
            api_key=key,
            base_url=self.base_url or None,
            timeout=self.timeout,
            max_retries=self.max_retries,
        )

    def _pieces(self, question: Question) -> Generator[str]:
        ending, is_empty = "", True
        create: Any
        # Closed at the end, and where the reader has gone: then the server can stop, too.
        with self._client() as client:
            create = client.chat.completions.create
            with create(messages=messages(question), **self.parameters) as stream:
                for choice in (chunk.choices[0] for chunk in stream if chunk.choices):
                    ending = choice.finish_reason or ending
                    piece = choice.delta.content if choice.delta else None
                    if piece:
                        is_empty = False
                        yield piece
        if not ending:
            raise AnswerError("The language model broke off in the middle.")
        if is_empty:
            raise AnswerError("The language model answered nothing.")
        if ending in CUT:
            yield MORE


def reason_of(error: Exception) -> str:
    """What to tell of an error of the client: sentences of our own alone."""
    if isinstance(error, ImportError):
        return 'The language model needs: pip install "django-hybrid-store[openai]".'
    from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

    if isinstance(error, APIStatusError):
        default = "has a fault" if error.status_code >= 500 else "refused the question"
        told = f"The server of the language model {default} (status {error.status_code})."
        return REFUSALS.get(error.status_code, told)
    if isinstance(error, APITimeoutError):
        return REFUSALS[408]
    if isinstance(error, APIConnectionError):
        return "The language model cannot be reached, or the connection broke off."
    if isinstance(error, APIError):
        return "The server of the language model had an error in the middle of its answer."
    return "The language model is not set up, or does not speak the format of OpenAI."
