"""Motifs of films about what cannot be: animation, fantasy, horror, mystery, space."""

from __future__ import annotations

from films.posters.motifs.scenery import hill, person, ridge, stars
from films.posters.shapes import (
    HEIGHT,
    WIDTH,
    Point,
    Sheet,
    circle,
    ellipse,
    group,
    line,
    path,
    polar,
    polygon,
    rect,
)

__all__ = [
    "animation_blobs",
    "animation_bounce",
    "fantasy_castle",
    "fantasy_island",
    "fantasy_lantern",
    "fiction_eclipse",
    "fiction_planet",
    "fiction_robot",
    "fiction_rocket",
    "horror_door",
    "horror_eye",
    "horror_tree",
    "mystery_keyhole",
    "mystery_spiral",
]


def animation_bounce(sheet: Sheet) -> str:
    p, ground, x = sheet.palette, 312.0, 34.0
    parts = [rect(0, ground, WIDTH, 140, p.deep)]
    colour = sheet.vivid()
    for height, span in ((210.0, 104.0), (128.0, 78.0), (60.0, 54.0)):
        for step in range(1, 8):
            t = step / 8
            y = ground - 18 - 4 * height * t * (1 - t)
            parts.append(circle(x + span * t, y, 2.2, p.deep, opacity=0.5))
        parts.append(ellipse(x, ground - 5, 22, 4, p.light, opacity=0.5))
        x += span
    parts.append(circle(86, 84, 27, colour))
    parts.append(ellipse(138, ground - 16, 33, 17, colour))
    parts.append(group([ellipse(0, 0, 22, 31, colour)], transform="translate(201 216) rotate(38)"))
    for ex, ey in ((86, 80), (138, 294), (206, 208)):
        for side in (-8, 8):
            parts.append(circle(ex + side, ey, 6.4, "#ffffff"))
            parts.append(circle(ex + side + 2, ey, 3, "#1a1a22"))
    sun = circle(sheet.between(220, 256), sheet.between(56, 90), 30, p.light, opacity=0.85)
    return sun + "".join(parts)


def animation_blobs(sheet: Sheet) -> str:
    p = sheet.palette
    parts = []
    for row, colour in enumerate((p.light, p.accent, p.pop, p.deep)):
        x, y = sheet.between(40, 90) + row * 48, 150 + row * 46 + sheet.between(-18, 18)
        wide, eye = sheet.between(52, 68), sheet.between(9, 13)
        top = f"M{x - wide:.0f} 450 V{y:.0f} a{wide:.0f} {wide:.0f} 0 0 1 {2 * wide:.0f} 0 V450z"
        parts.append(path(top, colour))
        look = sheet.between(-3, 3)
        for side in (-eye * 1.2, eye * 1.2):
            parts.append(circle(x + side, y - 8, eye, "#ffffff"))
            parts.append(circle(x + side + look, y - 7, eye * 0.48, "#1a1a22"))
    return circle(226, 84, 40, p.light, opacity=0.7) + "".join(parts)


def fantasy_castle(sheet: Sheet) -> str:
    p, moon = sheet.palette, sheet.between(70, 230)
    parts = [
        stars(sheet, 46, 230, p.light),
        path(f"M{moon:.0f} 48 a44 44 0 1 0 44 50 a36 36 0 1 1 -44 -50z", p.accent),
        ridge(sheet, 292, 60, p.pop),
    ]
    for x, width, high in ((104, 26, 206), (134, 34, 160), (172, 28, 190), (198, 20, 226)):
        top = high + sheet.between(-12, 12)
        parts.append(rect(x, top, width, 300 - top, p.deep))
        parts.append(
            polygon([(x - 6, top), (x + width / 2, top - 44), (x + width + 6, top)], p.deep)
        )
        parts.append(rect(x + width / 2 - 3, top + 14, 6, 11, p.accent, rx=3))
    return "".join(parts) + hill(sheet, 290, p.deep)


