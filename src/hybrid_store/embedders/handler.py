"""`embedders["alias"]`: the embedders that the settings describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asgiref.local import Local
from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.connection import BaseConnectionHandler
from django.utils.module_loading import import_string

from hybrid_store.embedders.base import BaseEmbedder
from hybrid_store.exceptions import InvalidEmbedderError

__all__ = ["EmbedderHandler", "embedders"]

if TYPE_CHECKING:
    Handler = BaseConnectionHandler[BaseEmbedder]
else:
    Handler = BaseConnectionHandler


class EmbedderHandler(Handler):
    """A mapping of aliases to embedders, each made when it is first asked for.

    As with every such handler of Django, each thread and each asynchronous context has instances
    of its own. Raises `InvalidEmbedderError` for an alias that is not configured and for settings
    that describe no usable embedder.
    """

    settings_name = "HYBRID_STORE"
    exception_class = InvalidEmbedderError

    def configure_settings(self, settings: Any) -> dict[str, Any]:
        if settings is None:
            settings = getattr(django_settings, self.settings_name, {})
        configured = settings.get("EMBEDDERS", {}) if isinstance(settings, Mapping) else settings
        if not isinstance(configured, Mapping):
            raise InvalidEmbedderError(
                'HYBRID_STORE must be a dictionary, and so must HYBRID_STORE["EMBEDDERS"], which '
                "maps the alias of each embedder to its settings."
            )
        return dict(configured)

    def create_connection(self, alias: str) -> BaseEmbedder:
        params = self.settings[alias]
        return embedder_class(alias, params)(alias, params)

    def __getitem__(self, alias: str) -> BaseEmbedder:
        if alias not in self.settings:
            configured = ", ".join(f'"{name}"' for name in self.settings) or "none"
            raise InvalidEmbedderError(
                f'There is no embedder "{alias}"; configured: {configured}. Add it to '
                f'HYBRID_STORE["EMBEDDERS"], or name one of those configured.'
            )
        return super().__getitem__(alias)

    def reset(self) -> None:
        """Forget all embedders; the settings are read again."""
        self._connections = Local(self.thread_critical)
        self.__dict__.pop("settings", None)
        self._settings = None


def embedder_class(alias: str, params: Any) -> type[BaseEmbedder]:
    """The class that `params["BACKEND"]` names."""
    path = params.get("BACKEND") if isinstance(params, Mapping) else None
    if not isinstance(path, str):
        raise InvalidEmbedderError(
            f'HYBRID_STORE["EMBEDDERS"]["{alias}"] must be a dictionary whose BACKEND is the '
            'dotted path of an embedder, such as "hybrid_store.embedders.minilm.MiniLMEmbedder".'
        )
    try:
        backend = import_string(path)
    except ImportError as error:
        raise InvalidEmbedderError(
            f'The BACKEND "{path}" of the embedder "{alias}" cannot be imported: {error}'
        ) from error
    if not (isinstance(backend, type) and issubclass(backend, BaseEmbedder)):
        raise InvalidEmbedderError(
            f'The BACKEND "{path}" of the embedder "{alias}" is no subclass of BaseEmbedder.'
        )
    return backend


embedders = EmbedderHandler()


def reset_embedders(*, setting: str, **kwargs: Any) -> None:
    """Tests changed a setting."""
    if setting == embedders.settings_name:
        embedders.reset()


setting_changed.connect(reset_embedders)
