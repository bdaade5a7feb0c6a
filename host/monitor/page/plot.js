"use strict";

// One curve, with a band where it has one, over the minutes of a charge.
class Plot {
  constructor(parent, spec) {
    this.spec = spec;
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const name = document.createElement("span");
    name.textContent = spec.title;
    this.readout = document.createElement("b");
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    caption.append(name, this.readout);
    figure.append(caption, this.canvas);
    parent.append(figure);
  }

  // `cut`: points up to this index are of the past, later ones (a recorded run's) are drawn faintly.
  // `cursor`: index of the point under the cursor, or −1.
  draw(data, cut, cursor) {
    const box = this.canvas.getBoundingClientRect();
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(box.width * scale);
    this.canvas.height = Math.round(box.height * scale);
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    context.font = "11px system-ui, sans-serif";
    this.frame = { left: 40, right: box.width - 6, top: 8, bottom: box.height - 18 };
    const n = data.elapsed_ms.length;
    const values = this.spec.values(data);
    this.until = n ? Math.max(data.elapsed_ms[n - 1], 60000) : 60000;
    const [low, high] = this.range(data, values);
    this.low = low;
    this.high = high;
    this.axes(context);
    if (n) {
      if (cut < n - 1) this.curve(context, data, values, cut, n - 1, 0.25);
      this.curve(context, data, values, 0, cut, 1);
      if (cursor >= 0) this.mark(context, data, values, cursor);
      else if (cut < n - 1) this.mark(context, data, values, cut);
    }
    const shown = cursor >= 0 ? cursor : cut;
    this.readout.textContent = n ? this.spec.text(data, shown) : "";
    const range = n ? `, ${low.toFixed(this.spec.digits)} to ${high.toFixed(this.spec.digits)} ${this.spec.unit}` : "";
    this.canvas.setAttribute("aria-label", `${this.spec.title}: ${this.readout.textContent || "nothing yet"}${range}`);
  }

  range(data, values) {
    if (this.spec.fixed) return this.spec.fixed;
    const band = this.spec.band ? this.spec.band(data)[1] : values;
    let low = Infinity, high = -Infinity;
    for (let k = 0; k < values.length; k++) {
      if (values[k] === null) continue;
      low = Math.min(low, values[k]);
      high = Math.max(high, band[k]);
    }
    if (low > high) return [0, 1];
    if (this.spec.zero) return [Math.min(0, low), Math.max(high * 1.06, 0.1)];
    const middle = (low + high) / 2, half = Math.max((high - low) * 0.56, 0.5);
    return [middle - half, middle + half];
  }

  x(ms) { return this.frame.left + (ms / this.until) * (this.frame.right - this.frame.left); }

  y(value) { return this.frame.bottom - ((value - this.low) / (this.high - this.low)) * (this.frame.bottom - this.frame.top); }

  colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  axes(context) {
    const { left, right, bottom } = this.frame;
    context.strokeStyle = this.colour("--line");
    context.fillStyle = this.colour("--dim");
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const step = niceStep((this.high - this.low) / (this.frame.bottom > 150 ? 6 : 3));
    for (let value = Math.ceil(this.low / step) * step; value <= this.high + step / 1e6; value += step) {
      const at = Math.round(this.y(value)) + 0.5;
      line(context, left, at, right, at);
      context.fillText(value.toFixed(step < 1 ? 1 : 0), left - 6, at);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    const minutes = this.until / 60000;
    const across = niceMinutes(minutes / Math.max((right - left) / 80, 2));
    for (let value = 0; value <= minutes; value += across) {
      const at = Math.round(this.x(value * 60000)) + 0.5;
      const text = value === 0 ? "0" : across < 1 ? `${Math.round(value * 60)} s` : `${value} min`;
      if (at + context.measureText(text).width / 2 < right + 6) context.fillText(text, at, bottom + 4);
    }
  }

  curve(context, data, values, from, to, alpha) {
    const colour = this.colour(this.spec.colour);
    context.save();
    if (this.spec.band) {
      const [low, high] = this.spec.band(data);
      context.fillStyle = colour;
      for (const [a, b, unknown] of spans(data, values, from, to, this.spec.answer)) {
        context.globalAlpha = alpha * (unknown ? 0.08 : 0.2);
        context.beginPath();
        for (let k = a; k <= b; k++) context.lineTo(this.x(data.elapsed_ms[k]), this.y(high[k]));
        for (let k = b; k >= a; k--) context.lineTo(this.x(data.elapsed_ms[k]), this.y(low[k]));
        context.fill();
      }
    }
    context.strokeStyle = colour;
    context.lineWidth = 1.75;
    context.lineJoin = "round";
    for (const [a, b, unknown] of spans(data, values, from, to, this.spec.answer)) {
      context.globalAlpha = alpha * (unknown ? 0.4 : 1);
      context.setLineDash(unknown ? [3, 3] : []);
      context.beginPath();
      for (let k = a; k <= b; k++) context.lineTo(this.x(data.elapsed_ms[k]), this.y(values[k]));
      context.stroke();
    }
    context.restore();
  }

  mark(context, data, values, at) {
    const x = Math.round(this.x(data.elapsed_ms[at])) + 0.5;
    context.strokeStyle = this.colour("--dim");
    line(context, x, this.frame.top, x, this.frame.bottom);
    if (values[at] === null) return;
    context.fillStyle = this.colour(this.spec.colour);
    context.beginPath();
    context.arc(x, this.y(values[at]), 3.5, 0, 2 * Math.PI);
    context.fill();
  }
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

// Stretches of points that have a value; those of answers are cut where the device becomes known or unknown.
function* spans(data, values, from, to, ofAnswers) {
  let start = -1;
  for (let k = from; k <= to + 1; k++) {
    const ends = k > to || values[k] === null;
    if (start >= 0 && (ends || (ofAnswers && data.unknown[k] !== data.unknown[k - 1]))) {
      yield [start, ends ? k - 1 : k, ofAnswers && data.unknown[start] === 1];
      start = ends ? -1 : k;
    } else if (start < 0 && !ends) {
      start = k;
    }
  }
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) || power;
}

function niceMinutes(rough) {
  return [0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440].find((step) => step >= rough) || 2880;
}

// Index of the last point not after a time; −1 when there is none.
function indexAt(data, ms) {
  let low = 0, high = data.elapsed_ms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.elapsed_ms[middle] <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
