"""Motifs of films about people: drama, comedy, love, families, music, the past."""

from __future__ import annotations

from films.posters.motifs.scenery import hill, person, ridge
from films.posters.shapes import (
    HEIGHT,
    WIDTH,
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
    "biography_cameo",
    "comedy_gentleman",
    "comedy_grin",
    "documentary_iris",
    "documentary_strip",
    "drama_birds",
    "drama_boat",
    "drama_faces",
    "drama_lamp",
    "drama_stairs",
    "drama_tree",
    "drama_window",
    "family_balloons",
    "family_kite",
    "history_banner",
    "history_columns",
    "music_bars",
    "music_keys",
    "music_record",
    "romance_heart",
    "romance_rose",
    "romance_shore",
]


def biography_cameo(sheet: Sheet) -> str:
    p, turn = sheet.palette, sheet.between(0, 12)
    rays = [
        polygon(
            [(150, 170), polar(150, 170, 400, d + turn), polar(150, 170, 400, d + turn + 6)],
            p.light,
            opacity=0.16,
        )
        for d in range(0, 360, 12)
    ]
    face = sheet.chance.choice((1, -1))
    bust = (
        "M-64 148 C-62 100 -40 92 -18 84 L-18 62 C-44 46 -52 20 -50 -8 C-48 -54 -16 -76 14 -74"
        " C44 -72 58 -48 56 -22 L54 -12 L66 12 L55 18 L56 34 C56 52 40 54 24 50 L24 84"
        " C48 92 66 104 70 148Z"
    )
    return (
        group(rays)
        + ellipse(150, 172, 104, 130, p.accent)
        + ellipse(150, 172, 94, 120, p.light)
        + group([path(bust, p.deep)], transform=f"translate(150 170) scale({face * 0.86:.2f} .86)")
        + ellipse(150, 172, 99, 125, "none", stroke=p.deep, stroke_width=2)
    )


def comedy_gentleman(sheet: Sheet) -> str:
    p, tilt = sheet.palette, sheet.between(-10, 10)
    hat = [
        path("M96 128 C96 60 204 60 204 128z", p.deep),
        rect(72, 124, 156, 14, p.deep, rx=7),
        rect(96, 108, 108, 14, p.accent),
    ]
    moustache = path(
        "M150 208 C136 190 104 192 88 214 C104 232 136 230 150 214"
        " C164 230 196 232 212 214 C196 192 164 190 150 208z",
        p.deep,
    )
    bow = [
        polygon([(150, 284), (98, 256), (98, 314)], p.pop),
        polygon([(150, 284), (202, 256), (202, 314)], p.pop),
        circle(150, 284, 13, p.deep),
    ]
    head = group(
        [circle(150, 170, 92, p.light), *hat, moustache], transform=f"rotate({tilt:.1f} 150 240)"
    )
    return head + "".join(bow)


def comedy_grin(sheet: Sheet) -> str:
    p, size = sheet.palette, sheet.between(44, 56)
    diamonds = [
        polygon(
            [(x, y - size), (x + size * 0.6, y), (x, y + size), (x - size * 0.6, y)],
            p.accent if (row + column) % 2 else p.pop,
            opacity=0.9,
        )
        for row, y in enumerate(range(0, HEIGHT + 60, int(size)))
        for column, x in enumerate(range((row % 2) * int(size * 0.6), WIDTH + 40, int(size * 1.2)))
    ]
    face = [
        circle(150, 170, 104, p.light),
        path(
            "M112 130 q14 -26 28 0", "none", stroke=p.deep, stroke_width=9, stroke_linecap="round"
        ),
        path(
            "M162 130 q14 -26 28 0", "none", stroke=p.deep, stroke_width=9, stroke_linecap="round"
        ),
        path("M86 176 H214 C210 262 90 262 86 176z", p.deep),
        path("M98 180 H202 V200 H101z", "#ffffff"),
        path("M118 232 C136 208 164 208 182 232 C164 246 136 246 118 232z", p.accent),
    ]
    return group(diamonds) + group(face, transform=f"rotate({sheet.between(-9, 9):.1f} 150 170)")


