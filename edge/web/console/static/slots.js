// Drawing a shelf slot on a camera's picture: corners by pointer, touch or keyboard.
// Corners are fractions of the picture; what is drawn goes with the form, as text.

const LEAST = 3;
const MOST = 32;
const STEP = 0.005;
const FAR = 0.05;
const AROUND = [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]];
const RENEW_MS = 2000;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const element = (id) => document.getElementById(id);
const view = element("view");
const draft = element("draft");
const field = element("polygon");
const told = element("told");
const [, , wide, high] = draft.ownerSVGElement.getAttribute("viewBox").split(" ").map(Number);
const handles = [];
let corners = JSON.parse(field.value || "[]");
let dragged = null;

const within = (value) => Math.round(Math.min(Math.max(value, 0), 1) * 10000) / 10000;
const percent = (value) => `${Math.round(value * 100)} %`;

function cornerAt(event) {
  const box = view.getBoundingClientRect();
  return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
}

// Which way one turns at b; two edges cross where each has the other's ends on both sides.
const turn = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
const areCrossing = (a, b, c, d) => turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;
const edge = (number) => [corners[number], corners[(number + 1) % corners.length]];

function isCrossed() {
  return corners.some((_, one) => corners.some((__, two) => areCrossing(...edge(one), ...edge(two))));
}

function say(about = "") {
  const number = corners.length;
  if (number === 0) told.textContent = "Nothing is drawn yet.";
  else if (number < LEAST) told.textContent = `${about}${number} of at least ${LEAST} corners.`;
  else if (isCrossed()) told.textContent = `${about}The outline crosses itself: move a corner, or undo it.`;
  else told.textContent = `${about}${number} corners.`;
}

function show() {
  while (handles.length > corners.length) handles.pop().remove();
  while (handles.length < corners.length) handles.push(handle(handles.length));
  corners.forEach(([across, down], number) => {
    const { style } = handles[number];
    style.left = `${across * 100}%`;
    style.top = `${down * 100}%`;
    const name = `Corner ${number + 1} of ${corners.length}: ${percent(across)} across, ${percent(down)} down`;
    handles[number].setAttribute("aria-label", name);
  });
  draft.setAttribute("points", corners.map(([x, y]) => `${x * wide},${y * high}`).join(" "));
  draft.classList.toggle("broken", corners.length >= LEAST && isCrossed());
  field.value = JSON.stringify(corners);
  element("undo").disabled = corners.length === 0;
  element("clear").disabled = corners.length === 0;
  element("add").disabled = corners.length >= MOST;
}

function handle(number) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "corner";
  button.addEventListener("pointerdown", (event) => {
    dragged = number;
    button.setPointerCapture(event.pointerId);
  });
  button.addEventListener("pointermove", (event) => {
    if (dragged === number) move(number, cornerAt(event));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    button.addEventListener(end, () => { dragged = null; say(); });
  }
  button.addEventListener("click", (event) => event.stopPropagation());
  button.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key];
    if (way) {
      event.preventDefault();
      const far = event.shiftKey ? FAR : STEP;
      const [across, down] = corners[number];
      move(number, [within(across + way[0] * far), within(down + way[1] * far)]);
      say(`${percent(corners[number][0])} across, ${percent(corners[number][1])} down. `);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      corners.splice(number, 1);
      show();
      say("Removed. ");
      (handles[Math.min(number, corners.length - 1)] || element("add")).focus();
    }
  });
  view.append(button);
  return button;
}

function move(number, corner) {
  corners[number] = corner;
  show();
}

function add(corner) {
  if (corners.length >= MOST) return;
  corners.push(corner);
  show();
  say();
}

view.addEventListener("click", (event) => add(cornerAt(event)));
element("add").addEventListener("click", () => {
  add([...AROUND[corners.length % AROUND.length]]);
  handles.at(-1).focus();
});
element("undo").addEventListener("click", () => {
  corners.pop();
  show();
  say("Undone. ");
});
element("clear").addEventListener("click", () => {
  corners = [];
  show();
  say();
});

for (const button of document.querySelectorAll("[data-change]")) {
  button.addEventListener("click", () => {
    corners = JSON.parse(button.dataset.polygon);
    element("name").value = button.dataset.change;
    element("location").value = button.dataset.location;
    show();
    say(`${button.dataset.change} is drawn anew. `);
    view.scrollIntoView({ block: "nearest" });
    if (handles[0]) handles[0].focus({ preventScroll: true });
  });
}

element("slot").addEventListener("submit", (event) => {
  if (corners.length >= LEAST && !isCrossed()) return;
  event.preventDefault();
  say("Not kept. ");
  view.scrollIntoView({ block: "nearest" });
});

// The picture renews itself while somebody sees it.
const still = element("still");
if (still) {
  still.addEventListener("error", () => view.classList.add("old"));
  still.addEventListener("load", () => view.classList.remove("old"));
  setInterval(() => {
    if (!document.hidden) still.src = `${element("calibration").dataset.still}?at=${Date.now()}`;
  }, RENEW_MS);
}

show();
say();
