"""What a poster shows: one or more small pictures for every genre.

A motif draws on a sheet of 300 by 450 with its point of interest around (150, 165), because the
title may cover the lower third. The ground colour is there already.
"""

from __future__ import annotations

from collections.abc import Callable

from films.posters.motifs import deeds, lives, wonders
from films.posters.shapes import Sheet

__all__ = ["MOTIFS"]

Motif = Callable[[Sheet], str]

MOTIFS: dict[str, tuple[Motif, ...]] = {
    "Action": (deeds.action_burst, deeds.action_road),
    "Adventure": (deeds.adventure_peaks, deeds.adventure_sea),
    "Animation": (wonders.animation_bounce, wonders.animation_blobs),
    "Biography": (lives.biography_cameo,),
    "Comedy": (lives.comedy_gentleman, lives.comedy_grin),
    "Crime": (deeds.crime_blinds, deeds.crime_print),
    "Documentary": (lives.documentary_iris, lives.documentary_strip),
    "Drama": (
        lives.drama_window,
        lives.drama_tree,
        lives.drama_faces,
        lives.drama_stairs,
        lives.drama_lamp,
        lives.drama_boat,
        lives.drama_birds,
    ),
    "Family": (lives.family_balloons, lives.family_kite),
    "Fantasy": (wonders.fantasy_castle, wonders.fantasy_lantern, wonders.fantasy_island),
    "History": (lives.history_columns, lives.history_banner),
    "Horror": (wonders.horror_tree, wonders.horror_eye, wonders.horror_door),
    "Music": (lives.music_record, lives.music_bars, lives.music_keys),
    "Mystery": (wonders.mystery_keyhole, wonders.mystery_spiral),
    "Romance": (lives.romance_heart, lives.romance_shore, lives.romance_rose),
    "Science Fiction": (
        wonders.fiction_planet,
        wonders.fiction_rocket,
        wonders.fiction_eclipse,
        wonders.fiction_robot,
    ),
    "Thriller": (deeds.thriller_tunnel, deeds.thriller_target, deeds.thriller_city),
    "War": (deeds.war_searchlights, deeds.war_wire, deeds.war_spears),
    "Western": (deeds.western_mesa, deeds.western_rider),
}