def documentary_iris(sheet: Sheet) -> str:
    p, blades = sheet.palette, sheet.chance.randint(6, 8)
    turn, hole = sheet.between(0, 40), sheet.between(30, 44)
    parts = [circle(150, 172, 128, p.deep), circle(150, 172, 118, p.pop)]
    for blade in range(blades):
        angle = turn + blade * 360 / blades
        corner, beyond = polar(150, 172, hole, angle), polar(150, 172, hole, angle + 360 / blades)
        parts.append(line([corner, polar(150, 172, 118, angle + 68)], p.deep, 3))
        parts.append(line([corner, beyond], p.deep, 3))
    eye = [polar(150, 172, hole, turn + blade * 360 / blades) for blade in range(blades)]
    parts.append(polygon(eye, p.light, stroke=p.deep, stroke_width=3, stroke_linejoin="round"))
    parts.append(circle(150, 172, hole * 0.42, p.accent))
    parts.append(circle(36, 36, 9, p.accent))
    return "".join(parts)


def documentary_strip(sheet: Sheet) -> str:
    p, parts = sheet.palette, [rect(66, -120, 168, 700, sheet.palette.deep)]
    for number in range(11):
        y = -100 + number * 60
        parts += [rect(x, y + hole, 11, 15, p.light, rx=3) for x in (73, 216) for hole in (8, 36)]
    for number in range(4):
        y = -76 + number * 118
        parts.append(rect(92, y, 116, 106, p.light))
        parts.append(circle(112 + number * 24, y + 62 - 8 * number, 20, p.accent))
        parts.append(path(f"M92 {y + 84} q58 -30 116 0 v22 h-116z", p.pop))
    turn = sheet.between(-26, -12)
    return group(parts, transform=f"rotate({turn:.1f} 150 190)")


def drama_window(sheet: Sheet) -> str:
    p, x, y = sheet.palette, sheet.between(70, 130), sheet.between(70, 100)
    slant = sheet.between(30, 70)
    light = polygon(
        [(x, y + 130), (x + 90, y + 130), (x + 90 + slant, HEIGHT), (x + slant - 40, HEIGHT)],
        p.accent,
        opacity=0.45,
    )
    frame = [
        rect(x, y, 90, 130, p.accent),
        rect(x + 42, y, 6, 130, p.deep),
        rect(x, y + 60, 90, 6, p.deep),
    ]
    floor = rect(0, 280, WIDTH, 170, p.deep, opacity=0.55)
    return floor + light + "".join(frame) + person(x + slant + 62, 330, 96, p.deep)


def drama_tree(sheet: Sheet) -> str:
    p, x = sheet.palette, sheet.between(90, 210)
    sun = circle(WIDTH - x, sheet.between(120, 160), sheet.between(46, 74), p.accent)
    crown = [
        circle(
            x + sheet.between(-36, 36), 182 + sheet.between(-28, 18), sheet.between(20, 34), p.deep
        )
        for _ in range(9)
    ]
    trunk = path(f"M{x - 5:.0f} 290 q6 -50 2 -96 h6 q-2 46 6 96z", p.deep)
    far = hill(sheet, 270, p.pop)
    figure = person(WIDTH - x, 292, 44, p.deep)
    return sun + far + trunk + "".join(crown) + figure + hill(sheet, 290, p.deep, 6)


def drama_faces(sheet: Sheet) -> str:
    p = sheet.palette
    side = (
        "M0 330 L0 20 L76 20 C104 24 116 52 114 80 L108 104 L128 142 L112 150 L114 166"
        " L106 174 L112 190 C112 206 96 214 76 208 L72 250 C90 262 104 280 108 330Z"
    )
    gap = sheet.between(-26, 10)
    return (
        circle(150, 160, sheet.between(84, 108), p.accent, opacity=0.9)
        + group([path(side, p.deep)], transform=f"translate({-30 - gap:.0f} 40) scale(1.12)")
        + group([path(side, p.light)], transform=f"translate({330 + gap:.0f} 56) scale(-1.12 1.12)")
    )


def drama_stairs(sheet: Sheet) -> str:
    p, step = sheet.palette, sheet.between(30, 36)
    top = 330 - 7 * step
    steps = [
        rect(
            -10 + count * step * 1.05, 330 - count * step, 400, step + 1, (p.pop, p.deep)[count % 2]
        )
        for count in range(8)
    ]
    light = polygon([(222, top), (282, top), (250, HEIGHT), (60, HEIGHT)], p.light, opacity=0.22)
    low = rect(0, 330, WIDTH, 120, p.deep) + rect(222, 18, 60, top - 18, p.light) + light
    return "".join(steps) + low + person(96, 330 - 2 * step, 78, p.accent)


