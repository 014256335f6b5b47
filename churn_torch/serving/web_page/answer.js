// The answer on the page: gauge, decision, reasons as bars, and what is doubtful.

import { breakable, element } from "./fields.js";
import { percent, signed } from "./numbers.js";

const SHOWN = 12; // reasons before the button is pressed
const NAMED = 2; // doubtful columns
const MATTERS = 0.05; // a reason that counts as one of several of correlated columns
const $ = (id) => document.getElementById(id);

/** Show what stays the same: the threshold on the gauge, and where the model comes from. */
export function showModel({ threshold, training, baseRate }) {
  $("mark").setAttribute("transform", `rotate(${180 * threshold} 60 62)`);
  if (training) {
    $("origin").textContent =
      `Trained ${training.date} on ${training.n_train.toLocaleString("en")} customers, ` +
      `${percent(baseRate)} of whom churned.`;
  }
}

/** Show a probability against the threshold and against the customer that the page began with. */
export function showProbability(probability, decision, threshold, start) {
  const acts = decision ?? Number(probability >= threshold);
  $("answer").classList.toggle("acts", acts === 1);
  $("level").setAttribute("stroke-dasharray", `${100 * probability} 200`);
  $("probability").value = probability;
  $("probability").textContent = percent(probability);
  $("gauge").setAttribute("aria-valuenow", probability);
  $("gauge").setAttribute("aria-valuetext", percent(probability));
  $("decision").textContent = acts === 1 ? "Likely to churn: act" : "Likely to stay";
  $("compared").textContent =
    `Threshold ${percent(threshold)}, typical customer ${percent(start)}.`;
  speak(`${percent(probability)}. ${$("decision").textContent}.`);
}

let speaking;

/** Tell a screen reader, once the hand rests. */
function speak(text) {
  clearTimeout(speaking);
  speaking = setTimeout(() => ($("spoken").textContent = text), 500);
}

/** Say which columns hold doubtful values. */
export function showDoubts(names) {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  const named = `${names.slice(0, NAMED).join(", ")}${more}`;
  $("doubts").textContent = names.length ? `⚠ Less sure because of ${named}.` : "";
}

let all = false;

/**
 * Show the reasons, the largest first.
 *
 * @param reasons name, label, text of the value, and number of each column.
 * @param base The log-odds that they are added to.
 * @param correlated Groups of columns whose reasons cannot be told apart.
 */
export function showReasons(reasons, base, correlated) {
  const sorted = [...reasons].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const largest = Math.abs(sorted[0]?.value) || 1;
  const bars = sorted.slice(0, all ? undefined : SHOWN).map(({ label: name, text, value }) => {
    const bar = element("span", { className: "bar" });
    bar.style.setProperty("--length", Math.abs(value) / largest);
    const column = element("b", {}, ...breakable(name));
    const label = element("span", { className: "what", dir: "auto" }, column, ` ${text}`);
    const number = element("data", { value }, signed(value));
    return element("li", { className: value < 0 ? "down" : "up" }, label, bar, number);
  });
  $("bars").replaceChildren(...bars);
  $("more").hidden = sorted.length <= SHOWN;
  $("more").textContent = all ? `Show the ${SHOWN} largest` : `Show all ${sorted.length}`;
  $("more").setAttribute("aria-expanded", all);
  $("more").onclick = () => {
    all = !all;
    showReasons(reasons, base, correlated);
  };
  const sum = sorted.reduce((total, { value }) => total + value, 0);
  $("sum").textContent =
    `Average ${signed(base)}, reasons ${signed(sum)}: ${signed(base + sum)} before calibration.`;
  $("together").textContent = correlated.map((group) => together(group, reasons)).join(" ").trim();
}

/** Say what correlated columns add as one, where two or more of them matter. */
function together({ columns }, reasons) {
  const parts = reasons.filter(({ name }) => columns.includes(name));
  if (parts.filter(({ value }) => Math.abs(value) >= MATTERS).length < 2) return "";
  const sum = parts.reduce((total, { value }) => total + value, 0);
  const names = parts.map(({ label }) => label);
  const named = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  return `${named} move together: read their reasons as one, ${signed(sum)}.`;
}