def fantasy_island(sheet: Sheet) -> str:
    p, y = sheet.palette, sheet.between(196, 216)
    clouds = [
        ellipse(sheet.between(-10, 310), height, sheet.between(40, 80), 11, p.light, opacity=0.35)
        for height in (84, 128, 286, 316, 344)
    ]
    rock = [
        (54, y),
        (246, y),
        (214, y + 42),
        (186, y + 58),
        (152, y + 118),
        (122, y + 64),
        (84, y + 44),
    ]
    crown = [
        circle(118 + sheet.between(-30, 30), y - 84 + sheet.between(-24, 20), 24, p.pop)
        for _ in range(8)
    ]
    tree = path(f"M110 {y:.0f} q8 -40 2 -76 h12 q-4 40 8 76z", p.deep)
    house = [
        rect(180, y - 34, 38, 34, p.light),
        polygon([(173, y - 33), (199, y - 60), (225, y - 33)], p.accent),
        rect(194, y - 20, 10, 20, p.deep),
    ]
    water = path(f"M222 {y:.0f} q10 60 4 150 h10 q8 -90 -2 -150z", p.light, opacity=0.75)
    lawn = path(f"M48 {y:.0f} q102 -18 204 0 q-20 18 -102 16 q-80 2 -102 -16z", p.accent)
    island = [polygon(rock, p.deep), water, tree, *crown, lawn, *house]
    return stars(sheet, 30, 200, p.light) + "".join(clouds[:2] + island + clouds[2:])


def fantasy_lantern(sheet: Sheet) -> str:
    p = sheet.palette
    far = "".join(_trunk(sheet, sheet.between(-10, 310), 15, p.pop) for _ in range(6))
    near = "".join(
        _trunk(sheet, side + sheet.between(-28, 28), 25, p.deep) for side in (14, 62, 244, 286)
    )
    glow = [circle(150, 180, radius, p.accent, opacity=0.16) for radius in (118, 88, 60)]
    sheet_of_cloth = (
        "M118 250 V178 C118 132 182 132 182 178 V250 l-11 -12 -10 12 -11 -12 -11 12 -10 -12z"
    )
    spirit = [
        path(sheet_of_cloth, p.light),
        circle(139, 184, 5, p.deep),
        circle(162, 184, 5, p.deep),
    ]
    motes = stars(sheet, 34, 330, p.accent)
    return "".join(glow) + far + near + motes + "".join(spirit) + hill(sheet, 330, p.deep)


def _trunk(sheet: Sheet, x: float, wide: float, colour: str) -> str:
    wide += sheet.between(-5, 5)
    sides = f"q{wide / 3:.0f} 220 -{wide / 2:.0f} 450 h{wide:.0f} q-4 -220 {wide / 2:.0f} -450z"
    return path(f"M{x:.0f} 0 {sides}", colour, opacity=0.8)


def _branches(sheet: Sheet, start: Point, angle: float, length: float, depth: int) -> list[str]:
    end = polar(*start, length, angle)
    grown = [line([start, end], sheet.palette.deep, 1.3 * depth)]
    if depth > 1:
        for turn in (-sheet.between(14, 42), sheet.between(14, 42)):
            shorter = length * sheet.between(0.62, 0.84)
            grown += _branches(sheet, end, angle + turn, shorter, depth - 1)
    return grown


def horror_tree(sheet: Sheet) -> str:
    p, x = sheet.palette, sheet.between(120, 180)
    moon = circle(x + sheet.between(-24, 24), 148, sheet.between(84, 108), p.accent)
    mist = [
        ellipse(sheet.between(0, 300), y, 140, 9, p.light, opacity=0.12) for y in (262, 284, 306)
    ]
    tree = _branches(sheet, (x, 330), sheet.between(-6, 6), 82, 7)
    return moon + "".join(mist) + "".join(tree) + hill(sheet, 326, p.deep)