def drama_lamp(sheet: Sheet) -> str:
    p, x = sheet.palette, sheet.between(84, 130)
    cone = polygon(
        [(x + 26, 92), (x + 46, 92), (x + 150, 330), (x - 78, 330)], p.accent, opacity=0.42
    )
    lamp = [
        line([(x - 44, 332), (x - 44, 84)], p.deep, 6),
        path(f"M{x - 44:.0f} 86 q2 -34 44 -34 q36 0 36 34", "none", stroke=p.deep, stroke_width=6),
        polygon([(x + 20, 84), (x + 52, 84), (x + 58, 98), (x + 14, 98)], p.deep),
        circle(x + 36, 102, 9, p.light),
    ]
    bench = [
        rect(x + 30, 286, 112, 7, p.deep),
        rect(x + 30, 262, 112, 6, p.deep),
        *(rect(x + leg, 262, 5, 68, p.deep) for leg in (38, 130)),
    ]
    return cone + "".join(lamp) + "".join(bench) + hill(sheet, 330, p.deep, 3)


def drama_boat(sheet: Sheet) -> str:
    p, x = sheet.palette, sheet.between(100, 190)
    sun = circle(sheet.between(70, 230), 132, sheet.between(36, 58), p.accent)
    water = rect(0, 216, WIDTH, 234, p.deep, opacity=0.62)
    ripples = [
        line([(rx, ry), (rx + sheet.between(20, 70), ry)], p.light, 1.6, opacity=0.35)
        for rx, ry in ((sheet.between(-20, 280), 230 + row * 11) for row in range(11))
    ]
    boat = path(f"M{x - 58:.0f} 262 q58 14 116 0 q-14 26 -36 26 h-44 q-22 0 -36 -26z", p.deep)
    oar = line([(x - 8, 246), (x - 74, 292)], p.deep, 3)
    far = ridge(sheet, 216, 44, p.pop) + rect(0, 214, WIDTH, 240, p.ground)
    return sun + far + water + "".join(ripples) + person(x + 4, 274, 62, p.deep) + boat + oar


def drama_birds(sheet: Sheet) -> str:
    p, parts = sheet.palette, []
    parts.append(
        circle(sheet.between(80, 220), sheet.between(120, 190), sheet.between(60, 88), p.accent)
    )
    for row in range(4):
        y = 110 + row * 48
        parts.append(
            path(f"M-4 {y} Q150 {y + 30} 304 {y - 12}", "none", stroke=p.deep, stroke_width=2)
        )
        for x in range(24, 290, 27):
            if sheet.chance.random() < 0.36:
                at = y + 15 * (1 - ((x - 150) / 150) ** 2) - 6 * x / WIDTH
                parts.append(ellipse(x, at - 7, 5.4, 8.4, p.deep))
                parts.append(circle(x + 2, at - 16, 4.4, p.deep))
    away = "M0 0 q9 -13 18 -3 q11 -10 20 5 q-12 -5 -19 4 q-6 -9 -19 -6z"
    move = f"translate({sheet.between(150, 220):.0f} {sheet.between(44, 76):.0f}) rotate(-14)"
    parts.append(group([path(away, p.light)], transform=move))
    parts.append(rect(20, 60, 9, 300, p.deep) + rect(0, 96, 60, 6, p.deep))
    return "".join(parts) + hill(sheet, 350, p.deep)


def family_balloons(sheet: Sheet) -> str:
    p = sheet.palette
    knot = (150.0 + sheet.between(-20, 20), 312.0)
    parts = []
    for row, count in enumerate((3, 4, 3)):
        for column in range(count):
            x = 150 + (column - (count - 1) / 2) * 56 + sheet.between(-8, 8)
            y = 70 + row * 52 + sheet.between(-10, 10)
            colour = sheet.chance.choice((p.accent, p.pop, p.light))
            parts.append(line([(x, y + 34), knot], p.deep, 1.2, opacity=0.7))
            parts.append(ellipse(x, y, 27, 33, colour))
            parts.append(ellipse(x - 9, y - 12, 5, 9, "#ffffff", opacity=0.6))
    house = [
        rect(knot[0] - 24, 312, 48, 36, p.light),
        polygon([(knot[0] - 32, 314), (knot[0], 288), (knot[0] + 32, 314)], p.deep),
        rect(knot[0] - 6, 326, 12, 22, p.accent),
    ]
    return "".join(parts) + "".join(house) + hill(sheet, 400, p.deep)


