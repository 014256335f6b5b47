// One field of the form a column: it holds what the file takes, and shows what the file thinks of it.

import { escaped, placesOf, shortest, spellingOf } from "./numbers.js";

/** Make an element: its attributes are properties of the DOM, its children elements or texts. */
export function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

/** Return a name in parts, between which a line may break: after underscores and the like. */
export function breakable(name) {
  return name.split(/(?<=[_./-])/).flatMap((part) => [part, element("wbr")]);
}

/**
 * Make the field of a column.
 *
 * @param column An entry of the metadata's columns.
 * @param id Begins the ids of its elements.
 * @param changed Called after the user changed it.
 * @returns element; value(), as the file takes it; text(), as people read it; reset(); and
 *   warn(text), which shows what is wrong with the value.
 */
export function makeField(column, id, changed) {
  const words = wordsOf(column);
  const field = words ? choiceField(words, id, changed) : numberField(column, id, changed);
  const note = element("p", { id: `${id}-note`, className: "note" });
  for (const control of field.controls) control.setAttribute("aria-describedby", note.id);
  const label = element("label", { htmlFor: id }, ...breakable(column.label));
  const shell = element("div", { className: "field" }, label, ...field.parts, note);
  shell.classList.toggle("choice", Boolean(words));
  label.dir = "auto";
  return {
    ...field,
    element: shell,
    warn(text) {
      shell.classList.toggle("doubtful", text !== "");
      const hint = Number.isNaN(field.value()) ? "" : field.hint;
      note.textContent = [text, hint].filter(Boolean).join(": ");
    },
  };
}

/** Return the choices of a column as [text, value], missing among them; null if it is a number. */
function wordsOf(column) {
  if (column.type === "string") {
    const words = column.vocabulary ?? [];
    let other = "another value";
    while (words.includes(other)) other += "…";
    return {
      choices: [...words.map((word) => [escaped(word), word]), [MISSING, ""], ["another value", other]],
      start: words.includes(column.typical) ? words.indexOf(column.typical) : words.length,
    };
  }
  if (column.kind !== "boolean") return null;
  const choices = [["yes", 1], ["no", 0], [MISSING, NaN]];
  return { choices, start: column.typical >= 0.5 ? 0 : 1 };
}

const MISSING = "(missing)";

function choiceField({ choices, start }, id, changed) {
  const options = choices.map(([text], i) => element("option", { value: i }, text));
  const select = element("select", { id, onchange: changed }, ...options);
  return {
    parts: [select],
    controls: [select],
    hint: "",
    value: () => choices[select.selectedIndex][1],
    text: () => choices[select.selectedIndex][0],
    reset: () => (select.selectedIndex = start),
  };
}

function numberField(column, id, changed) {
  const { type, parse, format } = spellingOf(column);
  const start = type === "number" ? shortest(column.typical, column.type) : parse(format(column.typical));
  const places = placesOf(column);
  const read = (number) => format(number).replace("T", " "); // a date as people read it
  let value;

  const input = element("input", { id, type, step: "any", inputMode: type === "number" ? "decimal" : "" });
  const missing = element("input", { type: "checkbox", id: `${id}-missing` });
  missing.setAttribute("aria-label", `${column.label}: missing`);
  const slider = element("input", { type: "range", id: `${id}-slider`, min: 0, max: places?.n ?? 0 });
  slider.setAttribute("aria-label", `${column.label}: slider`);

  // What was typed stays as it was typed; the other controls follow.
  function set(next, typed = false) {
    value = next;
    const nothing = Number.isNaN(value);
    missing.checked = nothing;
    if (!typed) input.value = nothing ? "" : format(value);
    slider.classList.toggle("idle", nothing);
    if (places && !nothing) slider.value = places.place(value);
    slider.setAttribute("aria-valuetext", nothing ? "missing" : read(value));
  }
  let before; // what comes back when the tick is taken away
  input.oninput = () => changed(set(parse(input.value), true));
  slider.oninput = () => changed(set(places.value(slider.valueAsNumber)));
  missing.onchange = () => {
    if (missing.checked) before = value;
    changed(set(missing.checked ? NaN : (before ?? start)));
  };

  const ends = [column.minimum, column.maximum].filter((end) => end !== null).map(read);
  return {
    parts: [
      element("div", { className: "typed" }, input, element("label", {}, missing, " missing")),
      ...(places ? [slider] : []),
    ],
    controls: [input, slider],
    hint: ends.length ? `${ends.join(" to ")}${type === "datetime-local" ? " UTC" : ""}` : "",
    value: () => value,
    text: () => (Number.isNaN(value) ? MISSING : read(value)),
    reset: () => set(start),
  };
}
