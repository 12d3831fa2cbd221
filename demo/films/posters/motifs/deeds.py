"""Motifs of films in which something is done: action, crime, journeys, war."""

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
    star,
)

__all__ = [
    "action_burst",
    "action_road",
    "adventure_peaks",
    "adventure_sea",
    "crime_blinds",
    "crime_print",
    "thriller_city",
    "thriller_target",
    "thriller_tunnel",
    "war_searchlights",
    "war_spears",
    "war_wire",
    "western_mesa",
    "western_rider",
]


def action_burst(sheet: Sheet) -> str:
    p, turn = sheet.palette, sheet.between(0, 30)
    x, y, spikes = sheet.between(120, 180), sheet.between(140, 185), sheet.chance.randint(11, 16)
    streaks = [
        polygon(
            [polar(x, y, 420, degree), polar(x, y, 420, degree + sheet.between(3, 9)), (x, y)],
            p.deep,
            opacity=0.35,
        )
        for degree in range(0, 360, 20)
    ]
    bursts = [
        polygon(star(x, y, outer, inner, spikes, turn + shift), colour)
        for outer, inner, shift, colour in (
            (150, 84, 0, p.pop),
            (112, 60, 9, p.accent),
            (70, 36, 3, p.light),
        )
    ]
    return group(streaks) + "".join(bursts) + person(x, y + 38, 76, p.deep)


def action_road(sheet: Sheet) -> str:
    p, x = sheet.palette, sheet.between(130, 170)
    speed = [
        line([(x, 190), polar(x, 190, 360, degree)], p.light, sheet.between(0.8, 2.4), opacity=0.45)
        for degree in range(-84, 90, 7)
    ]
    road = polygon([(x - 5, 190), (x + 5, 190), (WIDTH + 60, HEIGHT), (-60, HEIGHT)], p.deep)
    dashes = [
        polygon([(x - w, y), (x + w, y), (x + w * 1.6, y + h), (x - w * 1.6, y + h)], p.accent)
        for y, w, h in ((204, 0.8, 7), (219, 1.5, 14), (243, 2.6, 24), (283, 4.6, 42))
    ]
    sun = circle(x, 186, sheet.between(56, 78), p.accent)
    land = rect(0, 190, WIDTH, 260, p.pop)
    return "".join(speed) + sun + land + road + "".join(dashes)


def adventure_peaks(sheet: Sheet) -> str:
    p = sheet.palette
    sun = circle(sheet.between(70, 230), sheet.between(80, 125), sheet.between(34, 52), p.light)
    trail = "M150 450 C120 400 210 372 176 338 S120 300 150 268"
    return (
        sun
        + ridge(sheet, 235, 120, p.pop)
        + ridge(sheet, 272, 70, p.accent)
        + ridge(sheet, 322, 44, p.deep)
        + path(
            trail,
            "none",
            stroke=p.light,
            stroke_width=3,
            stroke_dasharray="2 9",
            stroke_linecap="round",
        )
        + line([(142, 258), (158, 274)], p.light, 4)
        + line([(158, 258), (142, 274)], p.light, 4)
    )


def adventure_sea(sheet: Sheet) -> str:
    p, x = sheet.palette, sheet.between(120, 180)
    waves = []
    for row, colour in enumerate((p.pop, p.accent, p.deep)):
        y, shift = 232 + row * 30, sheet.between(-40, 0)
        swell = "".join(" q15 -16 30 0 t30 0" for _ in range(7))
        waves.append(path(f"M{shift:.0f} {y}{swell} V450 H-40Z", colour))
    ship = [
        path(f"M{x - 46:.0f} 206 h92 l-16 30 h-60z", p.deep),
        rect(x - 2, 92, 4, 116, p.deep),
        path(f"M{x + 5:.0f} 98 q58 46 6 96 z", p.light),
        path(f"M{x - 5:.0f} 108 q-44 40 -6 84 z", p.light, opacity=0.85),
        polygon([(x, 84), (x + 22, 90), (x, 97)], p.accent),
    ]
    sun = circle(x + sheet.between(-60, 60), 170, sheet.between(60, 84), p.accent, opacity=0.8)
    return sun + waves[0] + "".join(ship) + waves[1] + waves[2]


