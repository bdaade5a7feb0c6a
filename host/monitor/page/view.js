// What stands in the cards, the banner, the log and the link table, from one state.

const byId = (id) => document.getElementById(id);
const part = (id, selector) => byId(id).querySelector(selector);
const thousands = (value) => Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
const carsOf = (vehicle) => vehicle.cars.join(" or ").replaceAll("_", " ");
const label = (answer) => (answer.device_name || `device ${answer.device}`).replaceAll("_", " ");
const percent = (permille) => `${Math.round(permille / 10)} %`;

function minutes(seconds) {
  const whole = Math.floor((seconds + 30) / 60);
  if (whole < 1) return "< 1 min";
  return whole < 100 ? `${whole} min` : `${Math.floor(whole / 60)} h ${String(whole % 60).padStart(2, "0")} min`;
}

function interval(low, high) {
  const [a, b] = [minutes(low), minutes(high)];
  if (a === b) return a;
  const short = a.includes(" h ") === b.includes(" h ") ? a.replace(/ min$/, "") : a;
  return `${a.startsWith("<") ? "0" : short} – ${b.replace("< ", "")}`;
}

function duration(seconds) {
  const pad = (value) => String(Math.floor(value)).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${pad((seconds / 60) % 60)}:${pad(seconds % 60)}`;
}

function clock(at_s, now_s) {
  const then = new Date(at_s * 1000);
  const time = then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  const far = Math.abs(at_s - now_s) > 43200 && then.toDateString() !== new Date(now_s * 1000).toDateString();
  return far ? `${then.toLocaleDateString([], { weekday: "short" })} ${time}` : time;
}

// A charger's phase "full" is a vehicle's "done".
const ended = (now) => now.answer.phase === "full" || (now.vehicle !== null && now.answer.phase === "done");
const moment = (now, at_s) => (now.wall_clock ? clock(at_s, now.at_s) : duration(at_s));

function showNow(now) {
  const { charge, reading, answer } = now;
  const over = !charge || charge.ended !== null;
  document.body.classList.toggle("stale", now.stale || now.status === "sensor fault");
  document.body.classList.toggle("over", over);
  document.body.classList.toggle("unknown", !over && answer !== null && answer.unknown);
  byId("source").textContent = now.source;
  byId("board").textContent = now.board === null ? "" : boardText(now);
  showStatus(now.status);
  const loud = now.stale || now.status === "sensor fault" || now.status === "no sensor";
  showBanner(loud ? now.detail : "", now.status === "connecting" ? "quiet" : "");
  showDevice(now, over);
  showUntil(now, over);
  part("power", ".big").textContent = reading ? `${(reading.power_mw / 1000).toFixed(2)} W` : "–";
  part("power", ".small").textContent = reading
    ? `${(reading.voltage_mv / 1000).toFixed(3)} V · ${(reading.current_ma / 1000).toFixed(3)} A` : "";
  const least = charge && !charge.whole ? "≥ " : "";
  part("energy", ".big").textContent = charge ? `${least}${charge.energy_wh.toFixed(2)} Wh` : "–";
  part("energy", ".small").textContent = charge
    ? `${least}${thousands(charge.charge_mah)} mAh · in ${duration(charge.elapsed_ms / 1000)}` : "";
  showVehicle(now, over);
  showLink(now);
  document.title = titleOf(now, over);
}

function boardText(now) {
  const board = now.board;
  const model = board.model ? `model ${board.model}` : "a model no artifact here has (devices by number)";
  return `${model} · ${board.model_hash}${now.wall_clock ? ` · firmware ${board.firmware}` : ""}`;
}

function showStatus(status) {
  const pill = byId("status");
  if (pill.textContent !== status) pill.textContent = status;
  pill.dataset.status = status;
}

function showBanner(text, kind) {
  const banner = byId("banner");
  banner.hidden = !text;
  banner.dataset.kind = kind;
  if (banner.textContent !== text) banner.textContent = text;
}

function showDevice(now, over) {
  const { answer } = now;
  const bar = part("device", ".bar");
  bar.hidden = !answer || over || answer.confidence_permille === null;
  if (!answer || (over && now.status !== "unplugged" && !now.charge)) {
    part("device", ".big").textContent = "–";
    part("device", ".small").textContent = now.status === "unplugged" ? "nothing plugged in" : now.stale ? "" : now.detail;
    return;
  }
  part("device", ".big").textContent = answer.unknown && !over ? "Unknown device" : label(answer);
  if (over) {
    part("device", ".small").textContent = now.detail;
  } else if (answer.confidence_permille === null) {
    part("device", ".small").textContent = `the only device of this model · ${answer.phase}`;
  } else {
    part("device", ".bar i").style.width = `${answer.confidence_permille / 10}%`;
    const sure = `${percent(answer.confidence_permille)} sure`;
    part("device", ".small").textContent = answer.unknown ? `nearest: ${label(answer)}, ${sure}` : `${sure} · ${answer.phase}`;
  }
}

function showUntil(now, over) {
  const { answer, charge } = now;
  const set = (big, middle, small) => {
    part("until", ".big").textContent = big;
    part("until", ".middle").textContent = middle;
    part("until", ".small").textContent = small;
  };
  if (over || !answer) {
    set("–", "", "");
  } else if (ended(now)) {
    const since = now.wall_clock && charge.full_since_s ? `since ${clock(charge.full_since_s, now.at_s)}` : "";
    set("Full", since, "the current has ended");
  } else {
    const [low, middle, high] = answer.remaining_s;
    const pace = now.pace === 1 ? "" : ` · time runs × ${now.pace < 10 ? now.pace.toFixed(1) : Math.round(now.pace)}`;
    const at = now.full_at_s ? now.full_at_s.map((at_s) => clock(at_s, now.at_s)) : null;
    const when = at ? `${now.vehicle ? "ends" : "full"} at ${at[1]} (${at[0]} – ${at[2]})${pace}` : "";
    set(minutes(middle), `80 % within ${interval(low, high)}`, answer.unknown ? `a guess: not a ${now.vehicle ? "car" : "device"} it has learnt` : when);
  }
}

const capability = (vehicle) => (vehicle.power_class_w <= 0 ? "has not drawn yet"
  : `${vehicle.direct ? "DC" : `${vehicle.phases} phase${vehicle.phases === 1 ? "" : "s"}`}, ${vehicle.power_class_w / 1000} kW`);

// A charge point's board: cars in the cards, the charge point itself below.
function showVehicle(now, over) {
  const { vehicle } = now;
  const section = byId("vehicle");
  section.hidden = vehicle === null;
  byId("device").querySelector("h2").textContent = vehicle === null ? "Device" : "Car";
  if (vehicle === null) return;
  const { reading, answer, advice } = vehicle;
  if (answer && !over) {
    part("device", ".big").textContent = answer.unknown ? "Unknown car" : carsOf(answer);
    const name = answer.cars.length > 1 ? `likeliest: ${answer.car.replaceAll("_", " ")}, ` : "";
    const sure = answer.unknown ? "" : ` · ${name}${percent(answer.confidence_permille)} sure`;
    part("device", ".small").textContent = `${capability(answer)} · ${answer.phase}${sure}`;
  }
  const rows = [];
  if (reading) {
    const power = reading.voltage_mv.reduce((sum, v, k) => sum + v * reading.current_ma[k], 0) / 1e9;
    part("power", ".big").textContent = `${power.toFixed(2)} kW`;
    part("power", ".small").textContent = answer ? capability(answer) : "";
    reading.voltage_mv.forEach((v, k) => {
      const i = reading.current_ma[k];
      if (v || i) rows.push([`L${k + 1}`, `${(v / 1000).toFixed(1)} V · ${(i / 1000).toFixed(2)} A`]);
    });
    rows.push(["pilot", reading.pilot_da >= 0 ? `${(reading.pilot_da / 10).toFixed(1)} A` : "not known"]);
    rows.push(["battery", reading.soc_pct >= 0 ? `${reading.soc_pct} %` : "not told"]);
    if (reading.power_factor_permille !== null) rows.push(["power factor", (reading.power_factor_permille / 1000).toFixed(3)]);
  }
  if (answer && !over && !answer.unknown) {
    const [low, middle, high] = answer.target_s || [];
    rows.push(["until the target", answer.target_s === null ? "not known" : middle <= 0 ? "reached" : `${minutes(middle)} (${interval(low, high)})`]);
    rows.push(["to go", `${(answer.energy_to_go_wh / 1000).toFixed(1)} kWh`]);
  }
  if (advice && !over) rows.push(["advice", advice.text]);
  section.replaceChildren(...rowsOf(rows));
}

// The board's own timing: ticks where it has them, which are instructions where there is no clock.
function boardTime(counters) {
  const { answer_us, answer_max_us, answer_ticks, answer_max_ticks, ticks_per_s } = counters;
  if (answer_ticks === undefined || ticks_per_s === undefined) {
    return answer_us === undefined ? "" : `${answer_us} µs, at most ${answer_max_us} µs`;
  }
  if (answer_max_ticks === 0) return ""; // nothing answered yet, or a clock that stands still
  if (ticks_per_s === 0) return `${thousands(answer_ticks)} instructions, at most ${thousands(answer_max_ticks)}`;
  const micros = (ticks) => {
    const value = (ticks * 1e6) / ticks_per_s;
    return value >= 10 ? thousands(value) : value.toFixed(1);
  };
  return `${micros(answer_ticks)} µs, at most ${micros(answer_max_ticks)} µs`;
}

function showLink(now) {
  const { link, counters } = now;
  const rows = [["lines", thousands(link.lines), false]];
  for (const [name, key] of [["damaged", "damaged"], ["samples missed", "missed_samples"], ["answers missed", "missed_answers"],
    ["restarts of the board", "restarts"], ["reconnects", "reconnects"]]) {
    rows.push([name, thousands(link[key]), link[key] > 0]);
  }
  const speed = boardTime(counters);
  if (speed) rows.push(["answers in", speed, false]);
  if (counters.stack_bytes !== undefined) rows.push(["deepest stack", `${counters.stack_bytes} bytes`, false]);
  byId("link").replaceChildren(...rowsOf(rows));
}

function rowsOf(rows) {
  return rows.flatMap(([name, value, bad]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    dd.className = bad ? "bad" : "";
    return [dt, dd];
  });
}

function showLog(now, log) {
  const list = part("log", "ol");
  list.replaceChildren(...log.map((note) => {
    const item = document.createElement("li"), time = document.createElement("time"), text = document.createElement("span");
    time.textContent = moment(now, note.at_s);
    text.textContent = note.text;
    item.className = note.board ? "board" : "";
    item.append(time, text);
    return item;
  }));
  list.scrollTop = list.scrollHeight;
}

function titleOf(now, over) {
  if (over || !now.answer || now.stale || now.status === "sensor fault") return `${now.status} · wattprint`;
  const car = now.vehicle && now.vehicle.answer;
  const name = car ? carsOf(car) : label(now.answer);
  if (ended(now)) return `full · ${name}`;
  return now.answer.unknown ? `unknown ${car ? "car" : "device"} · wattprint` : `${minutes(now.answer.remaining_s[1])} · ${name}`;
}
