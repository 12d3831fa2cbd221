"""PostgreSQL: vectors are columns of the pgvector extension."""
