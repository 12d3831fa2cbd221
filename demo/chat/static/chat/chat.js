// Questions are sent without leaving the page, and answers shown while they are written.
// Everything works without this file, too.
"use strict";

(() => {
  const turns = document.querySelector("[data-turns]");
  const status = document.querySelector("[data-status]");
  const STREAM = "application/x-ndjson";
  const WAIT = 1500;

  const tell = (text) => { status.textContent = text; };
  const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  // What the server made of a turn: its own page, escaped by itself.
  const parsed = (markup) => document.importNode(
    new DOMParser().parseFromString(markup, "text/html").querySelector("[data-turn]"), true);

  async function post(form, headers, signal) {
    const options = { method: "POST", body: new FormData(form), headers, signal };
    const response = await fetch(form.action, options);
    // Logged out meanwhile: the page itself leads to the login.
    if (response.redirected) location.reload();
    return response;
  }

  // Asking

  async function ask(form) {
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const response = await post(form, { "X-Requested-With": "fetch" });
      if (response.status === 400) return tell((await response.text()).replace(/^.*\n\s*\*\s*/, ""));
      if (response.status !== 201) return tell("The question could not be sent. Reload the page, and try again.");
      if (!("stays" in form.dataset)) return location.assign(response.headers.get("Location"));
      form.reset();
      const turn = parsed(await response.text());
      turns.append(turn);
      answer(turn);
    } catch {
      tell("The question could not be sent: the server cannot be reached.");
    } finally {
      button.disabled = false;
    }
  }

  // Answering

  async function answer(turn) {
    const form = turn.querySelector("[data-answering]");
    const shown = turn.querySelector("[data-answer]");
    const stopping = new AbortController();
    const stop = stopButton(stopping);
    let trouble = "";
    turn.setAttribute("aria-busy", "true");
    turn.dataset.state = "answering";
    shown.textContent = "";
    tell("Looking in your documents…");
    const asked = post(form, { Accept: STREAM }, stopping.signal);
    const hadFocus = form.contains(document.activeElement);
    form.replaceWith(stop);
    if (hadFocus) stop.focus();
    turn.scrollIntoView({ block: "nearest" });
    try {
      trouble = await written(await asked, shown);
    } catch (error) {
      trouble = error.name === "AbortError" ? "Stopped." : "The connection broke off.";
    }
    await settled(turn, trouble);
  }

  // Adds the pieces of an answer as they come. Gives what went wrong, if something did.
  async function written(response, shown) {
    if (!response.ok || !response.body) return "The question could not be answered. Reload the page, and try again.";
    const paragraph = shown.appendChild(document.createElement("p"));
    let trouble = "The connection broke off.";
    for await (const event of events(response.body)) {
      if (event.text) {
        tell("");
        paragraph.textContent += event.text;
      }
      if (event.end) trouble = "";
      if (event.trouble) return event.trouble;
    }
    return trouble;
  }

  async function* events(body) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop();
      for (const line of lines) yield JSON.parse(line);
    }
  }

  // In the end a turn is shown as the server shows it, once that has stored it.
  async function settled(turn, trouble) {
    tell(trouble);
    for (let tries = 0; tries < 200; tries += 1) {
      const fresh = await fetched(turn);
      if (fresh && fresh.dataset.state !== "answering") {
        const hadFocus = turn.contains(document.activeElement);
        turn.replaceWith(fresh);
        if (hadFocus) fresh.focus();
        if (!trouble) tell("");
        return;
      }
      await sleep(WAIT);
    }
    turn.removeAttribute("aria-busy");
    tell("The answer cannot be shown. Reload the page.");
  }

  async function fetched(turn) {
    try {
      const response = await fetch(turn.dataset.turn);
      return response.ok ? parsed(await response.text()) : null;
    } catch {
      return null;
    }
  }

  function stopButton(stopping) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "stop";
    button.textContent = "Stop";
    button.addEventListener("click", () => stopping.abort());
    return button;
  }

  // What the page has

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-ask]")) {
      event.preventDefault();
      ask(form);
    } else if (form.matches("[data-answering]")) {
      event.preventDefault();
      answer(form.closest("[data-turn]"));
    }
  });

  for (const form of document.querySelectorAll("[data-ask]")) {
    form.querySelector("[data-hint]").hidden = false;
    form.querySelector("textarea").addEventListener("keydown", (event) => {
      // While a syllable is being composed, Enter is part of the writing.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
  }

  for (const turn of document.querySelectorAll("[data-turn]")) {
    const { state } = turn.dataset;
    if (state === "answering") settled(turn, "");
    if (state === "asked") {
      // The first question of a chat, most likely: the next one is written where that was.
      document.querySelector("[data-ask] textarea").focus({ preventScroll: true });
      answer(turn);
    }
  }
})();
