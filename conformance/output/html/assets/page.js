"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const rows = [...document.querySelectorAll(".matrix .row")];
  const groups = [...document.querySelectorAll(".matrix tbody")];

  // What the page cannot do without a script is hidden until there is one.
  for (const id of ["filter", "theme"]) $(id).hidden = false;

  const dark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const told = () => $("theme").setAttribute("aria-pressed", String(dark()));
  $("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    told();
  });
  told();

  const words = new Map();
  const wordsOf = (row) => {
    const id = row.dataset.id;
    if (!words.has(id)) {
      const parts = [row, ...$(id).querySelectorAll(".norm, .scenarios")];
      words.set(id, parts.map((part) => part.textContent).join(" ").toLowerCase());
    }
    return words.get(id);
  };
  const filter = () => {
    const wanted = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const statuses = [...document.querySelectorAll("[name=status]:checked")].map((box) => box.value);
    const section = $("section").value;
    const differ = $("differ") && $("differ").checked;
    let shown = 0;
    for (const row of rows) {
      const has = row.dataset.statuses.split(" ");
      const fits =
        (!section || row.parentElement.dataset.section === section) &&
        (!statuses.length || statuses.some((status) => has.includes(status))) &&
        (!differ || has.length > 1) &&
        wanted.every((word) => wordsOf(row).includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    for (const group of groups) group.hidden = !group.querySelector(".row:not([hidden])");
    $("count").textContent = shown === rows.length ? `${shown} requirements` : `${shown} of ${rows.length} requirements`;
    $("none").hidden = shown > 0;
  };
  for (const name of ["input", "change"]) $("filter").addEventListener(name, filter);
  $("filter").addEventListener("submit", (event) => event.preventDefault());
  $("clear").addEventListener("click", () => {
    $("filter").reset();
    filter();
    $("search").focus();
  });
  filter();

  const article = () => {
    const target = $(location.hash.slice(1));
    return target ? target.closest("article") : null;
  };
  let opener = null;
  const opened = () => {
    const now = article();
    for (const link of document.querySelectorAll(".matrix [aria-current]")) link.removeAttribute("aria-current");
    if (!now) return;
    const link = [...document.querySelectorAll(".matrix a")].find((one) => one.hash === location.hash);
    if (link) {
      link.setAttribute("aria-current", "true");
      opener = link;
      if (matchMedia("(min-width: 72rem)").matches) link.scrollIntoView({ block: "center" });
    }
    const target = $(location.hash.slice(1));
    target.focus({ preventScroll: target === now });
    if (target === now) now.scrollTop = 0;
  };
  const close = () => {
    const [x, y] = [scrollX, scrollY];
    location.hash = "";
    scrollTo(x, y);
    if (opener) opener.focus({ preventScroll: true });
  };
  addEventListener("hashchange", opened);
  addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && article()) close();
    else if (event.key === "/" && !typing && !article()) {
      event.preventDefault();
      $("search").focus();
    } else if (event.key.startsWith("Arrow") && event.target.matches(".matrix .row a")) {
      const lines = rows.filter((row) => !row.hidden).map((row) => [...row.querySelectorAll("th a, td a")]);
      const y = lines.findIndex((line) => line.includes(event.target));
      const x = lines[y].indexOf(event.target);
      const [dx, dy] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
      const next = (lines[y + dy] || [])[x + dx];
      if (next) {
        event.preventDefault();
        next.focus();
      }
    }
  });
  for (const link of document.querySelectorAll(".close"))
    link.addEventListener("click", (event) => {
      event.preventDefault();
      close();
    });
  // Before that the fragment is not yet the target, and the layout not what it will be.
  addEventListener("load", opened);

  if (navigator.clipboard)
    for (const code of document.querySelectorAll(".again code")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(code.textContent);
          button.textContent = "Copied";
        } catch {
          button.textContent = "Not allowed";
        }
      });
      code.after(button);
    }
})();
