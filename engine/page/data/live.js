"use strict";
const find = (id) => document.getElementById(id);
const [berth, which, against, slider] = ["berth", "which", "against", "slider"].map(find);
const STATES = { taken: "Occupied", vacant: "Vacant", untold: "Told nothing" };
const SAYS = { taken: "occupied", vacant: "vacant", untold: "cannot tell" };
const VERDICTS = { occupied: "occupied", vacant: "vacant", "cannot tell": "cannot tell", withdrawn: "withdrawn" };
const SVG = "http://www.w3.org/2000/svg";
let looks = [], shown = [], turn = 0;
const pictures = new Map();

// Everything is set as text or as an attribute, never as markup: names come from other people's files.
const made = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
const drawn = (name, attributes, ...children) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
const ask = async (path, words) => {
  const answer = await fetch(`api/${path}?${new URLSearchParams(words)}`);
  const body = await answer.json();
  if (!answer.ok) throw new Error(told(body));
  return body;
};
const told = (body) => (Array.isArray(body.detail) ? body.detail.map((each) => `${each.where}: ${each.expected}`).join("; ") : String(body.detail));
const say = (words, wrong = false) => { find("status").textContent = words; find("status").className = wrong ? "wrong" : ""; };
const counting = (look) => { const last = look.said.at(-1); return last && last.verdict !== "withdrawn" ? last : null; };

const KEEP = {
  all: () => true,
  taken: (look) => look.state === "taken",
  vacant: (look) => look.state === "vacant",
  untold: (look) => look.state === "untold",
  doubt: (look) => look.p_occupied !== null && look.p_occupied > 0.05 && look.p_occupied < 0.95,
  said: (look) => counting(look) !== null,
};

const ticks = () => {
  const x = (place) => (shown.length > 1 ? (1000 * place) / (shown.length - 1) : 500).toFixed(1);
  const of = (keep, from, to) => shown.map((look, place) => (keep(look) ? `M${x(place)} ${from}V${to}` : "")).join("");
  find("ticks").replaceChildren(
    drawn("path", { class: "taken", d: of(KEEP.taken, 1, 15) }),
    drawn("path", { class: "vacant", d: of(KEEP.vacant, 7, 15) }),
    drawn("path", { class: "unseen", d: of(KEEP.untold, 11, 15) }),
    drawn("path", { class: "said", d: of(KEEP.said, 18, 24) }),
  );
};

const picture = (look) => {
  const words = { berth: berth.value, source: look.source, scene: look.scene_id, against: against.value || "usual" };
  const key = JSON.stringify(words);
  if (!pictures.has(key)) {
    if (pictures.size > 400) pictures.clear();
    pictures.set(key, ask("picture", words));
    pictures.get(key).catch(() => pictures.delete(key));
  }
  return pictures.get(key);
};

const draw = (look, { overlay, change, change_words: words }) => {
  const [width, height] = overlay.size, frame = 320, tall = (frame * height) / width;
  const inner = drawn("svg", { width: "100%", height: "100%", viewBox: `0 0 ${width} ${height}` },
    drawn("image", { width, height, href: `data:image/jpeg;base64,${overlay.data}` }));
  if (against.value && change) inner.append(drawn("image", { class: "change", width, height, href: `data:image/png;base64,${change}` }));
  inner.append(drawn("path", { class: "edge", d: overlay.berth + overlay.hull }), drawn("path", { class: "berth-edge", d: overlay.berth }));
  if (overlay.hull) inner.append(drawn("path", { class: "hull-edge", d: overlay.hull }));
  const parts = [inner,
    drawn("path", { class: "ink", d: `M6 ${tall - 9}v4h${2 * overlay.bar}v-4` }), drawn("text", { x: 8, y: tall - 11 }, overlay.bar_words),
    drawn("g", { transform: `translate(${frame - 13} 15)` },
      drawn("path", { class: "ink", transform: `rotate(${overlay.north_deg})`, d: "M0 10V-9M-4 -3L0 -9L4 -3" }), drawn("text", { x: -18, y: 4 }, "N"))];
  if (overlay.light_deg !== null) {
    parts.push(drawn("g", { class: "sun", transform: `translate(${frame - 13} 44) rotate(${overlay.light_deg})` },
      drawn("circle", { cy: 8, r: 3.5 }), drawn("path", { d: "M0 4V-10M-3.5 -5L0 -10L3.5 -5" })));
  }
  const image = find("look");
  image.setAttribute("viewBox", `0 0 ${frame} ${tall.toFixed(1)}`);
  image.setAttribute("aria-label", `Berth ${berth.value}, ${look.time} UTC, ${look.source}: ${look.told}`);
  image.replaceChildren(...parts);
  image.dataset.scene = look.scene_id;
  find("shown").classList.toggle("unchanged-view", !(against.value && change));
  find("words").textContent = against.value ? `${overlay.words}. ${words}` : `${overlay.words}.`;
};

