// What is drawn over the points: a ring around one of them, and the line of the lasso.
const SHARPEST = 2;

export class Marks {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  resize(width, height) {
    this.ratio = Math.min(devicePixelRatio || 1, SHARPEST);
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
  }

  draw({ ring, line, colour }) {
    const { context, canvas, ratio } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = colour;
    context.lineWidth = 2;
    if (ring) this.drawRing(ring);
    if (line && line.length > 1) this.drawLine(line, colour);
  }

  drawRing({ x, y, radius }) {
    this.context.beginPath();
    this.context.arc(x, y, radius + 3, 0, 2 * Math.PI);
    this.context.stroke();
  }

  drawLine(line, colour) {
    const { context } = this;
    context.beginPath();
    for (const [x, y] of line) context.lineTo(x, y);
    context.closePath();
    context.setLineDash([6, 4]);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 0.08;
    context.fillStyle = colour;
    context.fill();
    context.globalAlpha = 1;
  }
}