def horror_eye(sheet: Sheet) -> str:
    p, y = sheet.palette, sheet.between(150, 185)
    lids = f"M28 {y:.0f} Q150 {y - 118:.0f} 272 {y:.0f} Q150 {y + 118:.0f} 28 {y:.0f}z"
    rays = [
        line([(150, y), polar(150, y, 54, d)], p.deep, 1.6, opacity=0.6) for d in range(0, 360, 12)
    ]
    drips = []
    for x in range(60, 250, 24):
        length = sheet.between(14, 110) * (1 - abs(x - 150) / 220)
        edge = y + 59 * (1 - ((x - 150) / 122) ** 2)
        drips.append(line([(x, edge - 4), (x, edge + length)], p.accent, 6))
    return (
        rect(0, 0, WIDTH, HEIGHT, p.deep, opacity=0.45)
        + "".join(drips)
        + path(lids, p.light, stroke=p.accent, stroke_width=5)
        + circle(150, y, 56, p.accent)
        + "".join(rays)
        + ellipse(150, y, sheet.between(9, 20), 44, p.deep)
        + circle(168, y - 22, 8, "#ffffff", opacity=0.85)
    )


def horror_door(sheet: Sheet) -> str:
    p, x = sheet.palette, sheet.between(100, 130)
    light = polygon(
        [(x, 300), (x + 76, 300), (x + 170, HEIGHT), (x - 70, HEIGHT)], p.accent, opacity=0.8
    )
    door = [
        rect(x, 90, 76, 210, p.accent),
        polygon([(x, 90), (x - 44, 70), (x - 44, 330), (x, 300)], p.deep),
        circle(x - 34, 206, 4, p.accent),
    ]
    boards = [line([(0, y), (300, y)], p.deep, 2, opacity=0.5) for y in range(20, 300, 34)]
    floor = rect(0, 300, WIDTH, 150, p.deep, opacity=0.75)
    shape = person(x + 38, 302, 150, p.deep) + polygon(
        [(x + 22, 304), (x + 54, 304), (x + 80, HEIGHT), (x - 10, HEIGHT)], p.deep, opacity=0.9
    )
    return "".join(boards) + floor + light + "".join(door) + shape


def mystery_keyhole(sheet: Sheet) -> str:
    p, y = sheet.palette, sheet.between(128, 148)
    plate = rect(62, 34, 176, 270, p.pop, rx=88, opacity=0.9)
    rim = rect(74, 46, 152, 246, "none", rx=76, stroke=p.light, stroke_width=2, opacity=0.7)
    hole = circle(150, y, 48, p.deep) + polygon(
        [(132, y), (168, y), (194, 272), (106, 272)], p.deep
    )
    eye = [
        path(f"M112 {y:.0f} Q150 {y - 36:.0f} 188 {y:.0f} Q150 {y + 36:.0f} 112 {y:.0f}z", p.light),
        circle(150 + sheet.between(-9, 9), y, 14, p.accent),
        circle(150, y, 6, p.deep),
    ]
    screws = [circle(150, 62, 4, p.deep), circle(150, 288, 4, p.deep)]
    return plate + rim + hole + "".join(eye) + "".join(screws)


def mystery_spiral(sheet: Sheet) -> str:
    p, way = sheet.palette, sheet.chance.choice((1, -1))
    arms = []
    for arm, colour in enumerate((p.accent, p.light, p.pop)):
        points = [
            polar(150, 168, 2 + 1.02**step * 4.2 + step * 0.62, way * step * 7 + arm * 120)
            for step in range(0, 176, 2)
        ]
        arms.append(line(points, colour, 5.5))
    falling = group(
        [person(0, 20, 58, p.deep)], transform=f"translate(150 168) rotate({way * 130})"
    )
    return "".join(arms) + circle(150, 168, 40, p.ground) + falling


