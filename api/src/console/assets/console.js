// What a page needs beside htmx. Nothing here is needed to read a page or to send its forms.
"use strict";

// A form with data-ask is sent once that was confirmed.
document.addEventListener("submit", (event) => {
  const ask = event.target.dataset.ask;
  if (ask && !window.confirm(ask)) {
    event.preventDefault();
    event.stopPropagation();
  }
}, true);

// A button with data-copy copies the text of the element with that id.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).innerText;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById(button.dataset.copy));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    button.textContent = "Press Ctrl+C";
  }
});

// What a person has ticked or opened stays so when the part of the page around it comes anew.
let kept = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const target = event.detail.target;
  const of = (selector) => [...target.querySelectorAll(selector)];
  kept = {
    ticked: of("input[type=checkbox][id]:checked").map((box) => box.id),
    opened: of("details[id][open]").map((part) => part.id),
    focused: target.contains(document.activeElement) ? document.activeElement.id : "",
  };
});
document.addEventListener("htmx:afterSwap", () => {
  if (!kept) return;
  for (const id of kept.ticked) {
    const box = document.getElementById(id);
    if (box) box.checked = true;
  }
  for (const id of kept.opened) document.getElementById(id)?.setAttribute("open", "");
  if (kept.focused) document.getElementById(kept.focused)?.focus({ preventScroll: true });
  kept = null;
});

// A box with data-all ticks every box of that name in its form.
document.addEventListener("change", (event) => {
  const name = event.target.dataset?.all;
  if (!name) return;
  for (const box of event.target.form.querySelectorAll(`input[name="${name}"]`)) box.checked = event.target.checked;
});
