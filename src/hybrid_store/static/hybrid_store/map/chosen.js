// Which points are chosen, and the link to a list of them.
import { made } from "./legend.js";

export class Chosen {
  constructor(map, element, points, changed) {
    Object.assign(this, { data: map.dataset, element, points, changed, bytes: null });
  }

  set(found, what = "selected") {
    this.bytes = found.length ? new Uint8Array(this.points.length) : null;
    for (const point of found) this.bytes[point] = 1;
    this.tell(found, what);
    this.changed();
  }

  tell(found, what) {
    const clear = made("button", { type: "button", textContent: "Clear" });
    clear.addEventListener("click", () => this.set([], ""));
    const count = `${found.length.toLocaleString("en")} ${what}.`;
    if (found.length) this.element.replaceChildren(`${count} `, ...this.list(found), clear);
    else this.say(what && "Nothing there.");
  }

  say(text) {
    this.element.replaceChildren(text);
  }

  list(found) {
    const { listUrl, listParameter, listMost } = this.data;
    if (!listUrl) return [];
    if (found.length > listMost) return [`A list takes up to ${listMost}: choose fewer. `];
    const url = new URL(listUrl, location.href);
    url.searchParams.set(listParameter, found.map((point) => this.points.keys[point]).join(","));
    return [made("a", { href: url.href, textContent: "Show them in a list" }), " "];
  }
}
