"""Documents in a queryset, for frameworks that retrieve them: filtered, searched, written."""