def family_kite(sheet: Sheet) -> str:
    p, x, y = sheet.palette, sheet.between(150, 220), sheet.between(86, 120)
    kite = [
        polygon([(x, y - 58), (x + 42, y), (x, y), (x - 42, y)], p.accent),
        polygon([(x + 42, y), (x, y + 82), (x - 42, y), (x, y)], p.pop),
        line([(x, y - 58), (x, y + 82)], p.deep, 2),
        line([(x - 42, y), (x + 42, y)], p.deep, 2),
    ]
    tail = path(
        f"M{x:.0f} {y + 82:.0f} C{x - 50:.0f} 250 {x + 10:.0f} 260 92 300",
        "none",
        stroke=p.deep,
        stroke_width=1.6,
    )
    clouds = [
        ellipse(cx, cy, 34, 14, "#ffffff", opacity=0.75)
        for cx, cy in ((58, 70), (86, 78), (236, 214), (262, 224))
    ]
    kids = person(84, 336, 54, p.deep) + person(124, 340, 42, p.deep)
    return (
        "".join(clouds)
        + tail
        + group(kite, transform=f"rotate(18 {x:.0f} {y:.0f})")
        + (hill(sheet, 330, p.accent, 10) + kids + hill(sheet, 352, p.deep, 8))
    )


def history_columns(sheet: Sheet) -> str:
    p, count = sheet.palette, sheet.chance.choice((4, 5, 6))
    broken, gap = sheet.chance.randrange(count), 220 / count
    sun = circle(150, 130, sheet.between(76, 104), p.pop, opacity=0.9)
    parts = [polygon([(24, 136), (150, 66), (276, 136)], p.light), rect(24, 136, 252, 14, p.light)]
    for column in range(count):
        x, top = 40 + column * gap + gap / 2 - 12, 150
        if column == broken:
            top += int(sheet.between(50, 90))
        parts.append(rect(x, top, 24, 310 - top, p.light))
        parts += [
            rect(x + flute, top, 2.4, 310 - top, p.accent, opacity=0.6) for flute in (5, 11, 17)
        ]
    steps = [
        rect(24 - s * 10, 310 + s * 12, 252 + s * 20, 12, p.accent if s % 2 else p.light)
        for s in range(3)
    ]
    return sun + "".join(parts) + "".join(steps) + rect(0, 346, WIDTH, 104, p.deep)


def history_banner(sheet: Sheet) -> str:
    p = sheet.palette
    leaves = []
    for side in (1, -1):
        for leaf in range(9):
            angle = 168 - leaf * 17
            x, y = polar(150, 172, 100, angle * side)
            leaves.append(
                group(
                    [ellipse(0, 0, 9, 23, p.accent)],
                    transform=f"translate({x:.1f} {y:.1f}) rotate({side * (angle - 62):.0f})",
                )
            )
    crown = [
        polygon(
            [(102, 208), (92, 138), (126, 168), (150, 120), (174, 168), (208, 138), (198, 208)],
            p.light,
        ),
        rect(102, 214, 96, 13, p.light),
        *(circle(x, y, 6, p.accent) for x, y in ((92, 132), (150, 114), (208, 132))),
    ]
    stripes = [rect(x, 0, 18, HEIGHT, p.deep, opacity=0.16) for x in range(6, WIDTH, 36)]
    return "".join(stripes) + "".join(leaves) + "".join(crown)


def music_record(sheet: Sheet) -> str:
    p, x, y = sheet.palette, sheet.between(110, 190), sheet.between(150, 190)
    grooves = [
        circle(x, y, radius, "none", stroke=p.light, stroke_width=0.9, opacity=0.3)
        for radius in range(60, 128, 6)
    ]
    shine = [
        polygon([(x, y), polar(x, y, 128, d), polar(x, y, 128, d + 26)], p.light, opacity=0.13)
        for d in (30, 210)
    ]
    label = circle(x, y, 46, sheet.vivid()) + circle(x, y, 30, p.light, opacity=0.35)
    arm = line([(282, 36), (268, 150), (x + 70, y + 62)], p.light, 6, stroke_linejoin="round")
    disc = circle(x, y, 130, p.deep) + "".join(grooves) + "".join(shine) + label
    return disc + circle(x, y, 5, p.light) + arm + circle(282, 36, 15, p.light)


