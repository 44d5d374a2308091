"use strict";
const all = (what, root = document) => [...root.querySelectorAll(what)];

function press(button, others) {
  for (const other of others) other.setAttribute("aria-pressed", String(other === button));
}

for (const found of all("[hidden]:is(.switch, .copy, .every)")) found.hidden = false;

for (const table of all(".league table")) {
  const buttons = all("[data-view]", table.closest(".league")).filter((found) => found !== table);
  table.dataset.view = "result";
  for (const button of buttons) {
    button.addEventListener("click", () => { press(button, buttons); table.dataset.view = button.dataset.view; });
  }
}

const snippets = all(".snippet");
const labels = all("[data-snippet]");
function show(place) {
  for (const part of snippets) part.hidden = part.dataset.part !== place;
}
for (const button of labels) {
  button.addEventListener("click", () => { press(button, labels); show(button.dataset.snippet); });
}
if (labels.length) show("0");
addEventListener("beforeprint", () => { for (const part of snippets) part.hidden = false; });
addEventListener("afterprint", () => {
  const pressed = labels.find((button) => button.getAttribute("aria-pressed") === "true");
  if (pressed) show(pressed.dataset.snippet);
});

function select(pre) {
  const range = document.createRange();
  range.selectNodeContents(pre);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(pre) {
  try {
    await navigator.clipboard.writeText(pre.textContent);
    return "Copied";
  } catch {
    select(pre);
    return document.execCommand("copy") ? "Copied" : "Selected";
  }
}

for (const button of all(".copy")) {
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    button.textContent = await copy(button.parentElement.querySelector("pre"));
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}
