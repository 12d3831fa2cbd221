// Keeps a page up to date while documents are filled.

const PAUSE = 1200;

// A page may show others later, or none any more.
export function follow() {
  const watched = document.querySelector("[data-progress]");
  if (watched) setTimeout(look, PAUSE, watched);
}

function placeOf(key, watched) {
  const selector = `[data-document="${key}"]`;
  return watched.matches(selector) ? watched : watched.querySelector(selector);
}

// What is the same is not written, so that screen readers do not say it again.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(place, progress) {
  const [name, text, bar] = ["name", "text", "bar"].map((part) => place.querySelector(`[data-${part}]`));
  name.className = `state ${progress.state}`;
  write(name, progress.name);
  write(text, progress.text);
  if (!bar) return;
  if (progress.made) {
    bar.max = progress.made;
    bar.value = progress.embedded;
  }
  bar.hidden = progress.state !== "working";
}

function isOver(all) {
  return Object.values(all).every((progress) => progress.state !== "working");
}

async function look(watched) {
  if (!watched.isConnected) return;
  let all;
  try {
    all = await (await fetch(watched.dataset.progress, { redirect: "error" })).json();
  } catch {
    return setTimeout(look, 5 * PAUSE, watched);
  }
  for (const [key, progress] of Object.entries(all)) {
    const place = placeOf(key, watched);
    if (place) show(place, progress);
  }
  if (!isOver(all)) return setTimeout(look, PAUSE, watched);
  // The page of a document then says what has failed, and what can be done.
  if ("reload" in watched.dataset) location.reload();
}

follow();
