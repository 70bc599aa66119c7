"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const columns = data.columns, compare = columns.length > 1;
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;
  const number = (value, digits) => (value === null || value === undefined ? "" : value.toFixed(digits));

  // ------------------------------------------------------------------------------------- what a cell is

  const STATUSES = ["ok", "flagged", "skipped", "failed"];
  const statusOf = (cell) => (cell.flagged ? "flagged" : cell.status);
  const pixels = (cell) => (cell.w * cell.h) / 1e6;
  const QUANTITIES = {
    seam: { title: "Seam", of: (c) => c.seam, step: 0.05 },
    sharp: { title: "Sharpness", of: (c) => c.sharp, step: 0.05 },
    size: { title: "Megapixels", of: (c) => pixels(c) || null, step: 0.1 },
    time: { title: "Seconds", of: (c) => (c.status === "failed" ? null : c.seconds), step: 0.1 },
  };
  const off = (value) => (value > 0 ? Math.abs(Math.log(value)) : value === 0 ? Infinity : null);
  const SORTS = {
    order: { title: compare ? "as found" : "order of completion", of: (row) => row.index },
    name: { title: "name", of: (row) => row.name.toLowerCase() },
    status: { title: "status", of: (row, cell) => STATUSES.indexOf(statusOf(cell)) },
    "seam-off": { title: "seam, worst first", of: (row, cell) => (off(cell.seam) === null ? null : -off(cell.seam)) },
    seam: { title: "seam", of: (row, cell) => cell.seam },
    "sharp-off": { title: "sharpness, worst first", of: (row, cell) => (off(cell.sharp) === null ? null : -off(cell.sharp)) },
    sharp: { title: "sharpness", of: (row, cell) => cell.sharp },
    size: { title: "size", of: (row, cell) => pixels(cell) || null },
    time: { title: "time", of: (row, cell) => cell.seconds },
  };

  // -------------------------------------------------------------------------------- a pair with a slider

  // Both pictures of a pair fill one box; "at" says which part of it the photo covers.
  function place(image, at) {
    if (!at) return;
    image.style.left = `${at[0] * 100}%`;
    image.style.top = `${at[1] * 100}%`;
    image.style.width = `${at[2] * 100}%`;
    image.style.height = `${at[3] * 100}%`;
  }
  const source = (text) => (text ? `data:image/webp;base64,${text}` : "");

  function pairOf(cell, against) {
    const pair = make("div", "pair rest");
    const photo = make("img", "before"), over = make("div", "over"), result = make("img", "after");
    photo.alt = against ? against.label : "photo";
    result.alt = "result";
    const left = against ? against.cell.after : cell.before;
    if (!against) place(photo, cell.at);
    for (const image of [photo, result]) image.draggable = false;
    if (left) pair.append(photo);
    pair.append(over, result, make("div", "edge"));
    pair.fill = () => {
      if (left) photo.src = source(left);
      result.src = source(cell.after);
    };
    pair.clear = () => {
      photo.removeAttribute("src");
      result.removeAttribute("src");
    };
    pair.photo = photo;
    pair.result = result;
    return pair;
  }

  function sliderFor(pair, label) {
    const slider = make("input", "wipe");
    slider.type = "range";
    slider.min = 0;
    slider.max = 100;
    slider.value = 0;
    slider.setAttribute("aria-label", label);
    slider.addEventListener("input", () => wipe(pair, slider));
    return slider;
  }
  function wipe(pair, slider) {
    pair.style.setProperty("--wipe", `${slider.value}%`);
    pair.classList.toggle("rest", slider.value === "0");
  }

  // --------------------------------------------------------------------------------------------- cards

  const rows = data.rows.map((row, index) => ({ ...row, index }));
  const cards = $("cards");
  cards.classList.toggle("compare", compare);

  function describe(cell) {
    const what = make("p", "what");
    const status = statusOf(cell);
    if (status !== "ok") what.append(make("span", `badge ${status}`, status));
    if (cell.w) what.append(make("span", "", `${cell.w}×${cell.h}`));
    if (cell.status !== "failed") what.append(make("span", "", `${number(cell.seconds, cell.seconds < 10 ? 2 : 1)} s`));
    for (const name of ["seam", "sharp"]) {
      if (cell[name] === null || cell[name] === undefined) continue;
      const part = make("span", off(cell[name]) > Math.log(2) ? "off" : "", `${name} `);
      part.append(make("b", "", number(cell[name], 2)));
      what.append(part);
    }
    return what;
  }

  function messages(cell) {
    const found = [];
    if (cell.error) found.push(make("p", "message error", cell.error));
    if (cell.flagged) found.push(make("p", "message note", `flagged: ${cell.flagged}`));
    if (cell.reason) found.push(make("p", "message note", cell.reason));
    for (const note of cell.notes) found.push(make("p", "message note", note));
    return found;
  }

  function figureOf(row, cell, column) {
    const figure = make("figure");
    const label = compare ? `${row.name}, ${columns[column]}` : row.name;
    if (!cell) {
      const view = make("div", "view");
      view.append(make("div", "absent", "not done"));
      figure.append(view);
    } else if (cell.after) {
      const view = make("button", "view");
      view.type = "button";
      view.setAttribute("aria-label", `${label}, full size`);
      view.addEventListener("click", () => show(row, column));
      const pair = pairOf(cell);
      if (compare) view.style.aspectRatio = cell.w / cell.h;
      else fit(pair, cell, 4 / 3);
      view.append(pair);
      const slider = sliderFor(pair, `${label}: from the result to the photo`);
      slider.disabled = !cell.before;
      figure.append(view, slider);
      row.pairs.push([pair, slider]);
    } else {
      const view = make("div", "view");
      view.append(make("div", "absent", cell.error ? "failed" : "no picture"));
      figure.append(view);
    }
    if (compare) {
      const caption = make("figcaption");
      caption.append(make("strong", "", columns[column]));
      if (cell) caption.append(describe(cell), ...messages(cell));
      figure.append(caption);
    }
    return figure;
  }

  // The box of a picture within a box of another shape, in per cent.
  function fit(pair, cell, shape) {
    const own = cell.w / cell.h;
    pair.style.width = `${Math.min(1, own / shape) * 100}%`;
    pair.style.height = `${Math.min(1, shape / own) * 100}%`;
  }

  function cardOf(row) {
    const card = make("article", "card");
    card.tabIndex = 0;
    row.pairs = [];
    row.card = card;
    card.row = row;
    const shots = make("div", "shots");
    shots.style.setProperty("--columns", columns.length);
    row.cells.forEach((cell, column) => shots.append(figureOf(row, cell, column)));
    const name = make("h2", "", row.name);
    card.append(...(compare ? [name, shots] : [shots, name]));
    if (!compare) card.append(describe(row.cells[0]), ...messages(row.cells[0]));
    return card;
  }

  // Thumbnails are decoded when their card comes near, and let go when it is far away.
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        for (const [pair] of entry.target.row.pairs) entry.isIntersecting ? pair.fill() : pair.clear();
      }
    },
    { rootMargin: "800px" },
  );

  // ------------------------------------------------------------------------------- sorting and filtering

  const state = { statuses: new Set(STATUSES), ranges: {}, turned: false };
  let visible = rows;

  function columnOf() {
    return compare ? Number($("column").value) : 0;
  }

  function matches(row) {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.every((word) => row.name.toLowerCase().includes(word))) return false;
    const cells = row.cells.filter(Boolean);
    if (!cells.some((cell) => state.statuses.has(statusOf(cell)))) return false;
    const cell = row.cells[columnOf()];
    for (const [name, [low, high]] of Object.entries(state.ranges)) {
      const value = cell ? QUANTITIES[name].of(cell) : null;
      if (low === null && high === null) continue;
      if (value === null || value === undefined) return false;
      if ((low !== null && value < low) || (high !== null && value > high)) return false;
    }
    return true;
  }

  function compareRows(a, b) {
    const { of } = SORTS[$("sort").value];
    const column = columnOf();
    const [x, y] = [a, b].map((row) => (row.cells[column] ? of(row, row.cells[column]) : null));
    const missing = (v) => v === null || v === undefined;
    if (missing(x) || missing(y)) return missing(x) - missing(y) || a.index - b.index;
    const order = x < y ? -1 : x > y ? 1 : 0;
    return (state.turned ? -order : order) || a.index - b.index;
  }

  function update() {
    if (!rows.every((row) => row.card)) return; // still being built
    visible = rows.filter(matches).sort(compareRows);
    const shown = new Set(visible);
    for (const row of rows) row.card.hidden = !shown.has(row);
    cards.append(...visible.map((row) => row.card));
    $("count").textContent = visible.length === rows.length ? "" : `${visible.length} of ${rows.length} shown`;
    $("none").hidden = visible.length > 0 || rows.length === 0;
  }

  function counts() {
    const found = Object.fromEntries(STATUSES.map((status) => [status, 0]));
    for (const row of rows) for (const cell of row.cells) if (cell) found[statusOf(cell)] += 1;
    return found;
  }

  function controls() {
    for (const [name, { title }] of Object.entries(SORTS)) $("sort").append(new Option(title, name));
    columns.forEach((label, column) => $("column").append(new Option(label, column)));
    $("column-field").hidden = !compare;
    const found = counts();
    for (const status of STATUSES.filter((name) => found[name])) {
      const label = make("label"), box = make("input");
      box.type = "checkbox";
      box.checked = true;
      box.value = status;
      box.addEventListener("change", () => {
        state.statuses[box.checked ? "add" : "delete"](status);
        update();
      });
      label.append(box, `${status} ${found[status]}`);
      $("statuses").append(label);
    }
    for (const [name, { title, step }] of Object.entries(QUANTITIES)) {
      const field = make("span", "field", title);
      state.ranges[name] = [null, null];
      ["from", "to"].forEach((end, which) => {
        const input = make("input");
        input.type = "number";
        input.step = step;
        input.min = 0;
        input.placeholder = end;
        input.dataset.range = `${name}-${end}`;
        input.setAttribute("aria-label", `${title} ${end}`);
        input.addEventListener("input", () => {
          state.ranges[name][which] = input.value === "" ? null : Number(input.value);
          update();
        });
        field.append(input);
      });
      $("range-fields").append(field);
    }
    for (const [id, event] of [["search", "input"], ["sort", "change"], ["column", "change"]]) $(id).addEventListener(event, update);
    $("turn").addEventListener("click", () => {
      state.turned = !state.turned;
      $("turn").textContent = state.turned ? "↓" : "↑";
      update();
    });
    $("wipe-all").addEventListener("input", () => {
      for (const row of rows) {
        for (const [pair, slider] of row.pairs) {
          slider.value = $("wipe-all").value;
          wipe(pair, slider);
        }
      }
    });
    $("bar").addEventListener("submit", (event) => event.preventDefault());
    $("reset").addEventListener("click", () => {
      $("bar").reset();
      state.statuses = new Set(STATUSES);
      for (const name of Object.keys(state.ranges)) state.ranges[name] = [null, null];
      update();
    });
  }

  // ------------------------------------------------------------------------------------------ the heading

  function heading() {
    const { ok, skipped, failed, flagged, seconds } = data.summary;
    const told = $("told");
    const parts = [[`${ok} done`, ""]];
    if (skipped) parts.push([`${skipped} skipped`, ""]);
    if (failed) parts.push([`${failed} failed`, "failed"]);
    if (flagged) parts.push([`${flagged} flagged`, ""]);
    parts.forEach(([text, className], index) => {
      told.append(index ? ", " : "", make("b", className, text));
    });
    told.append(` in ${seconds < 100 ? seconds : Math.round(seconds)} s`);
    if (ok > 1 && seconds > 0) told.append(ok >= seconds ? `, ${(ok / seconds).toPrecision(2)} pictures a second` : `, ${(seconds / ok).toPrecision(2)} s a picture`);
    told.append(` · ${data.made}`);
    if (data.stopped) told.append(" · ", make("b", "failed", "stopped before its end: what was done until then"));
  }

  function failures() {
    const groups = new Map();
    for (const row of rows) {
      row.cells.forEach((cell, column) => {
        if (!cell || !cell.error) return;
        const key = compare ? `${columns[column]}: ${cell.error}` : cell.error;
        if (!groups.has(key)) groups.set(key, []);
        groups.get(key).push(row);
      });
    }
    if (!groups.size) return;
    const box = $("failures");
    box.hidden = false;
    const total = [...groups.values()].reduce((sum, group) => sum + group.length, 0);
    box.open = total <= 10;
    box.querySelector("summary").textContent = plural(total, "failure", "failures");
    for (const [message, group] of groups) {
      const item = make("li");
      item.append(make("span", "failed-text", message), make("br"));
      for (const row of group) {
        const button = make("button", "", row.name);
        button.type = "button";
        button.addEventListener("click", () => {
          row.card.scrollIntoView({ block: "center" });
          row.card.focus();
        });
        item.append(button);
      }
      box.querySelector("ul").append(item);
    }
  }

  // ------------------------------------------------------------------------------------------ full size

  const viewer = $("viewer"), stage = $("stage");
  let open = null; // { row, column, pair, actual }

  function sequence() {
    return visible.flatMap((row) => row.cells.map((cell, column) => [row, column, cell])).filter(([, , cell]) => cell && cell.after);
  }

  function show(row, column, keep) {
    const cell = row.cells[column];
    const choice = keep && open ? $("against").value : "photo";
    open = { row, column, actual: false };
    $("against-field").hidden = !compare;
    $("against").replaceChildren(new Option("photo", "photo"));
    row.cells.forEach((other, index) => {
      if (other && other.after && index !== column) $("against").append(new Option(columns[index], index));
    });
    $("against").value = [...$("against").options].some((option) => option.value === choice) ? choice : "photo";
    $("caption").replaceChildren(make("strong", "", compare ? `${row.name} · ${columns[column]}` : row.name), describe(cell));
    $("open").hidden = !cell.output;
    if (cell.output) $("open").href = cell.output;
    paint();
    if (!viewer.open) viewer.showModal();
    layout();
    stage.querySelector("input").focus();
  }

  function paint() {
    const { row, column } = open, cell = row.cells[column];
    const chosen = $("against").value;
    const against = chosen === "photo" ? null : { cell: row.cells[Number(chosen)], label: columns[Number(chosen)] };
    const pair = pairOf(cell, against);
    pair.fill();
    const slider = sliderFor(pair, "From the result to what it is compared with");
    slider.step = 0.5;
    slider.value = 50;
    pair.append(slider);
    wipe(pair, slider);
    stage.replaceChildren(pair);
    open.pair = pair;
    $("trouble").textContent = "";
    load(pair.result, cell.output, cell.file);
    if (against) load(pair.photo, against.cell.output, against.cell.file);
    else if (cell.before) load(pair.photo, cell.input, "the photo");
  }

  // The small copy stays until the file itself is there; some formats no browser can show.
  function load(image, address, name) {
    if (!address) return;
    const large = new Image();
    large.addEventListener("load", () => { image.src = large.src; });
    large.addEventListener("error", () => {
      $("trouble").textContent = `${name} can't be shown here (moved, or a format this browser does not know): this is the thumbnail.`;
    });
    large.src = address;
  }

  function layout() {
    if (!open || !viewer.open) return;
    const cell = open.row.cells[open.column];
    const room = [stage.clientWidth - 4, stage.clientHeight - 4];
    const whole = Math.min(room[0] / cell.w, room[1] / cell.h);
    const scale = open.actual ? 1 / window.devicePixelRatio : whole;
    open.pair.style.width = `${cell.w * scale}px`;
    open.pair.style.height = `${cell.h * scale}px`;
  }

  function step(by) {
    const all = sequence();
    const here = all.findIndex(([row, column]) => row === open.row && column === open.column);
    const next = all[here + by];
    if (next) show(next[0], next[1], true);
  }

  function zoom() {
    open.actual = !open.actual;
    layout();
  }

  $("against").addEventListener("change", () => { paint(); layout(); });
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("zoom").addEventListener("click", zoom);
  $("close").addEventListener("click", () => viewer.close());
  viewer.addEventListener("close", () => {
    stage.replaceChildren();
    if (open) open.row.card.focus();
    open = null;
  });
  window.addEventListener("resize", layout);

  // --------------------------------------------------------------------------------------------- keys

  function move(by) {
    const card = document.activeElement && document.activeElement.closest(".card");
    const here = card ? visible.indexOf(card.row) : -1;
    const next = visible[Math.max(0, Math.min(visible.length - 1, here + by))];
    if (!next) return;
    next.card.focus({ preventScroll: true });
    next.card.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target, typing = target.matches("input[type=search], input[type=number], select");
    if (viewer.open) {
      if (target.matches("select")) return;
      if (event.key === "j" || event.key === "n") step(1);
      else if (event.key === "k" || event.key === "p") step(-1);
      else if (event.key === "z") zoom();
      return;
    }
    if (typing) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      $("search").focus();
    } else if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
    else if (target.classList.contains("card")) {
      const column = target.row.cells.findIndex((cell) => cell && cell.after);
      if (column < 0) return;
      const [pair, slider] = target.row.pairs[0];
      if (event.key === "Enter") show(target.row, column);
      else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        event.preventDefault();
        slider.value = Number(slider.value) + (event.key === "ArrowRight" ? 10 : -10);
        wipe(pair, slider);
      }
    }
  });

  // --------------------------------------------------------------------------------------------- start

  heading();
  controls();
  const piece = 200; // cards a frame, so that the page answers while a long list is built
  (function build(from) {
    const part = rows.slice(from, from + piece).map(cardOf);
    cards.append(...part);
    part.forEach((card) => near.observe(card));
    if (from + piece < rows.length) requestAnimationFrame(() => build(from + piece));
    else {
      failures();
      update();
      document.documentElement.dataset.ready = "1";
    }
  })(0);
})();
