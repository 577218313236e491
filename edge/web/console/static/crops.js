// Pictures are answered by keys as well: one answer for each, and only while keys are switched on.

const KEPT = "console-crop-keys";
const keys = document.getElementById("keys");
const back = document.querySelector(".taking-back");
const isOn = () => localStorage.getItem(KEPT) !== "off";
let answered = false;

if (keys) {
  keys.checked = isOn();
  keys.addEventListener("change", () => localStorage.setItem(KEPT, keys.checked ? "on" : "off"));
}

document.addEventListener("submit", () => { answered = true; });
document.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.repeat;
  if (!isOn() || answered || !isPlain) return;
  const button = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (button && !button.closest("[hidden]")) button.click();
});
addEventListener("pageshow", () => { answered = false; });

// An answer can be taken back for a moment only.
if (back) setTimeout(() => { back.hidden = true; }, Number(back.dataset.moment) * 1000);
