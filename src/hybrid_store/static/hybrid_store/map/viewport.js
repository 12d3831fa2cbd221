// Which part of the map is on the screen. Lengths are CSS pixels.
const MARGIN = 0.92;
const FARTHEST = 0.5;
const NEAREST = 400;

export class Viewport {
  constructor(points) {
    this.reach = [farthest(points.x), farthest(points.y)];
    this.width = this.height = this.scale = 1;
    this.left = this.top = 0;
  }

  resize(width, height) {
    const wasWhole = this.scale === this.whole || this.width === 1;
    this.left += (width - this.width) / 2;
    this.top += (height - this.height) / 2;
    this.width = width;
    this.height = height;
    if (wasWhole) this.fit();
  }

  // The scale at which everything is seen.
  get whole() {
    return (Math.min(this.width / this.reach[0], this.height / this.reach[1]) / 2) * MARGIN;
  }

  get zoom() {
    return this.scale / this.whole;
  }

  fit() {
    this.scale = this.whole;
    this.left = this.width / 2;
    this.top = this.height / 2;
  }

  pan(right, down) {
    this.left += right;
    this.top += down;
  }

  // What is at (x, y) stays there.
  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const limited = Math.min(Math.max(this.scale * factor, this.whole * FARTHEST), this.whole * NEAREST);
    const real = limited / this.scale;
    this.left = x + (this.left - x) * real;
    this.top = y + (this.top - y) * real;
    this.scale = limited;
  }

  toScreen(x, y) {
    return [x * this.scale + this.left, y * this.scale + this.top];
  }

  toMap(x, y) {
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }
}

function farthest(values) {
  let most = 1e-3;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
