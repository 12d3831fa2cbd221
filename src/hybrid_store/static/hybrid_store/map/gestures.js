// What hands do on the map, told to `on`: move, zoom, lasso, draw, hover, leave, click, key.
const STILL = 4;
const WHEEL = 0.0016;
const LINE = 16;

export class Gestures {
  constructor(stage, on) {
    this.stage = stage;
    this.on = on;
    this.fingers = new Map();
    this.drags = false;
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave", "wheel", "keydown"]) {
      stage.addEventListener(name, (event) => this[name](event), { passive: false });
    }
  }

  place(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  pointerdown(event) {
    if (event.button !== 0 || event.target.closest("a")) return;
    this.stage.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, this.place(event));
    if (this.fingers.size > 1) return;
    this.start = this.place(event);
    this.drags = false;
    this.draws = event.shiftKey || this.on.isLasso();
    this.line = [this.start];
  }

  pointermove(event) {
    const now = this.place(event);
    const before = this.fingers.get(event.pointerId);
    if (!before) return this.on.hover(...now);
    if (this.fingers.size > 1) this.pinch(event.pointerId, now);
    else if (this.hasMoved(now)) this.drag(before, now);
    this.fingers.set(event.pointerId, now);
  }

  hasMoved([x, y]) {
    this.drags ||= Math.hypot(x - this.start[0], y - this.start[1]) > STILL;
    return this.drags;
  }

  drag(before, now) {
    if (!this.draws) return this.on.move(now[0] - before[0], now[1] - before[1]);
    this.line.push(now);
    this.on.draw(this.line);
  }

  pinch(moved, now) {
    this.drags = true;
    const [first, second] = [...this.fingers.entries()].slice(0, 2);
    const before = between(first[1], second[1]);
    const after = between(first[0] === moved ? now : first[1], second[0] === moved ? now : second[1]);
    this.on.move(after.x - before.x, after.y - before.y);
    this.on.zoom(after.apart / before.apart, after.x, after.y);
  }

  pointerup(event) {
    if (!this.fingers.delete(event.pointerId) || this.fingers.size) return;
    if (!this.drags) this.on.click(...this.place(event));
    else if (this.draws) this.on.lasso(this.line);
    this.draws = false;
  }

  pointercancel(event) {
    this.fingers.delete(event.pointerId);
    if (this.draws) this.on.draw(null);
    this.draws = false;
  }

  pointerleave(event) {
    // A finger leaves with every tap.
    if (event.pointerType !== "touch" && !this.fingers.has(event.pointerId)) this.on.leave();
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1;
    this.on.zoom(Math.exp(-event.deltaY * lines * WHEEL), ...this.place(event));
  }

  keydown(event) {
    if (event.target !== this.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.on.key(event.key)) event.preventDefault();
  }
}

function between([x, y], [otherX, otherY]) {
  return { x: (x + otherX) / 2, y: (y + otherY) / 2, apart: Math.hypot(x - otherX, y - otherY) || 1 };
}
