// What the pages do better with a script; each works without it. docs/console.md says which attributes mean what.
"use strict";

document.documentElement.classList.add("js");

// Times in the reader's own time zone.
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const local = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
    if (time.classList.contains("clock")) time.textContent = local;
    else time.title = local;
  }
}

// Live: regions marked `data-live="TOPIC …"` with an id are replaced by their fresh selves when a topic changes.
const stale = new Set();
const shown = new WeakMap();
let refreshing = false;

function isInUse(region) {
  const focused = document.activeElement;
  const typing = region.contains(focused) && focused.matches("input:not([type=search]), textarea, select, summary");
  const selecting = !getSelection().isCollapsed && region.contains(getSelection().anchorNode);
  const answering = region.querySelector("input:checked[data-keep], textarea:not(:placeholder-shown), details[open]");
  return typing || selecting || answering;
}

async function refresh() {
  const wanted = [...document.querySelectorAll("[data-live][id]")].filter(
    (region) => region.dataset.live.split(" ").some((topic) => stale.has(topic)) && !isInUse(region));
  if (refreshing || document.hidden || wanted.length === 0) return;
  refreshing = true;
  const topics = [...stale];
  try {
    const answer = await fetch(location.href, { redirect: "error", headers: { "X-Background": "1" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const region of wanted) {
      const fresh = page.getElementById(region.id);
      if (fresh && !isInUse(region)) put(region, fresh);
    }
    for (const topic of topics) {
      if (![...document.querySelectorAll("[data-live][id]")].some((r) => r.dataset.live.split(" ").includes(topic) && isInUse(r))) stale.delete(topic);
    }
  } catch {
    // The server is away: what is shown stays, and the next round tries again.
  } finally {
    refreshing = false;
  }
}

function put(region, fresh) {
  if (shown.get(region) === fresh.innerHTML) return;
  shown.set(fresh, fresh.innerHTML);
  const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
  region.replaceWith(document.adoptNode(fresh));
  localise(fresh);
  htmx.process(fresh);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

if (document.querySelector("[data-live]")) {
  setInterval(() => { for (const topic of ["tasks", "mails", "tickets"]) stale.add(topic); refresh(); }, 4000);
}

// Copying: `<button data-copy="TEXT">`.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const label = button.textContent;
  button.textContent = button.dataset.copied || "✓";
  setTimeout(() => { button.textContent = label; }, 1500);
});

// A form that a person must confirm: `<form data-confirm="…">`.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// Filters apply themselves: `<form data-auto>`.
document.addEventListener("change", (event) => {
  if (event.target.matches("form[data-auto] select")) event.target.form.requestSubmit();
});

localise(document);
document.addEventListener("htmx:load", (event) => localise(event.detail.elt));
