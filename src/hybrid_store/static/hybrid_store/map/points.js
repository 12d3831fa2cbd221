// The points of a map, as hybrid_store.maps.packing writes them.
const FINEST = 65535;

export class Points {
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const head = parse(buffer, 4, length);
    const count = head.rows;
    let place = 4 + length;
    this.x = spread(new Uint16Array(buffer, place, count), 1);
    this.y = spread(new Uint16Array(buffer, place += 2 * count, count), -1);
    this.group = new Uint8Array(buffer, place += 2 * count, count);
    this.keys = parse(buffer, place + count);
    this.groups = head.groups;
    this.colouredBy = head.colouredBy;
    this.notes = head.notes;
    this.places = new Map(this.keys.map((key, point) => [key, point]));
  }

  get length() {
    return this.group.length;
  }
}

function parse(buffer, place, length) {
  return JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, place, length)));
}

// From -1 to 1; with a sign of -1 upside down, as screens count.
function spread(steps, sign) {
  return Float32Array.from(steps, (step) => sign * ((2 * step) / FINEST - 1));
}
