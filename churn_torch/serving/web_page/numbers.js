// How texts, numbers and dates are spelled, and the places of a slider.

const DAY = 86_400_000; // milliseconds
// As errors.py has them: they hide text, or turn its direction.
const CONTROLS =
  /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]/g;

/** Return a text with its control characters written out. */
export function escaped(text) {
  const code = (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text.replace(CONTROLS, code);
}

/** Return the shortest number that the file cannot tell from this one. */
export function shortest(value, type) {
  if (type !== "float32") return value;
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === Math.fround(value)) return rounded;
  }
  return value;
}

/** How a column's numbers are typed: the type of the input, text to number and back. */
export function spellingOf(column) {
  if (column.kind !== "datetime") {
    return {
      type: "number",
      parse: (text) => (text === "" ? NaN : Number(text)),
      format: (value) => String(shortest(value, column.type)),
    };
  }
  // Days since 1970-01-01 UTC; with a time of day where training had any.
  const days = [column.minimum, column.maximum].every((end) => end === null || Number.isInteger(end));
  return {
    type: days ? "date" : "datetime-local",
    parse: (text) => Date.parse(days ? text : `${text}Z`) / DAY,
    format(value) {
      const date = new Date(Math.floor(value * 1440) * 60_000);
      return Number.isNaN(date.valueOf()) ? "" : date.toISOString().slice(0, days ? 10 : 16);
    },
  };
}

/**
 * Lay out a slider: both ends of the range, and the round numbers between them.
 *
 * @returns null where there is no range; else n, the last place, and place to value and back.
 */
export function placesOf({ kind, minimum, maximum, typical }) {
  const range = maximum - minimum;
  if (minimum === null || maximum === null || !(range > 0 && range < Infinity)) return null;
  const power = 10 ** Math.floor(Math.log10(range / 200));
  let step = power * [1, 2, 5, 10].find((factor) => factor * power * 200 >= range * 0.999);
  if (kind === "datetime" || [minimum, maximum, typical].every(Number.isInteger)) {
    step = Math.max(1, Math.round(step));
  }
  const first = Math.floor(minimum / step + 1e-9);
  const n = Math.ceil(maximum / step - 1e-9) - first;
  return {
    n,
    value(place) {
      if (place <= 0) return minimum;
      return place >= n ? maximum : Number(((first + place) * step).toPrecision(12));
    },
    place: (value) => Math.min(n, Math.max(0, Math.round(value / step) - first)),
  };
}

/** Return a number with its sign, as −0.25 or +1.30. */
export function signed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return (Number(text) === 0 ? "" : value < 0 ? "−" : "+") + text;
}

/** Return a share as a percentage. */
export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