def crime_blinds(sheet: Sheet) -> str:
    p, lean = sheet.palette, sheet.between(-16, -8)
    slats = group(
        [rect(20, y, 330, 13, p.accent) for y in range(28, 330, 24)],
        transform=f"skewY({lean:.1f}) translate(0 40)",
        opacity=0.85,
    )
    x = sheet.between(130, 180)
    man = [
        path(
            f"M{x - 100:.0f} 450 C{x - 96:.0f} 300 {x - 58:.0f} 272 {x - 30:.0f} 258 h60"
            f" C{x + 58:.0f} 272 {x + 96:.0f} 300 {x + 100:.0f} 450z",
            p.deep,
        ),
        ellipse(x, 206, 42, 58, p.deep),
        path(
            f"M{x - 48:.0f} 172 C{x - 50:.0f} 118 {x - 20:.0f} 112 {x:.0f} 126"
            f" C{x + 20:.0f} 112 {x + 50:.0f} 118 {x + 48:.0f} 172z",
            p.deep,
        ),
        ellipse(x, 174, 82, 15, p.deep),
        rect(x - 47, 156, 94, 9, p.pop),
    ]
    return slats + "".join(man)


def crime_print(sheet: Sheet) -> str:
    p, x, y = sheet.palette, 150, 175
    loops = []
    for ring in range(12):
        wide, high = 8 + ring * 9.2, 13 + ring * 12.4
        dashes = " ".join(
            f"{sheet.between(40, 150):.0f} {sheet.between(4, 10):.0f}" for _ in range(3)
        )
        loops.append(
            ellipse(
                x + ring * 0.8,
                y + ring * 1.6,
                wide,
                high,
                "none",
                stroke=p.light,
                stroke_width=4.4,
                stroke_dasharray=dashes,
                stroke_linecap="round",
            )
        )
    turn = sheet.between(-28, 28)
    tag = polygon([(204, 262), (276, 240), (284, 268), (212, 290)], sheet.vivid())
    return group(loops, transform=f"rotate({turn:.1f} {x} {y})") + tag


def thriller_tunnel(sheet: Sheet) -> str:
    p, x, y = sheet.palette, sheet.between(120, 180), sheet.between(160, 190)
    turn, parts = sheet.between(-5, 5), []
    for frame in range(9):
        wall = rect(-190, -280, 380, 560, (p.deep, p.pop)[frame % 2])
        move = f"translate({x:.0f} {y:.0f}) rotate({turn * frame:.1f}) scale({0.78**frame:.3f})"
        parts.append(group([wall], transform=move))
    door = rect(x - 22, y - 38, 44, 70, p.light)
    return "".join(parts) + door + person(x + sheet.between(-6, 6), y + 36, 48, p.deep)


def thriller_target(sheet: Sheet) -> str:
    p, x, y = sheet.palette, sheet.between(115, 185), sheet.between(145, 185)
    rings = [
        circle(x, y, radius, colour)
        for radius, colour in (
            (124, p.deep),
            (98, p.light),
            (72, p.pop),
            (46, p.light),
            (20, p.deep),
        )
    ]
    cross = [line([(x, 10), (x, 345)], p.accent, 2.4), line([(0, y), (WIDTH, y)], p.accent, 2.4)]
    runner = group(
        [person(0, 0, 84, p.deep)],
        transform=f"translate({x:.0f} {y + 46:.0f}) rotate({sheet.between(8, 16):.0f})",
    )
    return "".join(rings) + "".join(cross) + runner


def thriller_city(sheet: Sheet) -> str:
    p, parts, x = sheet.palette, [], -8.0
    parts.append(circle(sheet.between(90, 210), 130, sheet.between(56, 80), p.accent))
    while x < WIDTH:
        wide, top = sheet.between(28, 54), sheet.between(120, 250)
        parts.append(rect(x, top, wide, HEIGHT - top, p.deep))
        parts += [
            rect(wx, wy, 5, 8, p.accent)
            for wy in range(int(top) + 10, 330, 16)
            for wx in range(int(x) + 6, int(x + wide) - 7, 11)
            if sheet.chance.random() < 0.22
        ]
        x += wide + sheet.between(1, 5)
    rain = [
        line([(rx, ry), (rx - 7, ry + 22)], p.light, 1, opacity=0.4)
        for rx, ry in ((sheet.between(0, 310), sheet.between(0, 320)) for _ in range(46))
    ]
    return "".join(parts) + "".join(rain)


def war_searchlights(sheet: Sheet) -> str:
    p = sheet.palette
    beams = []
    for x in (40, 150, 262):
        lean = sheet.between(-34, 34)
        a, b = polar(x, 330, 430, lean - 5), polar(x, 330, 430, lean + 5)
        beams.append(polygon([(x, 330), a, b], p.light, opacity=0.34))
    planes = []
    for _ in range(sheet.chance.randint(3, 6)):
        move = f"translate({sheet.between(40, 260):.0f} {sheet.between(46, 190):.0f}) rotate(24)"
        plane = "M0 -13 L3 -3 L19 3 L19 7 L3 5 L2 13 L7 17 H-7 L-2 13 L-3 5 L-19 7 L-19 3 L-3 -3z"
        planes.append(group([path(plane, p.deep)], transform=move))
    glow = ellipse(150, 335, 190, 70, p.accent, opacity=0.7) + ellipse(
        150, 335, 120, 44, p.pop, opacity=0.8
    )
    return "".join(beams) + glow + "".join(planes) + ridge(sheet, 330, 26, p.deep)


