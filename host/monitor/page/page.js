// The page at work: where states come from (a live board, or a recorded run), the cursor, the scrubber, the colours.

const SILENCE_MS = 6000; // the monitor sends something every two seconds
const COLUMNS = ["elapsed_ms", "voltage_mv", "current_ma", "remaining_10_s", "remaining_50_s", "remaining_90_s",
  "confidence_permille", "device", "unknown"];
const empty = () => Object.fromEntries(COLUMNS.map((name) => [name, []]));
const known = (values, divisor) => values.map((value) => (value < 0 ? null : value / divisor));
const at = (value, digits, unit) => (value === null ? "–" : `${value.toFixed(digits)} ${unit}`);

const page = { data: empty(), now: null, cut: -1, cursor: -1, plots: [] };

function minutesText(data, k) {
  if (data.minutes[k] === null) return "no answer";
  const [low, middle, high] = [data.remaining_10_s[k], data.remaining_50_s[k], data.remaining_90_s[k]];
  const around = low === high ? "" : ` (${interval(low, high)})`;
  return `${minutes(middle)}${around}${data.unknown[k] ? " · unknown device" : ""}`;
}

function makePlots() {
  const add = (spec) => page.plots.push(new Plot(byId("plots"), spec));
  add({
    title: "minutes until full, 10 – 90 %", unit: "min", digits: 0, zero: true, colour: "--minutes", answer: true,
    values: (data) => data.minutes, band: (data) => [data.low, data.high],
    text: minutesText,
  });
  add({
    title: "how sure of the device", unit: "%", digits: 0, fixed: [0, 105], colour: "--sure", answer: true,
    values: (data) => data.sure, text: (data, k) => at(data.sure[k], 0, "%"),
  });
  add({ title: "voltage", unit: "V", digits: 2, colour: "--voltage", values: (data) => data.volts, text: (data, k) => at(data.volts[k], 3, "V") });
  add({ title: "current", unit: "A", digits: 2, zero: true, colour: "--current", values: (data) => data.amperes, text: (data, k) => at(data.amperes[k], 3, "A") });
  add({ title: "power", unit: "W", digits: 1, zero: true, colour: "--powered", values: (data) => data.watts, text: (data, k) => at(data.watts[k], 2, "W") });
}

function derive(data) {
  data.minutes = known(data.remaining_50_s, 60);
  data.low = known(data.remaining_10_s, 60);
  data.high = known(data.remaining_90_s, 60);
  data.sure = known(data.confidence_permille, 10);
  data.volts = data.voltage_mv.map((value) => value / 1000);
  data.amperes = data.current_ma.map((value) => value / 1000);
  data.watts = data.voltage_mv.map((value, k) => Math.round((value * data.current_ma[k]) / 1000) / 1000);
}

let drawing = false;
function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const cursor = Math.min(page.cursor, page.data.elapsed_ms.length - 1);
    for (const plot of page.plots) plot.draw(page.data, page.cut, cursor);
  });
}

function show(message) {
  page.now = message.now;
  showNow(message.now);
  if (message.log) showLog(message.now, message.log);
}

function watchLive() {
  let heard = Date.now();
  const events = new EventSource("events");
  events.onmessage = (event) => {
    heard = Date.now();
    const message = JSON.parse(event.data);
    if (message.points) {
      if (message.points.fresh) page.data = empty();
      for (const name of COLUMNS) for (const value of message.points.columns[name]) page.data[name].push(value);
      derive(page.data);
    } else if (!message.now.charge) {
      page.data = empty();
      derive(page.data);
    }
    page.cut = page.data.elapsed_ms.length - 1;
    show(message);
    redraw();
  };
  setInterval(() => {
    if (Date.now() - heard < SILENCE_MS) return;
    showStatus("no contact");
    showBanner("no contact with the monitor: is it still running? trying again", "");
    document.body.classList.add("stale");
    document.title = "no contact · wattprint";
    if (events.readyState === EventSource.CLOSED) location.reload();
  }, 1000);
}

