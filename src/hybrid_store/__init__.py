"""The database a Django project already has becomes its vector store."""

__version__ = "0.1.0"
