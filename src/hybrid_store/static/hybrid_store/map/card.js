// Tells what a point is, beside it.
import { made } from "./legend.js";

const PAUSE = 60;
const AWAY = 14;

export class Card {
  constructor(element, said, source, points, changed) {
    Object.assign(this, { element, said, source, points, changed, point: -1 });
  }

  // `pause` lets a hand pass over points without asking for each.
  show(point, pause = PAUSE) {
    if (point === this.point) return;
    clearTimeout(this.timer);
    this.point = point;
    this.row = null;
    this.element.hidden = true;
    if (point >= 0) this.timer = setTimeout(() => this.ask(point), pause);
  }

  async ask(point) {
    const row = await this.source.row(this.points.keys[point], point).catch(() => null);
    if (point !== this.point || !row) return;
    this.row = row;
    const group = this.points.groups[this.points.group[point]];
    const name = row.url ? made("a", { href: row.url, tabIndex: -1 }) : made("strong");
    name.textContent = row.label;
    const told = this.points.colouredBy ? [made("small", { textContent: group.name })] : [];
    this.element.replaceChildren(name, ...told);
    this.element.hidden = false;
    this.said.textContent = [row.label, ...told.map((each) => each.textContent)].join(", ");
    this.changed();
  }

  // Beside the point, and within the stage.
  put(x, y, width, height) {
    const { offsetWidth, offsetHeight, style } = this.element;
    const left = x + AWAY + offsetWidth > width ? x - AWAY - offsetWidth : x + AWAY;
    const top = y + AWAY + offsetHeight > height ? y - AWAY - offsetHeight : y + AWAY;
    style.left = `${Math.max(left, 4)}px`;
    style.top = `${Math.max(top, 4)}px`;
  }

  open() {
    if (this.row?.url) location.assign(this.row.url);
  }
}
