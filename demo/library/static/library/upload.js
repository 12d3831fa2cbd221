// Files are sent without leaving the page, and the reader sees how far they are. They may also be
// dropped on the form. Without this file, the browser sends them as it does.

import { follow } from "./progress.js";

const FAILED = "The files could not be sent. Reload the page, and try again.";

const uploadForm = (event) => event.target.closest?.("[data-upload]");

// Sending: by XMLHttpRequest, for `fetch` does not tell how far it is.

function send(form) {
  const request = new XMLHttpRequest();
  const told = form.querySelector("[data-sending]");
  const [bar, status] = ["progress", "[role=status]"].map((part) => told.querySelector(part));
  const button = form.querySelector("button");

  function tell(text, share) {
    told.hidden = false;
    status.textContent = text;
    bar.hidden = share === undefined;
    bar.value = share ?? 0;
  }

  request.responseType = "document";
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    if (loaded < total) tell(`Sending: ${Math.floor(100 * loaded / total)} %`, loaded / total);
    else tell("Reading what was sent…", 1);
  });
  request.addEventListener("loadend", () => {
    button.disabled = false;
    if (request.status === 200 && request.response) return put(request);
    tell(FAILED);
  });
  request.open("POST", form.action);
  request.send(new FormData(form));
  button.disabled = true;
  tell("Sending…", 0);
}

// The page that the upload leads to takes the place of this one.
function put({ response, responseURL }) {
  const fresh = response.querySelector("[data-upload]") && response.querySelector("main");
  // Logged out meanwhile.
  if (!fresh) return location.assign(responseURL);
  document.querySelector("main").replaceWith(document.adoptNode(fresh));
  const told = fresh.querySelector(".errorlist") ?? fresh.querySelector(".messages");
  told?.setAttribute("tabindex", "-1");
  told?.focus();
  follow();
}

document.addEventListener("submit", (event) => {
  const form = uploadForm(event);
  if (!form) return;
  event.preventDefault();
  send(form);
});

// Dropping

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    const form = uploadForm(event);
    if (!form || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("dropping");
  });
}

document.addEventListener("dragleave", (event) => {
  const form = uploadForm(event);
  if (form && !form.contains(event.relatedTarget)) form.classList.remove("dropping");
});

document.addEventListener("drop", (event) => {
  const form = uploadForm(event);
  if (!form) return;
  event.preventDefault();
  form.classList.remove("dropping");
  form.querySelector("input[type=file]").files = event.dataTransfer.files;
  form.requestSubmit();
});
