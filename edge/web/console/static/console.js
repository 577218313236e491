// What moves on the console's pages; without it they are plain pages that work.

const element = (id) => document.getElementById(id);
const silent = element("silent");
let paused = false;
let heardAt = new Date();

// What somebody has opened, or is writing, does not move away under the hand.
function isInUse() {
  const written = [...document.querySelectorAll("#live input[type=text], #search")];
  return document.querySelector("#live details[open]")
    || written.some((input) => input.value || input === document.activeElement);
}

// Parts of a page renew themselves (htmx); when the gateway is silent, the page says so.
function say(isSilent) {
  silent.hidden = !isSilent;
  element("since").textContent = `${heardAt.toISOString().slice(11, 19)} UTC`;
  document.body.classList.toggle("stale", isSilent);
}

document.addEventListener("htmx:before:request", (event) => {
  if (paused || document.hidden || isInUse()) event.preventDefault();
});
document.addEventListener("htmx:error", () => { say(true); });
document.addEventListener("htmx:before:response", (event) => {
  const { response } = event.detail.ctx;
  const failed = response.status >= 400;
  if (failed) event.preventDefault();
  else {
    heardAt = new Date();
    const left = Number(response.headers.get("qm-left"));
    if (left > 0) stayFor(left);
  }
  say(failed);
});

// A console that nobody uses is closed; two minutes before, it says so.
const WARN_S = 120;
let endsAt = Infinity;
const stayFor = (seconds) => { endsAt = Date.now() + seconds * 1000; };

if (document.body.dataset.left) {
  stayFor(Number(document.body.dataset.left));
  setInterval(() => {
    const left = Math.round((endsAt - Date.now()) / 1000);
    element("leaving").hidden = left > WARN_S;
    if (left > WARN_S) return;
    const minutes = Math.floor(Math.max(left, 0) / 60);
    const seconds = String(Math.max(left, 0) % 60).padStart(2, "0");
    element("left").textContent = `${minutes}:${seconds}`;
    if (left < 0) location.assign("/console/overview");
  }, 1000);
  element("stay").addEventListener("click", async () => {
    const answer = await fetch("/console/stay");
    if (answer.redirected || !answer.ok) location.assign("/console/overview");
    else stayFor((await answer.json()).left);
  });
}

document.addEventListener("alpine:init", () => {
  const { Alpine } = window;

  Alpine.data("pause", () => ({
    paused: false,
    init() { this.$el.hidden = false; },
    button: {
      ["@click"]() { this.paused = !this.paused; paused = this.paused; },
      ["x-text"]() { return this.paused ? "Go on" : "Pause"; },
    },
  }));

  Alpine.data("search", () => ({
    many: false,
    rows() { return [...this.$root.querySelectorAll("[data-row]")]; },
    init() { this.many = this.rows().length >= 8; },
    box: { [":hidden"]() { return !this.many; } },
    input: {
      ["@input"](event) {
        const wanted = event.target.value.trim().toLowerCase();
        for (const row of this.rows()) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      },
    },
  }));
});

const trend = element("trend");
if (trend) {
  draw(trend).catch(() => { /* the numbers above say the same */ });
}

async function draw(figure) {
  const { default: UPlot } = await import("./vendor/uPlot.esm.js");
  const size = () => ({ width: figure.clientWidth, height: 220 });
  const mib = (bytes) => bytes / 1048576;
  let plot = null;
  const renew = async () => {
    const answer = await fetch(figure.dataset.from, { headers: { "hx-request": "true" } });
    const looks = await answer.json();
    if (looks.at.length < 2) return;
    element("trend-none").hidden = true;
    const data = [looks.at, looks.waiting, looks.room.map(mib)];
    if (plot) plot.setData(data);
    else plot = new UPlot({ ...size(), ...lines() }, data, figure);
  };
  await renew();
  setInterval(() => { renew().catch(() => {}); }, 30000);
  addEventListener("resize", () => { if (plot) plot.setSize(size()); });
}

// The page's own colours, dark or light.
function lines() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--ink"), grid: { stroke: colour("--hair"), width: 1 } };
  return {
    legend: { live: false },
    cursor: { show: false },
    scales: {
      events: { range: (_plot, _least, most) => [0, Math.max(most, 10)] },
      room: { range: (_plot, _least, most) => [0, Math.max(most * 1.05, 1)] },
    },
    axes: [
      { ...axis },
      { ...axis, scale: "events", label: "events" },
      { ...axis, scale: "room", side: 1, label: "MiB of room", grid: { show: false } },
    ],
    series: [
      {},
      { label: "Events to go", scale: "events", stroke: colour("--strong"), width: 2 },
      { label: "Room left", scale: "room", stroke: colour("--applied"), width: 2, dash: [6, 4] },
    ],
  };
}
