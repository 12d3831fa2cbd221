// Which points are where.

// The point nearest to a place on the screen, up to so many pixels away; -1 for none.
export function nearestPoint(points, viewport, isShown, x, y, most) {
  const [mapX, mapY] = viewport.toMap(x, y);
  let least = (most / viewport.scale) ** 2;
  let found = -1;
  for (let point = 0; point < points.length; point++) {
    if (!isShown[points.group[point]]) continue;
    const distance = (points.x[point] - mapX) ** 2 + (points.y[point] - mapY) ** 2;
    if (distance <= least) {
      least = distance;
      found = point;
    }
  }
  return found;
}

// The shown points within a line around them, given as places on the screen.
export function within(points, viewport, isShown, line) {
  const corners = line.map(([x, y]) => viewport.toMap(x, y));
  const found = [];
  for (let point = 0; point < points.length; point++) {
    if (isShown[points.group[point]] && isInside(points.x[point], points.y[point], corners)) found.push(point);
  }
  return found;
}

// A ray from the place to the right meets the line an odd number of times.
function isInside(x, y, corners) {
  let inside = false;
  let [beforeX, beforeY] = corners[corners.length - 1];
  for (const [cornerX, cornerY] of corners) {
    const crosses = cornerY > y !== beforeY > y;
    if (crosses && x < ((beforeX - cornerX) * (y - cornerY)) / (beforeY - cornerY) + cornerX) inside = !inside;
    [beforeX, beforeY] = [cornerX, cornerY];
  }
  return inside;
}