async function watchRecorded() {
  const get = async (path) => (await fetch(path)).json();
  const { times_ms } = await get("api/recording");
  const slider = byId("position"), last = times_ms.length - 1, histories = new Map();
  let wanted = last, busy = false, playing = null, at_ms = times_ms[last];
  byId("scrubber").hidden = false;
  slider.max = last;

  async function go(position) {
    wanted = Math.min(Math.max(position, 0), last);
    slider.value = wanted;
    const text = `${duration(times_ms[wanted] / 1000)} of ${duration(times_ms[last] / 1000)}`;
    byId("time").textContent = text;
    slider.setAttribute("aria-valuetext", text);
    if (busy) return;
    busy = true;
    for (let shown = -1; shown !== wanted;) {
      shown = wanted;
      const message = await get(`api/at?position=${shown}`);
      const ordinal = message.now.charge ? message.now.charge.ordinal : null;
      if (ordinal !== null && !histories.has(ordinal)) {
        const data = await get(`api/history?ordinal=${ordinal}`);
        derive(data);
        histories.set(ordinal, data);
      }
      page.data = histories.get(ordinal) || derived(empty());
      page.cut = ordinal === null ? -1 : Math.max(indexAt(page.data, message.now.charge.elapsed_ms), 0);
      show(message);
      redraw();
    }
    busy = false;
  }

  const index = (ms) => {
    let low = 0, high = times_ms.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times_ms[middle] <= ms) low = middle + 1;
      else high = middle;
    }
    return Math.max(low - 1, 0);
  };
  const pause = () => {
    clearInterval(playing);
    playing = null;
    byId("play").textContent = "▶";
    byId("play").setAttribute("aria-pressed", "false");
  };
  const play = () => {
    if (wanted >= last) at_ms = 0;
    else at_ms = times_ms[wanted];
    playing = setInterval(() => {
      at_ms += 100 * Number(byId("speed").value);
      go(index(at_ms));
      if (at_ms >= times_ms[last]) pause();
    }, 100);
    byId("play").textContent = "❚❚";
    byId("play").setAttribute("aria-pressed", "true");
  };
  slider.addEventListener("input", () => { pause(); go(Number(slider.value)); });
  byId("play").addEventListener("click", () => (playing ? pause() : play()));
  document.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.tagName !== "BUTTON" && event.target.tagName !== "SELECT" && event.target.tagName !== "SUMMARY") {
      event.preventDefault();
      byId("play").click();
    }
  });
  const start = new URLSearchParams(location.search).get("position");
  await go(start === null ? last : Number(start));
}

const derived = (data) => { derive(data); return data; };

function followPointer() {
  const plots = byId("plots");
  const move = (event) => {
    const plot = page.plots.find((one) => one.canvas === event.target);
    if (!plot || !plot.frame) return;
    const x = event.clientX - plot.canvas.getBoundingClientRect().left;
    const ms = ((x - plot.frame.left) / (plot.frame.right - plot.frame.left)) * plot.until;
    page.cursor = ms < 0 ? -1 : indexAt(page.data, ms);
    redraw();
  };
  plots.addEventListener("pointermove", move);
  plots.addEventListener("pointerdown", move);
  plots.addEventListener("pointerleave", () => { page.cursor = -1; redraw(); });
  plots.addEventListener("keydown", (event) => {
    const n = page.data.elapsed_ms.length, step = Math.max(Math.round(n / 100), 1);
    const from = page.cursor < 0 ? page.cut : page.cursor;
    const moves = { ArrowLeft: from - step, ArrowRight: from + step, Home: 0, End: n - 1, Escape: -1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    page.cursor = event.key === "Escape" ? -1 : Math.min(Math.max(moves[event.key], 0), n - 1);
    redraw();
  });
}

function chooseColours() {
  const button = byId("theme"), names = ["", "light", "dark"], shown = { "": "◐", light: "☀", dark: "☾" };
  let theme = "";
  try { theme = localStorage.getItem("wattprint-colours") || ""; } catch { /* no storage: as the system */ }
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    button.textContent = shown[theme];
    button.setAttribute("aria-label", `colours: ${theme || "as the system"}`);
    redraw();
  };
  button.addEventListener("click", () => {
    theme = names[(names.indexOf(theme) + 1) % names.length];
    try { localStorage.setItem("wattprint-colours", theme); } catch { /* not kept */ }
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("resize", redraw);
  apply();
}

makePlots();
derive(page.data);
followPointer();
chooseColours();
if (document.documentElement.dataset.mode === "live") watchLive();
else watchRecorded();
