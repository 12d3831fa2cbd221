// The map of an element: puts its parts together.
import { Card } from "./card.js";
import { Chosen } from "./chosen.js";
import { nearestPoint, within } from "./finding.js";
import { Gestures } from "./gestures.js";
import { Legend, colourOf } from "./legend.js";
import { Marks } from "./marks.js";
import { Painter, radiusOf } from "./painter.js";
import { Points } from "./points.js";
import { sourceOf } from "./source.js";
import { Viewport } from "./viewport.js";

const STEP = 60;
const CLOSER = 1.35;
// How far from a point a hand may be.
const REACH = 14;

class EmbeddingMap {
  constructor(element, source, points) {
    const part = (name) => element.querySelector(`[data-${name}]`);
    this.stage = part("stage");
    this.source = source;
    this.points = points;
    this.viewport = new Viewport(points);
    this.painter = new Painter(part("points"));
    this.marks = new Marks(part("marks"));
    this.card = new Card(part("card"), part("said"), source, points, () => this.remark());
    this.chosen = new Chosen(element, part("chosen"), points, () => this.change());
    this.legend = new Legend(part("legend"), points, () => this.change());
    this.lassoButton = part("tool=lasso");
    this.line = null;
    this.isDirty = this.isWaiting = false;
    part("notes").textContent = points.notes.join(" ");
    new Gestures(this.stage, this);
    for (const button of element.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.tools[button.dataset.tool]());
    }
    part("find")?.addEventListener("submit", (event) => this.find(event));
    this.watch();
    this.resize();
  }

  watch() {
    new ResizeObserver(() => this.resize()).observe(this.stage);
    new MutationObserver(() => this.change()).observe(document.documentElement, { attributes: true });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.change());
  }

  // Painting

  resize() {
    const { clientWidth, clientHeight } = this.stage;
    this.viewport.resize(clientWidth, clientHeight);
    this.painter.resize(clientWidth, clientHeight);
    this.marks.resize(clientWidth, clientHeight);
    this.paint(true);
  }

  // Points are to be painted anew, with the next frame; without, only what is over them.
  change() {
    this.isDirty = true;
    this.remark();
  }

  remark() {
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => this.paint(this.isDirty));
  }

  paint(all) {
    this.isWaiting = false;
    if (all) {
      this.isDirty = false;
      const look = { colours: this.legend.colours(), ground: colourOf(this.stage, "backgroundColor"), chosen: this.chosen.bytes };
      this.painter.paint(this.points, this.viewport, look);
    }
    const { point } = this.card;
    const [x, y] = point < 0 ? [0, 0] : this.viewport.toScreen(this.points.x[point], this.points.y[point]);
    const ring = point < 0 ? null : { x, y, radius: radiusOf(this.points.length, this.viewport) };
    this.marks.draw({ ring, line: this.line, colour: getComputedStyle(this.stage).color });
    if (ring) this.card.put(x, y, this.viewport.width, this.viewport.height);
  }

  // Hands

  isLasso() {
    return this.lassoButton.getAttribute("aria-pressed") === "true";
  }

  move(right, down) {
    this.viewport.pan(right, down);
    this.change();
  }

  zoom(factor, x, y) {
    this.viewport.zoomBy(factor, x, y);
    this.change();
  }

  at(x, y, most = REACH) {
    return nearestPoint(this.points, this.viewport, this.legend.isShown, x, y, most);
  }

  hover(x, y) {
    this.card.show(this.at(x, y));
    this.stage.classList.toggle("map-on-point", this.card.point >= 0);
    this.remark();
  }

  leave() {
    this.card.show(-1);
    this.remark();
  }

  // A click on the point that is told of opens it; where nothing hovers, the first tap tells.
  click(x, y) {
    const point = this.at(x, y);
    if (point >= 0 && point === this.card.point) return this.card.open();
    this.card.show(point, 0);
    this.remark();
  }

  draw(line) {
    this.line = line;
    this.leave();
  }

  lasso(line) {
    this.line = null;
    this.lassoButton.setAttribute("aria-pressed", "false");
    this.stage.classList.remove("map-lassos");
    this.chosen.set(within(this.points, this.viewport, this.legend.isShown, line));
  }

  // Buttons and keys

  tools = {
    in: () => this.zoom(CLOSER),
    out: () => this.zoom(1 / CLOSER),
    fit: () => {
      this.viewport.fit();
      this.change();
    },
    lasso: () => {
      const isOn = !this.isLasso();
      this.lassoButton.setAttribute("aria-pressed", isOn);
      this.stage.classList.toggle("map-lassos", isOn);
    },
    view: () => {
      const { width, height } = this.viewport;
      this.lasso([[0, 0], [width, 0], [width, height], [0, height]]);
    },
  };

  keys = {
    ArrowLeft: () => this.move(STEP, 0),
    ArrowRight: () => this.move(-STEP, 0),
    ArrowUp: () => this.move(0, STEP),
    ArrowDown: () => this.move(0, -STEP),
    "+": this.tools.in,
    "=": this.tools.in,
    "-": this.tools.out,
    0: this.tools.fit,
  };

  // Moving by keys tells of the point in the middle, which Enter opens. Is the key one of ours?
  key(name) {
    if (name === "Enter") this.card.open();
    else if (name === "Escape") this.chosen.set([], "");
    else if (!(name in this.keys)) return false;
    else {
      this.keys[name]();
      const [x, y] = [this.viewport.width / 2, this.viewport.height / 2];
      this.card.show(this.at(x, y, Math.min(x, y)));
    }
    return true;
  }

  async find(event) {
    event.preventDefault();
    const text = event.target.elements[0].value.trim();
    if (!text) return this.chosen.set([], "");
    const keys = await this.source.find(text).catch(() => null);
    if (keys === null) return this.chosen.say("The search failed.");
    const found = keys.map((key) => this.points.places.get(key)).filter((point) => point !== undefined);
    this.chosen.set(found, `nearest to “${text}”`);
  }
}

async function draw(element) {
  const wait = element.querySelector("[data-wait]");
  try {
    const source = sourceOf(element);
    const points = new Points(await source.points());
    wait.hidden = points.length > 0;
    wait.textContent = "No row here has a vector yet.";
    new EmbeddingMap(element, source, points);
    performance.mark("map-painted");
    element.dataset.drawn = "";
  } catch (error) {
    wait.textContent = "The map could not be loaded.";
    throw error;
  }
}

for (const element of document.querySelectorAll("[data-map]")) draw(element);