def war_wire(sheet: Sheet) -> str:
    p, parts = sheet.palette, []
    parts.append(circle(sheet.between(90, 210), 150, sheet.between(62, 88), p.pop))
    for x in (52, 150, 248):
        lean = sheet.between(-10, 10)
        parts.append(line([(x, 340), (x + lean, 130)], p.deep, 8))
    for y in (160, 216, 272):
        droop = sheet.between(10, 26)
        wire = f"M-4 {y} Q52 {y + droop:.0f} 101 {y} T199 {y} T304 {y}"
        parts.append(path(wire, "none", stroke=p.deep, stroke_width=2.6))
        parts += [line([(x - 6, y - 7), (x + 6, y + 9)], p.deep, 2.2) for x in range(16, 300, 38)]
        parts += [line([(x + 6, y - 7), (x - 6, y + 9)], p.deep, 2.2) for x in range(16, 300, 38)]
    helmet = path("M118 330 C118 284 182 284 182 330z M108 328 h84 v7 h-84z", p.deep)
    return "".join(parts) + hill(sheet, 338, p.deep) + helmet


def war_spears(sheet: Sheet) -> str:
    p, parts = sheet.palette, []
    parts.append(circle(sheet.between(90, 210), 190, sheet.between(80, 104), p.accent))
    for number in range(17):
        x, top = number * 18.5 + sheet.between(-5, 5), sheet.between(70, 170)
        lean = sheet.between(-9, 9)
        parts.append(line([(x, 350), (x + lean, top)], p.deep, 3.4))
        tip = [(x + lean - 6, top + 6), (x + lean, top - 20), (x + lean + 6, top + 6)]
        parts.append(polygon(tip, p.deep))
        if number % 5 == 2:
            flag = [(x + lean, top + 12), (x + lean + 44, top + 24), (x + lean, top + 40)]
            parts.append(polygon(flag, p.pop))
    parts += [
        circle(x + sheet.between(-4, 4), 312 + sheet.between(-7, 7), 12, p.deep)
        for x in range(0, WIDTH + 20, 22)
    ]
    return "".join(parts) + rect(0, 314, WIDTH, 136, p.deep)


def western_mesa(sheet: Sheet) -> str:
    p, x = sheet.palette, sheet.between(90, 210)
    sun = circle(x, 176, sheet.between(76, 100), p.accent)
    bands = [rect(0, y, WIDTH, tall, p.ground) for y, tall in ((196, 5), (212, 8), (230, 11))]
    mesas = []
    for _ in range(3):
        left, wide, top = sheet.between(-30, 230), sheet.between(60, 110), sheet.between(190, 232)
        foot = [(left - 16, 290), (left, top), (left + wide, top), (left + wide + 18, 290)]
        mesas.append(polygon(foot, p.pop))
    at = WIDTH - x + sheet.between(-20, 20)
    stem = f"M{at:.0f} 340 v-104 M{at:.0f} 300 h-22 q-8 0 -8 -8 v-30"
    arms = f"{stem} M{at:.0f} 284 h20 q8 0 8 -8 v-26"
    cactus = path(arms, "none", stroke=p.deep, stroke_width=15, stroke_linecap="round")
    land = rect(0, 288, WIDTH, 162, p.pop)
    return sun + "".join(bands) + "".join(mesas) + land + cactus + hill(sheet, 330, p.deep)


def western_rider(sheet: Sheet) -> str:
    p = sheet.palette
    sun = circle(150, 170, sheet.between(96, 120), p.accent)
    man = [
        path("M78 340 C80 268 108 240 128 230 h44 C192 240 220 268 222 340 V450 H78z", p.deep),
        ellipse(150, 194, 31, 44, p.deep),
        path(
            "M104 170 C106 122 118 104 132 108 C142 111 146 118 150 118 C154 118 158 111 168 108"
            " C182 104 194 122 196 170z",
            p.deep,
        ),
        path(
            "M52 158 C60 178 104 186 150 186 C196 186 240 178 248 158 C226 168 196 164 150 164"
            " C104 164 74 168 52 158z",
            p.deep,
        ),
        path("M105 152 C130 160 170 160 195 152 L196 163 C170 170 130 170 104 163z", p.pop),
        path("M114 238 C132 250 168 250 186 238 L150 286z", p.pop),
    ]
    lean = sheet.between(-4, 4)
    return sun + ridge(sheet, 310, 40, p.pop) + group(man, transform=f"rotate({lean:.1f} 150 330)")
