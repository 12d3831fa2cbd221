"""What a request asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from django.http import HttpRequest

from hybrid_store.contrib.openai_api.errors import APIError
from hybrid_store.embedders.texts import encodable

__all__ = ["Asked", "asked_of"]

MOST_BYTES = 64 * 1024
"""Of a body."""
MOST_QUERIES = 8
"""Each is embedded, and searched for."""
MOST_CHARACTERS = 4096
"""Of a query."""
MOST_RESULTS = 50
RANKERS = ("none", "auto", "default-2024-11-15")


@dataclass(frozen=True)
class Asked:
    """`filters` is as it was given. `threshold` is the least score, from 0 to 1."""

    queries: list[str]
    filters: Any = None
    count: int = 10
    threshold: float = 0.0


def asked_of(request: HttpRequest) -> Asked:
    """Raises `APIError`, also for what is asked for besides: nothing is left out in silence."""
    body = _known(_body(request), READERS, "The body")
    if "query" not in body:
        raise APIError(400, "There is no query.", param="query")
    values: dict[str, Any] = {}
    for name, value in body.items():
        values |= READERS[name](value)
    return Asked(**values)


def _body(request: HttpRequest) -> Any:
    data = request.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise APIError(413, f"The body has more than {MOST_BYTES} bytes.")
    try:
        return json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise APIError(400, "The body is no JSON that can be read.") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _known(given: Any, names: Mapping[str, Any], what: str) -> dict[str, Any]:
    """What is given of these names, without nulls; there have to be no others."""
    if not isinstance(given, dict):
        raise APIError(400, f"{what} has to be an object.")
    for name in given:
        if name not in names:
            raise APIError(400, f"Unknown parameter: {name!r:.60}.", param=f"{name:.60}")
    return {name: value for name, value in given.items() if value is not None}


def _query(given: Any) -> dict[str, Any]:
    queries = given if isinstance(given, list) else [given]
    if not 1 <= len(queries) <= MOST_QUERIES:
        raise APIError(400, f"Give 1 to {MOST_QUERIES} queries.", param="query")
    for query in queries:
        if not isinstance(query, str) or not query.strip():
            raise APIError(400, "A query has to be a text that says something.", param="query")
        if len(query) > MOST_CHARACTERS:
            message = f"A query has more than {MOST_CHARACTERS} characters."
            raise APIError(400, message, param="query")
        if "\x00" in query or encodable(query) != query:
            raise APIError(400, "A query has characters that no text has.", param="query")
    return {"queries": queries}


def _filters(given: Any) -> dict[str, Any]:
    return {"filters": given}


def _max_num_results(given: Any) -> dict[str, Any]:
    if type(given) is not int or not 1 <= given <= MOST_RESULTS:
        message = f"max_num_results has to be a whole number from 1 to {MOST_RESULTS}."
        raise APIError(400, message, param="max_num_results")
    return {"count": given}


def _rewrite_query(given: Any) -> dict[str, Any]:
    """A query is searched for as it is; the answer says for which."""
    if not isinstance(given, bool):
        raise APIError(400, "rewrite_query has to be a boolean.", param="rewrite_query")
    return {}


def _ranking_options(given: Any) -> dict[str, Any]:
    options = _known(given, dict.fromkeys(("ranker", "score_threshold")), "ranking_options")
    if options.get("ranker", "auto") not in RANKERS:
        known = ", ".join(map(repr, RANKERS))
        raise APIError(400, f"The ranker has to be one of {known}.", param="ranking_options.ranker")
    threshold = options.get("score_threshold", 0)
    if type(threshold) not in {int, float} or not 0 <= threshold <= 1:
        param = "ranking_options.score_threshold"
        raise APIError(400, "score_threshold has to be a number from 0 to 1.", param=param)
    return {"threshold": threshold}


READERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "query": _query,
    "filters": _filters,
    "max_num_results": _max_num_results,
    "rewrite_query": _rewrite_query,
    "ranking_options": _ranking_options,
}
