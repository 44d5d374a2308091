const read = (id) => document.getElementById(id).textContent;
const dark = Object.entries(JSON.parse(read("dark-colours")));
const sources = JSON.parse(read("figure-data"));
const holders = all("[data-figure]");
const darkScreen = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 640px)");
const studies = new Map(all("[data-id]").map((section) => [section.dataset.id, {
  hidden: new Set(), measure: "0", scale: "log", unit: "steps", seeds: false,
}]));
const stateOf = (element) => studies.get(element.closest("[data-id]").dataset.id);

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function recolour(text) {
  for (const [light, other] of dark) text = text.replaceAll(light, other);
  return text;
}

/* A curve's figure has its name and the number of the measurement. */
function source(holder) {
  const name = holder.dataset.figure;
  return sources[name] ?? sources[`${name}-${stateOf(holder).measure}`];
}

function small(figure, width) {
  const { xaxis, yaxis, margin } = figure.layout;
  const decades = xaxis.range ? xaxis.range[1] - xaxis.range[0] : 0;
  if (decades >= 1) xaxis.dtick = Math.ceil(decades / Math.max(1, Math.floor((width - margin.l - margin.r) / 44)));
  for (const axis of [xaxis, yaxis]) { axis.title.font.size = 12; axis.tickfont.size = 11; }
  yaxis.title.text = "";
}

/* Learning curves: the units and the scale that are asked for, single runs where wanted. */
function adjust(figure, state) {
  const { meta, xaxis, yaxis } = figure.layout;
  const kind = meta.range.log ? state.scale : "linear";
  Object.assign(yaxis, { type: kind, range: meta.range[kind], dtick: meta.dtick[kind] });
  const unit = meta.units[state.unit] ?? meta.units.steps;
  xaxis.title.text = unit.label;
  for (const trace of figure.data) {
    trace.x = trace.x.map((step) => step === null ? null : step * unit.scale[trace.legendgroup]);
    if (trace.meta === "seeds") {
      trace.visible = true;
      trace.opacity = state.seeds ? 1 : 0;
      if (!state.seeds) { delete trace.hovertemplate; trace.hoverinfo = "skip"; }
    }
  }
}

/* On paper a figure cannot measure its place: these widths in pixels fit an A4 page on its side. */
const paper = (holder) => holder.closest(".panels") ? 235 : holder.closest(".lead") || !holder.closest(".pair") ? 980 : 480;

function prepared(holder, inDark, width, height) {
  const text = JSON.stringify(source(holder));
  const figure = JSON.parse(inDark ? recolour(text) : text);
  const state = stateOf(holder), panel = holder.closest(".panels") !== null;
  figure.layout.showlegend = false;
  figure.layout.dragmode = narrow.matches ? false : "zoom";
  figure.layout.hoverlabel = inDark
    ? { bgcolor: "#262b33", bordercolor: "#3a414b", font: { color: "#e6e9ed" } }
    : { bgcolor: "#ffffff", bordercolor: "#c9ced5", font: { color: "#1c2128" } };
  if (panel && narrow.matches) {
    figure.layout.margin = { l: 34, r: 6, t: 10, b: 36 };
    for (const trace of figure.data) if (trace.marker) trace.marker.size *= 0.75;
  } else if (panel || narrow.matches) figure.layout.margin = { l: 48, r: 10, t: 12, b: 40 };
  Object.assign(figure.layout, { width, height, autosize: false });
  if (panel) small(figure, width);
  else {
    if (figure.layout.meta?.units) adjust(figure, state);
    for (const trace of figure.data) if (state.hidden.has(trace.legendgroup)) trace.visible = false;
  }
  return figure;
}

const config = { responsive: false, displaylogo: false, displayModeBar: false, scrollZoom: false };

let printing = false;

function draw(holder) {
  const width = printing ? paper(holder) : holder.clientWidth;
  const { data, layout } = prepared(holder, darkScreen.matches && !printing, width, holder.clientHeight);
  Plotly.react(holder, data, layout, config);
}

