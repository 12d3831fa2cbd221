// What a form finds is shown while it is filled in: the parts of the page that depend on it are
// taken from the page that the form would lead to. Everything works without this file, too.

// Milliseconds without a key, after which a text is looked for.
const PAUSE = 180;
const FAILED = "The search could not be made: the server cannot be reached, or has a fault.";

const form = document.querySelector("form[data-live]");
const status = document.querySelector("[data-live-status]");

// The address whose parts are shown, or will be as soon as they are there.
let asked = addressOf(form);
let request = new AbortController();
let pause;
// Is a text being typed? Then it takes the place of its beginning in the history.
let isTyping = false;

function addressOf({ action, elements }) {
  const given = [...elements].filter(({ name, value, type, checked }) => (
    name && value && (type !== "radio" || checked)));
  const query = new URLSearchParams(given.map(({ name, value }) => [name, value]));
  return query.size ? `${action}?${query}` : action;
}

function parts(page) {
  return new Map([...page.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
}

function setBusy(isBusy) {
  for (const part of parts(document).values()) part.setAttribute("aria-busy", isBusy);
}

// Looking

// One request at a time: a new one ends the one before it.
async function show(address) {
  request.abort();
  const mine = request = new AbortController();
  asked = address;
  setBusy(true);
  try {
    const response = await fetch(address, { signal: mine.signal });
    // Logged out meanwhile: the page itself leads to the login.
    if (response.redirected) return location.assign(address);
    if (!response.ok) throw new Error(response.statusText);
    put(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    if (mine.signal.aborted) return;
    asked = "";
    setBusy(false);
    status.textContent = FAILED;
  }
}

function put(found) {
  const fresh = parts(found);
  for (const [name, part] of parts(document)) {
    const hadFocus = part.contains(document.activeElement);
    part.replaceWith(document.adoptNode(fresh.get(name)));
    if (hadFocus) fresh.get(name).focus({ preventScroll: true });
  }
  document.title = found.title;
  status.textContent = fresh.get("found").dataset.told;
}

function look() {
  clearTimeout(pause);
  const address = addressOf(form);
  if (address === asked) return;
  history[isTyping ? "replaceState" : "pushState"](null, "", address);
  show(address);
}

// What the reader does

form.addEventListener("input", ({ target }) => {
  if (target.type !== "search") return;
  clearTimeout(pause);
  pause = setTimeout(() => {
    look();
    isTyping = true;
  }, PAUSE);
});

// A choice is made, or a field is left.
form.addEventListener("change", () => {
  look();
  isTyping = false;
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  look();
  isTyping = false;
});

// Back and forth

function fill(given) {
  for (const field of form.elements) {
    const value = given.get(field.name) ?? "";
    if (field.type === "radio") field.checked = field.value === value;
    else if (field.name && field.type !== "hidden") field.value = value;
  }
}

addEventListener("popstate", () => {
  const [address] = location.href.split("#");
  if (address === asked) return;
  clearTimeout(pause);
  isTyping = false;
  fill(new URLSearchParams(location.search));
  show(address);
});
