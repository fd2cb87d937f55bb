// What the pages do better with a script; each works without it.
"use strict";

// Times in the reader's own time zone.
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const local = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
    if (time.classList.contains("clock")) time.textContent = local;
    else time.title = local;
  }
}

// Lists follow what happens, unless somebody is typing, selecting or has moved the focus into them.
async function refresh(main) {
  const busy = document.hidden || main.contains(document.activeElement) || !getSelection().isCollapsed;
  if (busy) return;
  try {
    const answer = await fetch(location.href, { redirect: "manual", headers: { "X-Background": "1" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("main");
    if (!fresh || fresh.innerHTML === main.dataset.shown) return;
    main.dataset.shown = fresh.innerHTML;
    main.replaceChildren(...fresh.childNodes);
    localise(main);
    document.querySelector("nav.main").replaceWith(page.querySelector("nav.main"));
  } catch {
    // The server is away: what is shown stays, and the next round tries again.
  }
}

localise(document);
const main = document.getElementById("main");
if (main && main.hasAttribute("data-live")) setInterval(refresh, 4000, main);
