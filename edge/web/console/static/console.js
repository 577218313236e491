// What moves on the console's pages; without it they are plain pages that work.

const silent = document.getElementById("silent");
let paused = false;

// Parts of a page renew themselves (htmx); when the gateway is silent, the page says so.
document.addEventListener("htmx:before:request", (event) => {
  if (paused) event.preventDefault();
});
document.addEventListener("htmx:error", () => { silent.hidden = false; });
document.addEventListener("htmx:before:response", (event) => {
  const failed = event.detail.ctx.response.status >= 400;
  silent.hidden = !failed;
  if (failed) event.preventDefault();
});

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
    words: "",
    rows: [],
    init() { this.rows = [...this.$root.querySelectorAll("[data-row]")]; },
    box: { [":hidden"]() { return this.rows.length < 8; } },
    input: {
      ["@input"](event) {
        const wanted = event.target.value.trim().toLowerCase();
        for (const row of this.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      },
    },
  }));
});

const trend = document.getElementById("trend");
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
    document.getElementById("trend-none").hidden = true;
    const data = [looks.at, looks.waiting, looks.room.map(mib)];
    if (plot) plot.setData(data);
    else plot = new UPlot({ ...size(), ...LINES }, data, figure);
  };
  await renew();
  setInterval(() => { renew().catch(() => {}); }, 30000);
  addEventListener("resize", () => { if (plot) plot.setSize(size()); });
}

const LINES = {
  legend: { live: false },
  cursor: { show: false },
  scales: { events: { range: (_plot, _least, most) => [0, Math.max(most, 10)] }, room: { range: (_plot, _least, most) => [0, Math.max(most * 1.05, 1)] } },
  axes: [
    {},
    { scale: "events", label: "events" },
    { scale: "room", side: 1, label: "MiB of room", grid: { show: false } },
  ],
  series: [
    {},
    { label: "Events to go", scale: "events", stroke: "#0f4fb8", width: 2 },
    { label: "Room left", scale: "room", stroke: "#12652f", width: 2, dash: [6, 4] },
  ],
};
