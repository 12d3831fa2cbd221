// The groups with their colours; each can be hidden.

export class Legend {
  constructor(element, points, changed) {
    this.isShown = points.groups.map(() => true);
    this.swatches = [];
    element.querySelector("legend").textContent = points.colouredBy;
    points.groups.forEach((group, place) => element.append(this.line(group, place, changed)));
    element.hidden = !points.colouredBy;
  }

  line(group, place, changed) {
    const box = made("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      this.isShown[place] = box.checked;
      changed();
    });
    const swatch = made("span", { className: `map-swatch map-${group.colour}` });
    this.swatches.push(swatch);
    const label = made("label");
    const name = made("span", { textContent: group.name });
    const rows = made("small", { textContent: group.rows.toLocaleString("en") });
    label.append(box, swatch, name, " ", rows);
    return label;
  }

  // [red, green, blue] for each group as the stylesheet has it, null for hidden ones.
  colours() {
    return this.swatches.map((swatch, place) => (this.isShown[place] ? colourOf(swatch, "backgroundColor") : null));
  }
}

export function colourOf(element, property) {
  return getComputedStyle(element)[property].match(/[\d.]+/g).slice(0, 3).map(Number);
}

export function made(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}
