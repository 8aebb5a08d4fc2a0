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
    moved: of(".picture[id], .scroll[id], pre[id]").map((box) => [box.id, box.scrollLeft, box.scrollTop]),
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
  for (const [id, left, top] of kept.moved) document.getElementById(id)?.scrollTo({ left, top, behavior: "instant" });
  if (kept.focused) document.getElementById(kept.focused)?.focus({ preventScroll: true });
  kept = null;
});

// A box with data-all ticks every box of that name in its form.
document.addEventListener("change", (event) => {
  const name = event.target.dataset?.all;
  if (!name) return;
  for (const box of event.target.form.querySelectorAll(`input[name="${name}"]`)) box.checked = event.target.checked;
});

// Where a line's column is in a field. Columns count characters, a field's positions UTF-16 units.
const placed = (editor, line, column) => {
  const lines = editor.value.split("\n");
  const above = lines.slice(0, line - 1).reduce((sum, line) => sum + line.length + 1, 0);
  return above + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
};

// A button with data-line puts the cursor there in the field that it names; with data-text it puts that in the
// place of what stands between there and the end, as if it were typed.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-line]");
  if (!button) return;
  const { line, column, endLine = line, endColumn = column, text } = button.dataset;
  const editor = document.getElementById(button.dataset.in);
  editor.focus();
  editor.setSelectionRange(placed(editor, line, column), placed(editor, endLine, endColumn));
  if (text !== undefined) document.execCommand("insertText", false, text);
  editor.scrollTop = (line - 5) * (editor.scrollHeight / editor.value.split("\n").length);
});

// In a field with data-indent Tab indents and Enter keeps the indent; after Escape, Tab leaves it as any other.
let leaving = false;
document.addEventListener("keydown", (event) => {
  const editor = event.target;
  if (!editor.matches?.("textarea[data-indent]") || event.ctrlKey || event.altKey || event.metaKey) return;
  const begin = editor.value.lastIndexOf("\n", editor.selectionStart - 1) + 1;
  const indent = editor.value.slice(begin, editor.selectionStart).match(/^ */)[0];
  if (event.key === "Tab" && !leaving) {
    event.preventDefault();
    if (!event.shiftKey) document.execCommand("insertText", false, "  ");
    else if (indent.length > 1) {
      const at = editor.selectionStart - 2;
      editor.setSelectionRange(begin, begin + 2);
      document.execCommand("delete");
      editor.setSelectionRange(at, at);
    }
  } else if (event.key === "Enter" && !event.shiftKey && indent) {
    event.preventDefault();
    document.execCommand("insertText", false, `\n${indent}`);
  }
  if (event.key !== "Tab" && event.key !== "Shift") leaving = event.key === "Escape";
});
document.addEventListener("focusin", () => (leaving = false));

// What was written and not sent is not left without a question.
let sent = false;
document.addEventListener("submit", () => (sent = true));
window.addEventListener("beforeunload", (event) => {
  const written = document.querySelectorAll("textarea[data-indent], .vars input");
  if (!sent && [...written].some((field) => field.value !== field.defaultValue)) event.preventDefault();
});

// A picture that is wider than its box begins where its cycle does.
const begins = () => {
  for (const box of document.querySelectorAll(".picture")) {
    const start = box.querySelector(".start")?.getBoundingClientRect();
    if (start) box.scrollLeft += start.left + start.width / 2 - box.getBoundingClientRect().left - box.clientWidth / 2;
  }
};
begins();
document.addEventListener("htmx:oobAfterSwap", begins);
