"""Colours and letters of the genres."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ALIASES", "GENRES", "LETTERS", "PALETTES", "Palette"]


class Palette(NamedTuple):
    """`light` on `deep`, and `deep` on `light`, are readable in every palette."""

    ground: str
    deep: str
    light: str
    accent: str
    pop: str


# The more telling of a film's genres comes first: nearly every film is also a drama.
GENRES = (
    "Western",
    "Documentary",
    "Horror",
    "Science Fiction",
    "War",
    "Music",
    "Fantasy",
    "Mystery",
    "Animation",
    "Romance",
    "Crime",
    "Adventure",
    "Biography",
    "History",
    "Thriller",
    "Action",
    "Family",
    "Comedy",
    "Drama",
)

# Other names of the same things, as films from other sources have them.
ALIASES = {
    "Animated": "Animation",
    "Dance": "Music",
    "Disaster": "Action",
    "Erotic": "Romance",
    "Historical": "History",
    "Legal": "Crime",
    "Martial Arts": "Action",
    "Musical": "Music",
    "Noir": "Crime",
    "Political": "Thriller",
    "Satire": "Comedy",
    "Slasher": "Horror",
    "Spy": "Thriller",
    "Superhero": "Action",
    "Supernatural": "Horror",
    "Suspense": "Thriller",
    "Teen": "Comedy",
}

PALETTES = {
    "Action": (
        Palette("#c8321f", "#1c0f13", "#ffe9c7", "#ffb21a", "#ff6b2c"),
        Palette("#1b2d55", "#070d1b", "#f7f3e3", "#fca311", "#e5383b"),
        Palette("#3a5a40", "#0e1a12", "#f6f3df", "#f4d35e", "#ee6c4d"),
    ),
    "Adventure": (
        Palette("#e9a03b", "#17313b", "#fff1d0", "#d1502f", "#2f7f86"),
        Palette("#3a7ca5", "#12263a", "#fdf0d5", "#f4a259", "#bc4b51"),
        Palette("#4f8a5b", "#10261c", "#fbf6e0", "#f2c14e", "#2f5d50"),
    ),
    "Animation": (
        Palette("#ffd23f", "#2b1a4f", "#fff8e7", "#ee4266", "#3bceac"),
        Palette("#5bc0eb", "#1b2a5c", "#fffdf2", "#fde74c", "#fa7921"),
        Palette("#a0d568", "#1d3a2f", "#fffdf0", "#ff7f51", "#ffd166"),
    ),
    "Biography": (
        Palette("#b08968", "#2b1d14", "#f7ead9", "#7f5539", "#e6c79c"),
        Palette("#52796f", "#16241f", "#f1efe2", "#d9a15b", "#cad2c5"),
        Palette("#6f5b78", "#1d1424", "#f6eef5", "#e0a458", "#cdb4db"),
    ),
    "Comedy": (
        Palette("#f7b32b", "#2d1e2f", "#fff6dd", "#e4572e", "#5c9a3a"),
        Palette("#ef798a", "#32213a", "#fff4ec", "#fcd757", "#3f9fa0"),
        Palette("#4fb0ae", "#14343a", "#fffaeb", "#ff8552", "#ffe066"),
    ),
    "Crime": (
        Palette("#37324a", "#0d0b12", "#f0e4c8", "#d4a017", "#a33b2c"),
        Palette("#3d405b", "#12131f", "#f4f1de", "#e07a5f", "#81b29a"),
        Palette("#5b2333", "#16060c", "#f7ece1", "#e4b363", "#8a9ba8"),
    ),
    "Documentary": (
        Palette("#8d99ae", "#1a1f2c", "#f4f6fa", "#ef233c", "#4a5578"),
        Palette("#a3b18a", "#1c2a20", "#f6f4e8", "#dda15e", "#588157"),
        Palette("#c98f4e", "#24170b", "#fdf4e3", "#2f6f73", "#8a5a2b"),
    ),
    "Drama": (
        Palette("#6d6875", "#221d2b", "#fbeee6", "#e5989b", "#ffcdb2"),
        Palette("#415a77", "#0d1b2a", "#eef0eb", "#e0b070", "#8fa5bf"),
        Palette("#a44a3f", "#2a1210", "#f9e9d9", "#f2c078", "#e08e6d"),
        Palette("#7d8471", "#20241c", "#f6f2e4", "#e9c46a", "#c9ada7"),
    ),
    "Family": (
        Palette("#8ecae6", "#14324a", "#fffaf0", "#fb8500", "#ffb703"),
        Palette("#f4978e", "#3b1c32", "#fff5ee", "#ffe08a", "#5fa8d3"),
        Palette("#9ad5b0", "#163a34", "#fffdf2", "#ff7d66", "#ffd25a"),
    ),
    "Fantasy": (
        Palette("#5a2d9a", "#150628", "#f5ebff", "#f9c74f", "#c77dff"),
        Palette("#0b7a75", "#06231f", "#f0fff4", "#ffd166", "#7ae7c7"),
        Palette("#2f5d9b", "#081430", "#f1f6ff", "#ffe29a", "#ff9ab3"),
    ),
    "History": (
        Palette("#c9a66b", "#2c1f12", "#fdf3de", "#8c3b2a", "#f0d9a8"),
        Palette("#7f8c5a", "#1f2414", "#f7f4df", "#d9b44a", "#a3472f"),
        Palette("#8f5a5a", "#261012", "#faeee0", "#e2b45c", "#c98d7a"),
    ),
    "Horror": (
        Palette("#2a1c36", "#060309", "#f2e4e4", "#c3142d", "#6e2038"),
        Palette("#2f4236", "#070b08", "#e6efe2", "#9ed34a", "#b3261e"),
        Palette("#4a1216", "#0b0303", "#f7e8df", "#f2a65a", "#8a1c24"),
    ),
    "Music": (
        Palette("#e8467c", "#2a0a33", "#fff0f5", "#ffd60a", "#7b2cbf"),
        Palette("#0f5c6e", "#061b22", "#fbf3df", "#fb8b24", "#e9c46a"),
        Palette("#3d348b", "#120d33", "#f6f1ff", "#f7b801", "#f35b04"),
    ),
    "Mystery": (
        Palette("#2b5666", "#0a161b", "#f3efe0", "#e9c46a", "#2a9d8f"),
        Palette("#4a3f6b", "#130f22", "#efe9f7", "#f2b5d4", "#9d8df1"),
        Palette("#7a3b46", "#1e0b12", "#faede6", "#f0b67f", "#d98c95"),
    ),
    "Romance": (
        Palette("#e26d7a", "#3b1024", "#fff0ea", "#ffd9c7", "#b5234a"),
        Palette("#f6bd60", "#3c1b2e", "#fff6e6", "#e0525f", "#fbe3d6"),
        Palette("#7a5aa6", "#241338", "#fdf1fb", "#ffb3c6", "#ffd97d"),
    ),
    "Science Fiction": (
        Palette("#143066", "#050b1c", "#eaf4ff", "#ff9f1c", "#2ec4b6"),
        Palette("#38226a", "#0a0518", "#f3ecff", "#ff5c8a", "#4cc9f0"),
        Palette("#8c3b1f", "#1c0a06", "#fff0e0", "#ffc15e", "#f26a3d"),
    ),
    "Thriller": (
        Palette("#9c2318", "#140405", "#fdeedd", "#f0b67f", "#e0452f"),
        Palette("#1f465c", "#071219", "#edf6f9", "#f4d35e", "#ee964b"),
        Palette("#4a4e3a", "#12140b", "#f5f2dc", "#d7e05a", "#8f8a4a"),
    ),
    "War": (
        Palette("#6b705c", "#1b1d15", "#f5efdf", "#dba485", "#b5402f"),
        Palette("#4a5759", "#12181a", "#f2efe6", "#d98c5f", "#9aac9c"),
        Palette("#8a6a4f", "#21150d", "#faf0de", "#e9b872", "#6b3f2b"),
    ),
    "Western": (
        Palette("#e07a3f", "#2b1008", "#fff0d6", "#f6c453", "#9c2f1b"),
        Palette("#d9a566", "#2e1a12", "#fff4de", "#c8553d", "#588b8b"),
        Palette("#6fa3a8", "#15282b", "#fff3dc", "#f0a04b", "#b5522f"),
    ),
}

_SERIF = "Georgia, 'Times New Roman', serif"
_SANS = "'Helvetica Neue', Arial, sans-serif"
_SLAB = "Rockwell, 'Roboto Slab', 'DejaVu Serif', Georgia, serif"
_NARROW = "'Arial Narrow', 'Liberation Sans Narrow', Arial, sans-serif"
_MONO = "'Courier New', 'Liberation Mono', monospace"

# Typefaces that systems have; a poster loads none.
LETTERS = {
    "Biography": _SERIF,
    "Crime": _MONO,
    "Documentary": _MONO,
    "Drama": _SERIF,
    "Fantasy": _SERIF,
    "History": _SERIF,
    "Mystery": _SERIF,
    "Romance": _SERIF,
    "Action": _NARROW,
    "Thriller": _NARROW,
    "War": _NARROW,
    "Western": _SLAB,
    "Adventure": _SLAB,
    "Animation": _SANS,
    "Comedy": _SANS,
    "Family": _SANS,
    "Horror": _SANS,
    "Music": _SANS,
    "Science Fiction": _SANS,
}