const facts = (look) => {
  const number = (value, unit) => (value === null ? "not measured" : `${value} ${unit}`);
  const size = look.length_m === null ? "not measured" : look.beam_m === null ? `${Math.round(look.length_m)} m long` : `${Math.round(look.length_m)} × ${Math.round(look.beam_m)} m`;
  const freeboard = look.freeboard_m === null ? number(null) : `${look.freeboard_m.toFixed(1)} ± ${look.freeboard_sigma_m.toFixed(1)} m`;
  const p = look.p_occupied, share = p === null ? "not told" : p < 0.001 ? "under 0.1 %" : p > 0.999 ? "over 99.9 %" : `${(100 * p).toPrecision(p > 0.99 ? 3 : 2)} %`;
  const rows = { "Probability occupied": share, "Bright part": size, Freeboard: freeboard, Source: look.source, Scene: look.scene_id };
  if (look.reason) rows.Reason = look.reason;
  find("facts").replaceChildren(...Object.entries(rows).flatMap(([name, text]) => [made("dt", {}, name), made("dd", {}, text)]));
  find("state").textContent = STATES[look.state];
  find("accept").textContent = `Accept: ${SAYS[look.state]}`;
  find("withdraw").disabled = counting(look) === null;
  find("said").replaceChildren(...look.said.map((each) =>
    made("li", {}, `${each.who}: ${VERDICTS[each.verdict]}, ${each.when.replace("T", " ").replace("Z", " UTC")}${each.note ? ` (${each.note})` : ""}`)));
  if (look.said.length && look.waiting) find("said").append(made("li", {}, "The next run will use the last of these."));
};

const show = async () => {
  const mine = ++turn, look = shown[slider.value];
  find("back").disabled = !look || slider.value === "0";
  find("on").disabled = !look || slider.value === slider.max;
  for (const button of document.querySelectorAll("#form button")) button.disabled = !look;
  if (!look) {
    find("place").textContent = "No such look at this berth";
    slider.setAttribute("aria-valuetext", "No look");
    for (const id of ["look", "facts", "said"]) find(id).replaceChildren();
    find("state").textContent = find("words").textContent = "";
    find("look").setAttribute("aria-label", "No picture");
    find("shown").setAttribute("aria-busy", "false");
    return;
  }
  find("place").replaceChildren(made("strong", {}, `${look.time} UTC`), " ", made("span", {}, `${Number(slider.value) + 1} of ${shown.length}`));
  slider.setAttribute("aria-valuetext", `${look.time} UTC, ${STATES[look.state]}, ${Number(slider.value) + 1} of ${shown.length}`);
  history.replaceState(null, "", `#${new URLSearchParams({ berth: berth.value, source: look.source, scene: look.scene_id })}`);
  facts(look);
  find("shown").setAttribute("aria-busy", "true");
  try {
    const found = await picture(look);
    if (mine !== turn) return;
    draw(look, found);
    for (const next of [shown[Number(slider.value) + 1], shown[slider.value - 1]]) if (next) picture(next).catch(() => {});
  } catch (error) {
    if (mine !== turn) return;
    find("look").replaceChildren();
    find("look").setAttribute("aria-label", "No picture");
    delete find("look").dataset.scene;
    find("words").textContent = `No picture: ${error.message}`;
  }
  find("shown").setAttribute("aria-busy", "false");
};

const narrow = (kept) => {
  shown = looks.filter(KEEP[which.value]);
  slider.max = Math.max(shown.length - 1, 0);
  const place = shown.findIndex((look) => kept && look.scene_id === kept.scene && look.source === kept.source);
  slider.value = Math.max(place, 0);
  ticks();
  return show();
};
const now = () => { const look = shown[slider.value]; return look && { source: look.source, scene: look.scene_id }; };
const change = async (kept) => {
  try {
    looks = await ask("looks", { berth: berth.value });
    await narrow(kept);
  } catch (error) {
    say(error.message, true);
  }
};
const step = (by) => {
  const to = Math.min(Math.max(Number(slider.value) + by, 0), Number(slider.max));
  if (to !== Number(slider.value)) { slider.value = to; say(""); show(); }
};

berth.addEventListener("change", () => { say(""); change(now()); });
which.addEventListener("change", () => narrow(now()));
against.addEventListener("change", show);
slider.addEventListener("input", () => { say(""); show(); });
find("back").addEventListener("click", () => step(-1));
find("on").addEventListener("click", () => step(1));
document.addEventListener("keydown", (event) => {
  // Fields and the slider have their own use for these keys.
  if (event.target.closest("input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") { event.preventDefault(); step(event.key === "ArrowLeft" ? -1 : 1); }
});
find("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const look = shown[slider.value], chosen = event.submitter ? event.submitter.value : "accept";
  const verdict = chosen === "accept" ? SAYS[look.state] : chosen;
  const words = { berth_id: berth.value, source: look.source, scene_id: look.scene_id, verdict, who: find("who").value, note: find("note").value };
  try {
    const answer = await fetch("api/corrections", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(words) });
    const body = await answer.json();
    if (!answer.ok) throw new Error(told(body));
    look.said.push(body);
    look.waiting = true;
    find("note").value = "";
    ticks();
    if (shown[slider.value] === look) facts(look);
    say(`Kept: ${VERDICTS[body.verdict]}, ${look.time} UTC.`);
  } catch (error) {
    say(`Not kept: ${error.message}`, true);
  }
});

const begin = async () => {
  const wanted = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  try {
    const places = await ask("berths", {});
    berth.replaceChildren(...places.map((place) => made("option", { value: place.berth_id }, place.kind === "control" ? `${place.berth_id} (control)` : place.berth_id)));
    if (places.some((place) => place.berth_id === wanted.berth)) berth.value = wanted.berth;
    await change(wanted);
  } catch (error) {
    say(error.message, true);
  }
};
begin();
