// Where the map comes from: the address of the page, or the page itself.

export function sourceOf(element) {
  const held = document.getElementById("map-data");
  return held ? new Held(JSON.parse(held.textContent)) : new Remote(element.dataset.pointsUrl);
}

class Remote {
  // The address of the points is given, as the page asks for them before this script is there.
  constructor(pointsUrl) {
    this.pointsUrl = pointsUrl;
    this.rows = new Map();
  }

  address(part, parameters) {
    const url = new URL(location.href);
    url.hash = "";
    url.searchParams.set("map", part);
    for (const [name, value] of parameters) url.searchParams.append(name, value);
    return url;
  }

  async fetch(address) {
    const response = await fetch(address);
    if (!response.ok || response.redirected) throw new Error(`${response.status}`);
    return response;
  }

  async points() {
    return (await this.fetch(this.pointsUrl)).arrayBuffer();
  }

  // {label, url}; null for a row that is gone.
  async row(key) {
    if (!this.rows.has(key)) {
      const rows = await (await this.fetch(this.address("rows", [["map_key", key]]))).json();
      this.rows.set(key, rows[key] ?? null);
    }
    return this.rows.get(key);
  }

  async find(text) {
    return (await (await this.fetch(this.address("hits", [["map_text", text]]))).json()).keys;
  }
}

class Held {
  constructor({ points, labels }) {
    this.packed = points;
    this.labels = labels;
  }

  async points() {
    return Uint8Array.from(atob(this.packed), (letter) => letter.charCodeAt(0)).buffer;
  }

  async row(key, point) {
    return { label: this.labels[point], url: null };
  }
}
