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

// Live: regions marked `data-live="TOPIC …"` with an id get the content of their fresh selves when a topic changes; from
// `data-self` where the address may come to show something else. What has not changed is not touched.
const stale = new Set();
const shown = new WeakMap([...document.querySelectorAll("[data-live][id]")].map((region) => [region, region.innerHTML]));
let refreshing = false;

function isInUse(region) {
  const focused = document.activeElement;
  const typing = region.contains(focused) && focused.matches("input:not([type=search]), textarea, select, summary");
  const selecting = !getSelection().isCollapsed && region.contains(getSelection().anchorNode);
  const answering = region.querySelector("input:checked[data-keep], textarea:not(:placeholder-shown), details[open]");
  const choosing = [...region.querySelectorAll("select")].some((select) =>
    select.selectedIndex !== Math.max([...select.options].findIndex((option) => option.defaultSelected), 0));
  return typing || selecting || answering || choosing;
}

async function refresh() {
  const wanted = [...document.querySelectorAll("[data-live][id]")].filter(
    (region) => region.dataset.live.split(" ").some((topic) => stale.has(topic)) && !isInUse(region));
  if (refreshing || document.hidden || wanted.length === 0) return;
  refreshing = true;
  // What changes while the answer is on its way is stale again.
  let left = [...stale];
  stale.clear();
  try {
    const self = document.querySelector("[data-self]")?.dataset.self || location.href;
    const answer = await fetch(self, { redirect: "error", headers: { "X-Background": "1" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const region of wanted) {
      const fresh = page.getElementById(region.id);
      if (fresh && !isInUse(region)) put(region, fresh);
    }
    const inUse = [...document.querySelectorAll("[data-live][id]")].filter(isInUse);
    left = left.filter((topic) => inUse.some((region) => region.dataset.live.split(" ").includes(topic)));
  } catch {
    // The server is away: what is shown stays, and the next round tries again.
  } finally {
    for (const topic of left) stale.add(topic);
    refreshing = false;
  }
}

function put(region, fresh) {
  const content = fresh.innerHTML;
  if (!fresh.dataset.live) region.removeAttribute("data-live");
  if (shown.get(region) === content) return;
  shown.set(region, content);
  const inside = region.contains(document.activeElement);
  const focused = inside ? document.activeElement.id : "";
  region.replaceChildren(...document.adoptNode(fresh).childNodes);
  localise(region);
  htmx.process(region);
  if (inside) (document.getElementById(focused) || region).focus({ preventScroll: true });
}

// The server tells of changes as they happen; where a proxy keeps such a stream back, it is asked now and then.
let pulse = JSON.parse(document.body.dataset.pulse || "null");

function hear(told) {
  for (const topic of Object.keys(told)) if (told[topic] !== pulse[topic]) stale.add(topic);
  pulse = told;
  refresh();
}

function listen() {
  const source = new EventSource("/live");
  source.onmessage = (event) => hear(JSON.parse(event.data));
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return;
    setInterval(async () => {
      const answer = document.hidden ? null : await fetch("/live", { headers: { "X-Background": "1" } }).catch(() => null);
      if (answer?.ok && !answer.redirected) hear(await answer.json());
    }, 5000);
  };
}

if (pulse) {
  pulse.temporal = document.querySelector("#away .banner time")?.dateTime || "";
  listen();
  setInterval(refresh, 2000);
  document.addEventListener("visibilitychange", refresh);
}

// Single keys press what is marked `data-key`; they can be switched off, and never act while somebody types.
const keysAreOn = () => localStorage.getItem("keys") !== "off";

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !keysAreOn()) return;
  if (document.querySelector("dialog[open]")) return;
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]:not(:disabled)`);
  if (!target) return;
  event.preventDefault();
  if (target.matches("input, select, textarea")) target.focus();
  else target.click();
});

// `<button data-dialog="ID">` opens a dialog.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
});

const keysOn = document.getElementById("keys-on");
if (keysOn) {
  keysOn.checked = keysAreOn();
  keysOn.addEventListener("change", () => localStorage.setItem("keys", keysOn.checked ? "on" : "off"));
}

// A toast is said again once the page stands, so that screen readers hear it; it goes when nothing can be undone.
const toast = document.querySelector(".toast");
if (toast) {
  const words = toast.firstElementChild;
  const said = words.textContent;
  words.textContent = "";
  setTimeout(() => { words.textContent = said; }, 100);
  const until = toast.dataset.until ? new Date(toast.dataset.until) - Date.now() : 8000;
  setTimeout(() => toast.remove(), Math.max(until, 2000));
  history.replaceState(null, "", location.pathname);
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

// What a person must confirm: `<form data-confirm="…">`, or the button that sends it.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// The theme changes where one stands: a reload would lose what somebody has typed.
document.addEventListener("submit", async (event) => {
  if (event.target.getAttribute("action") !== "/theme") return;
  event.preventDefault();
  const chosen = event.submitter;
  const answer = await fetch(event.target.action, {
    method: "POST", redirect: "manual", body: new URLSearchParams(new FormData(event.target, chosen)) }).catch(() => null);
  if (answer?.type !== "opaqueredirect") return;
  document.documentElement.dataset.theme = chosen.value;
  for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-pressed", button === chosen);
});

// Where the navigation is a strip that scrolls, it shows where one is.
document.querySelector("nav.main [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Filters apply themselves: `<form data-auto>`. Not by keyboard, where an arrow key chooses all that lies between.
let pointing = false;
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => { pointing = kind === "pointerdown"; }, true);
document.addEventListener("change", (event) => {
  if (pointing && event.target.matches("form[data-auto] select")) event.target.form.requestSubmit();
});

// Who leaves a text that is not sent is asked, also when another form of the page leads away from it.
let sending = null;
document.addEventListener("submit", (event) => { sending = event.defaultPrevented ? null : event.target; });
window.addEventListener("beforeunload", (event) => {
  const unsent = [...document.querySelectorAll("textarea[data-keep]")].some((text) => text.value !== text.defaultValue && text.form !== sending);
  sending = null;
  if (unsent) event.preventDefault();
});

localise(document);
document.addEventListener("htmx:load", (event) => localise(event.detail.elt));