def music_bars(sheet: Sheet) -> str:
    p, parts = sheet.palette, []
    parts.append(circle(150, 150, sheet.between(70, 96), p.accent))
    for bar in range(15):
        tall = sheet.between(36, 190) * (1 - abs(bar - 7) / 11)
        colour = (p.light, p.pop, p.deep)[bar % 3]
        parts.append(rect(14 + bar * 18.4, 170 - tall / 2, 11, tall, colour, rx=5.5))
        parts.append(rect(14 + bar * 18.4, 300, 11, tall * 0.35, colour, rx=5.5, opacity=0.35))
    return "".join(parts)


def music_keys(sheet: Sheet) -> str:
    p = sheet.palette
    parts = [rect(-60 + key * 48, 150, 45, 230, p.light, rx=4) for key in range(9)]
    parts += [rect(-28 + key * 48, 150, 30, 138, p.deep, rx=3) for key in (0, 1, 3, 4, 5, 7)]
    notes = []
    for _ in range(4):
        x, y = sheet.between(30, 250), sheet.between(40, 116)
        notes.append(ellipse(x, y, 11, 8, p.accent, transform=f"rotate(-20 {x:.0f} {y:.0f})"))
        notes.append(line([(x + 10, y - 3), (x + 10, y - 42), (x + 24, y - 32)], p.accent, 3.4))
    return group(parts, transform=f"rotate({sheet.between(-16, -8):.1f} 150 260)") + "".join(notes)


def romance_heart(sheet: Sheet) -> str:
    p, turn = sheet.palette, sheet.between(-14, 14)
    heart = (
        "M0 96 C-120 10 -96 -86 -44 -86 C-18 -86 -4 -66 0 -50"
        " C4 -66 18 -86 44 -86 C96 -86 120 10 0 96z"
    )
    rings = [
        group(
            [path(heart, colour, opacity=opacity)],
            transform=f"translate(150 172) rotate({turn:.0f}) scale({scale})",
        )
        for scale, colour, opacity in (
            (1.62, p.accent, 0.35),
            (1.3, p.accent, 0.55),
            (1.0, p.pop, 1.0),
            (0.62, p.light, 0.25),
        )
    ]
    return (
        "".join(rings)
        + person(128, 352, 88, p.deep)
        + person(166, 352, 80, p.deep)
        + hill(sheet, 348, p.deep, 5)
    )


def romance_shore(sheet: Sheet) -> str:
    p, x = sheet.palette, sheet.between(110, 190)
    rays = [circle(x, 190, radius, p.light, opacity=0.2) for radius in (136, 108, 84)]
    glints = [
        rect(x - wide / 2, y, wide, 3.4, p.light, rx=1.7, opacity=0.8)
        for y, wide in (
            (206, 104),
            (220, sheet.between(60, 90)),
            (236, sheet.between(70, 110)),
            (254, 46),
        )
    ]
    sea = rect(0, 196, WIDTH, 254, p.pop, opacity=0.9)
    pair = person(x - 14, 322, 92, p.deep) + person(x + 16, 322, 84, p.deep)
    return (
        "".join(rays)
        + circle(x, 190, 62, p.accent)
        + sea
        + "".join(glints)
        + hill(sheet, 318, p.deep, 6)
        + pair
    )


def romance_rose(sheet: Sheet) -> str:
    p, turn = sheet.palette, sheet.between(0, 60)
    petals = []
    for ring, (radius, size) in enumerate(((62, 50), (42, 40), (24, 28), (8, 16))):
        colour = p.pop if ring % 2 else p.accent
        for petal in range(6):
            x, y = polar(150, 142, radius, turn + petal * 60 + ring * 31)
            petals.append(circle(x, y, size, colour, stroke=p.deep, stroke_width=1.4))
    stem = path("M150 190 C140 260 166 320 152 450 h10 C176 320 152 260 160 190z", p.deep)
    leaf = path("M156 300 C190 256 236 262 250 282 C222 312 184 316 156 300z", p.deep)
    return stem + leaf + "".join(petals)