/* A figure follows the width of its place, on the screen. */
const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const drawn = target._fullLayout, fits = drawn?.width === target.clientWidth && drawn?.height === target.clientHeight;
    if (drawn && !fits && !printing && target.clientWidth > 0) requestAnimationFrame(() => draw(target));
  }
});

function redraw(id) {
  for (const holder of holders) if (holder.closest("[data-id]").dataset.id === id && !holder.closest(".panels")) draw(holder);
}

/* The single runs of the curve that is pointed at. */
function hover(holder) {
  const seeds = (event) => event.points[0].fullData.meta !== "seeds" && !stateOf(holder).seeds
    ? holder.data.findIndex((trace) => trace.meta === "seeds" && trace.legendgroup === event.points[0].fullData.legendgroup)
    : -1;
  const fade = (opacity) => (event) => {
    const index = seeds(event);
    if (index >= 0) Plotly.restyle(holder, { opacity }, [index]);
  };
  holder.on("plotly_hover", fade(1));
  holder.on("plotly_unhover", fade(0));
}

function choose(kind) {
  for (const section of all("[data-id]")) {
    const buttons = all(`button[data-${kind}]`, section);
    for (const button of buttons) {
      button.addEventListener("click", () => {
        press(button, buttons);
        stateOf(button)[kind] = button.dataset[kind];
        offer(section);
        redraw(section.dataset.id);
      });
    }
  }
}

/* Only the scales and units that the measurement shown has. */
function offer(section) {
  const holder = section.querySelector('[data-figure$="-curves"]');
  if (!holder) return;
  const { units, range } = source(holder).layout.meta;
  for (const button of all("button[data-unit]", section)) button.hidden = !(button.dataset.unit in units);
  for (const button of all("button[data-scale]", section)) button.closest(".switch").hidden = !range.log;
  for (const group of all(".switch", section)) {
    const choices = all("button[data-unit]", group);
    if (choices.length) group.hidden = choices.filter((button) => !button.hidden).length < 2;
  }
}

function legends() {
  const show = (button, shown) => {
    const id = button.closest("[data-id]").dataset.id, state = studies.get(id), name = button.dataset.method;
    if (shown) state.hidden.delete(name); else state.hidden.add(name);
    for (const other of all("[data-method]", button.closest("[data-id]"))) {
      if (other.dataset.method === name) other.setAttribute("aria-pressed", String(shown));
    }
    return id;
  };
  for (const button of all("[data-method]")) {
    button.addEventListener("click", () => redraw(show(button, button.getAttribute("aria-pressed") === "false")));
  }
  for (const button of all("[data-every]")) {
    button.addEventListener("click", () => {
      const shown = button.dataset.every === "true", section = button.closest("[data-id]");
      for (const other of all("[data-method]", section)) show(other, shown);
      redraw(section.dataset.id);
    });
  }
}

function listen() {
  const everything = () => { for (const holder of holders) draw(holder); };
  darkScreen.addEventListener("change", everything);
  addEventListener("beforeprint", () => { printing = true; everything(); });
  addEventListener("afterprint", () => { printing = false; everything(); });
  for (const holder of holders) resized.observe(holder);
  for (const kind of ["measure", "scale", "unit"]) choose(kind);
  for (const button of all("[data-seeds]")) {
    button.addEventListener("click", () => {
      const state = stateOf(button);
      state.seeds = !state.seeds;
      button.setAttribute("aria-pressed", String(state.seeds));
      redraw(button.closest("[data-id]").dataset.id);
    });
  }
  legends();
  for (const section of all("[data-id]")) offer(section);
}

/* The first screen's figures first, then one after another, so that the page answers in between. */
async function drawAll() {
  for (const holder of holders) {
    draw(holder);
    if (holder.dataset.figure.endsWith("-curves")) hover(holder);
    await new Promise((done) => { setTimeout(done); });
  }
}

inflate(read("library")).then(async (code) => {
  const script = document.createElement("script");
  script.textContent = code;
  document.head.append(script);
  listen();
  await drawAll();
  document.documentElement.dataset.drawn = String(holders.length);
}).catch((error) => { document.getElementById("trouble").textContent = ` The figures could not be drawn: ${error.message}.`; });