def fiction_planet(sheet: Sheet) -> str:
    p, x, y = sheet.palette, sheet.between(120, 180), sheet.between(145, 185)
    tilt, radius = sheet.between(-30, 30), sheet.between(66, 84)
    wide, high = radius * 1.85, radius * 0.5
    back = ellipse(x, y, wide, high, "none", stroke=p.accent, stroke_width=11)
    arc = f"M{x - wide:.0f} {y:.0f} a{wide:.0f} {high:.0f} 0 0 0 {2 * wide:.0f} 0"
    front = path(arc, "none", stroke=p.accent, stroke_width=11)
    bands = [
        ellipse(x, y + shift, (radius**2 - shift**2) ** 0.5, 7, p.light, opacity=0.22)
        for shift in (-radius * 0.5, -radius * 0.1, radius * 0.35)
    ]
    night = (
        f"M{x:.0f} {y - radius:.0f} a{radius:.0f} {radius:.0f} 0 0 1 0 {2 * radius:.0f}"
        f" a{radius * 1.3:.0f} {radius * 1.3:.0f} 0 0 0 0 {-2 * radius:.0f}z"
    )
    globe = [back, circle(x, y, radius, p.pop), *bands, path(night, p.deep, opacity=0.4), front]
    body = group(globe, transform=f"rotate({tilt:.0f} {x:.0f} {y:.0f})")
    moon = circle(sheet.between(30, 270), sheet.between(26, 60), sheet.between(8, 16), p.light)
    return stars(sheet, 60, 400, p.light) + moon + body


def fiction_rocket(sheet: Sheet) -> str:
    p, turn = sheet.palette, sheet.between(14, 34)
    rocket = [
        path("M0 -92 C34 -58 36 -6 26 44 H-26 C-36 -6 -34 -58 0 -92z", p.light),
        path("M-26 14 L-56 62 L-24 46z M26 14 L56 62 L24 46z", p.accent),
        path("M0 -92 C15 -77 24 -59 28 -40 H-28 C-24 -59 -15 -77 0 -92z", p.accent),
        circle(0, -14, 13, p.deep),
        circle(0, -14, 8, p.pop),
        path("M-16 50 Q0 150 0 168 Q0 150 16 50z", p.accent),
        path("M-8 50 Q0 104 0 118 Q0 104 8 50z", p.light),
    ]
    world = circle(sheet.between(20, 110), 420, 150, p.pop) + circle(
        sheet.between(190, 250), 70, 24, p.accent, opacity=0.8
    )
    return (
        stars(sheet, 60, 400, p.light)
        + world
        + group(rocket, transform=f"translate(156 158) rotate({turn:.0f})")
    )


def fiction_eclipse(sheet: Sheet) -> str:
    p, lift = sheet.palette, sheet.between(-14, 14)
    glow = [circle(150, 120 + lift, radius, p.accent, opacity=0.14) for radius in (122, 98, 78)]
    return (
        stars(sheet, 50, 300, p.light)
        + "".join(glow)
        + circle(150, 120 + lift, 60, p.light)
        + circle(150, 128 + lift, 57, p.deep)
        + circle(150, 640, 340, p.pop)
        + circle(150, 652, 340, p.deep, opacity=0.75)
        + rect(138, 232, 24, 80, p.deep)
        + person(92, 322, 30, p.light)
    )


def fiction_robot(sheet: Sheet) -> str:
    p, eye = sheet.palette, sheet.between(20, 27)
    beams = [rect(0, y, WIDTH, 2, p.light, opacity=0.12) for y in range(8, 340, 14)]
    head = [
        line([(150, 70), (150, 36)], p.light, 5),
        circle(150, 32, 9, p.accent),
        rect(72, 70, 156, 138, p.light, rx=sheet.between(12, 44)),
        rect(56, 118, 18, 46, p.pop, rx=6),
        rect(226, 118, 18, 46, p.pop, rx=6),
        *(circle(x, 128, eye, p.deep) for x in (116, 184)),
        *(circle(x, 128, eye * 0.5, p.accent) for x in (116, 184)),
        *(rect(108 + tooth * 18, 172, 12, 18, p.deep) for tooth in range(5)),
    ]
    body = (
        rect(96, 218, 108, 250, p.pop, rx=20)
        + circle(150, 270, 22, p.deep)
        + circle(150, 270, 12, p.accent)
    )
    return "".join(beams) + body + "".join(head)
