"""What differs between databases, looked up from the connection.

`vector_ops(connection)` gives the operations of a connection; `register_backend` adds a database or
replaces the operations of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.module_loading import import_string

from hybrid_store.backends.base import BaseVectorOperations
from hybrid_store.backends.indexes import IndexSpec, VectorColumn

if TYPE_CHECKING:
    from django.db.models import Index

__all__ = ["BaseVectorOperations", "foreign_index", "register_backend", "vector_ops"]

OperationsClass: TypeAlias = type[BaseVectorOperations]

_registered: dict[str, str | OperationsClass] = {
    "sqlite": "hybrid_store.backends.sqlite.operations.SQLiteVectorOperations",
    "postgresql": "hybrid_store.backends.postgresql.operations.PostgreSQLVectorOperations",
}
_ATTRIBUTE = "_hybrid_store_operations"


def register_backend(database: str, operations: str | OperationsClass) -> None:
    """Use `operations` (a class or its dotted path) on every connection to `database`.

    `database` is what `backend_name` says of a connection: Django's vendor ("sqlite",
    "postgresql", "oracle", ...), with MariaDB told from MySQL as "mariadb". Call it while apps are
    loaded, as in `AppConfig.ready()`; connections that were used before keep what they had.
    """
    _registered[database] = operations


def backend_name(connection: BaseDatabaseWrapper) -> str:
    """The key of a connection's database in the registry."""
    if getattr(connection, "mysql_is_mariadb", False):
        return "mariadb"
    return connection.vendor


def vector_ops(connection: BaseDatabaseWrapper) -> BaseVectorOperations:
    """The vector operations of `connection`, made once a connection and ready for use on it."""
    ops: BaseVectorOperations | None = getattr(connection, _ATTRIBUTE, None)
    if ops is None:
        ops = _operations_class(backend_name(connection))(connection)
        setattr(connection, _ATTRIBUTE, ops)
    ops.prepare()
    return ops


def foreign_index(index: Index, field: VectorColumn) -> IndexSpec | None:
    """What an index of another package's class is, by whichever database knows such ones."""
    specs = (_operations_class(name).foreign_index(index, field) for name in _registered)
    return next((spec for spec in specs if spec is not None), None)


def _operations_class(database: str) -> OperationsClass:
    found = _registered.get(database, BaseVectorOperations)
    if isinstance(found, str):
        loaded: OperationsClass = import_string(found)
        return loaded
    return found
