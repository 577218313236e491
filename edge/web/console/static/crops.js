// Crops are labelled by keys as well: one answer for each crop, and only while they are switched on.

const KEPT = "console-crop-keys";
const labelling = document.querySelector("[data-labelling]");
const keys = document.getElementById("keys");
let answered = false;

if (labelling) {
  keys.checked = localStorage.getItem(KEPT) !== "off";
  keys.addEventListener("change", () => localStorage.setItem(KEPT, keys.checked ? "on" : "off"));
  labelling.addEventListener("submit", () => { answered = true; });
  document.addEventListener("keydown", (event) => {
    const isPlain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.repeat;
    if (!keys.checked || answered || !isPlain) return;
    const button = labelling.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (button) button.click();
  });
  addEventListener("pageshow", () => { answered = false; });
}
