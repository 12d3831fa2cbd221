// Paints all points, pixel by pixel: as fast without a graphics card, and free of WebGL.

// Points are painted up to here beyond the edge, so that none is cut off in view.
const MARGIN = 12;
const SHARPEST = 2;
const OPACITY = 0.85;
// From this radius on, points have a rim that tells them apart.
const RIMMED = 2.5;
const DIM = 0.18;

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
  }

  resize(width, height) {
    this.ratio = Math.min(devicePixelRatio || 1, SHARPEST);
    this.canvas.width = Math.round((width + 2 * MARGIN) * this.ratio);
    this.canvas.height = Math.round((height + 2 * MARGIN) * this.ratio);
    this.canvas.style.width = `${width + 2 * MARGIN}px`;
    this.canvas.style.height = `${height + 2 * MARGIN}px`;
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  // `colours` has [red, green, blue] for each group, null for hidden ones. Where points are `chosen`
  // (one byte each), the others fade.
  paint(points, viewport, { colours, ground, chosen }) {
    this.pixels.fill(packed(ground));
    const radius = radiusOf(points.length, viewport) * this.ratio;
    const disc = stencil(radius, OPACITY, this.canvas.width);
    const rim = radius >= RIMMED * this.ratio ? stencil(radius + this.ratio, OPACITY, this.canvas.width) : null;
    const inks = (share) => colours.map((colour) => colour && packed(mixed(colour, ground, share)));
    const stamps = { disc, rim, ground: packed(ground) };
    if (chosen) this.stampAll(points, viewport, { ...stamps, inks: inks(DIM), rim: null }, chosen, 0);
    this.stampAll(points, viewport, { ...stamps, inks: inks(1) }, chosen, 1);
    this.context.putImageData(this.image, 0, 0);
  }

  // Those whose byte in `chosen` is `wanted`; all where nothing is chosen.
  stampAll(points, viewport, { disc, rim, inks, ground }, chosen, wanted) {
    const { x, y, group } = points;
    const { width, height } = this.canvas;
    const { ratio, pixels } = this;
    const scale = viewport.scale * ratio;
    const left = (viewport.left + MARGIN) * ratio;
    const top = (viewport.top + MARGIN) * ratio;
    const reach = (rim || disc).reach;
    for (let point = 0; point < group.length; point++) {
      const ink = inks[group[point]];
      if (ink === null || (chosen && chosen[point] !== wanted)) continue;
      const column = Math.round(x[point] * scale + left);
      const row = Math.round(y[point] * scale + top);
      if (column < reach || row < reach || column >= width - reach || row >= height - reach) continue;
      const centre = row * width + column;
      if (rim) stamp(pixels, centre, rim, ground);
      stamp(pixels, centre, disc, ink);
    }
  }
}

// In CSS pixels: small where points are many, larger as one comes nearer.
export function radiusOf(count, { width, height, zoom }) {
  const room = Math.min(Math.max(Math.min(width, height) / 600, 0.6), 1);
  const alone = Math.min(Math.max((room * 52) / count ** 0.33, 1.7), 5.5 * room);
  return Math.min(alone * Math.max(zoom, 0.6) ** 0.3, 9);
}

// The pixels of a disc around its centre, and how much of each it covers, from 0 to 256.
function stencil(radius, opacity, width) {
  const reach = Math.ceil(radius);
  const places = [];
  const covers = [];
  for (let row = -reach; row <= reach; row++) {
    for (let column = -reach; column <= reach; column++) {
      const cover = Math.min(Math.max(radius + 0.5 - Math.hypot(row, column), 0), 1) * opacity;
      if (cover < 0.02) continue;
      places.push(row * width + column);
      covers.push(Math.round(256 * cover));
    }
  }
  return { reach, places: Int32Array.from(places), covers: Int32Array.from(covers) };
}

// Red and blue are mixed at once: neither reaches into the byte of the other.
function stamp(pixels, centre, { places, covers }, ink) {
  const redBlue = ink & 0xff00ff;
  const green = ink & 0x00ff00;
  for (let each = 0; each < places.length; each++) {
    const place = centre + places[each];
    const cover = covers[each];
    const under = pixels[place];
    const rest = 256 - cover;
    pixels[place] =
      0xff000000 |
      (((Math.imul(under & 0xff00ff, rest) + Math.imul(redBlue, cover)) >>> 8) & 0xff00ff) |
      (((Math.imul(under & 0x00ff00, rest) + Math.imul(green, cover)) >>> 8) & 0x00ff00);
  }
}

function mixed(colour, ground, share) {
  return colour.map((value, part) => Math.round(ground[part] + (value - ground[part]) * share));
}

// As pixels are in memory: alpha, blue, green, red from the highest byte on.
function packed([red, green, blue]) {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}
