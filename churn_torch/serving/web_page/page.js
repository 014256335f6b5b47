// The page put together: the model is opened, the form made from its columns, and every change answered.

import { showDoubts, showModel, showProbability, showReasons } from "./answer.js";
import { makeField } from "./fields.js";
import { DECISION, PROBABILITY, QUALITY, REASONS, openModel } from "./model.js";

const $ = (id) => document.getElementById(id);

async function bytesOf(path) {
  const response = await fetch(path, { cache: "no-cache" });
  if (!response.ok) throw new Error(`the server has no ${path} (${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
}

async function start() {
  const [ort, bytes, wasm] = await Promise.all([
    import("./ort.js"),
    bytesOf("model.onnx"),
    bytesOf("ort.wasm"),
  ]);
  const model = await openModel(bytes, wasm, ort);
  const fields = model.columns.map((column, i) => makeField(column, `field-${i}`, changed));
  let first; // the probability of the typical customer

  async function answer() {
    const values = model.columns.map(({ name }, i) => [name, [fields[i].value()]]);
    const answered = await model.run(Object.fromEntries(values));
    const probability = answered[PROBABILITY][0];
    first ??= probability;
    showProbability(probability, answered[DECISION]?.[0], model.threshold, first);
    const flags = model.columns.map((_, i) => answered[QUALITY]?.[i] ?? 0);
    fields.forEach((field, i) => field.warn(flags[i] ? capitalized(model.meanings[flags[i]]) : ""));
    showDoubts(model.columns.filter((_, i) => flags[i]).map(({ label }) => label));
    if (answered[REASONS]) {
      const reason = ({ name, label }, i) =>
        ({ name, label, text: fields[i].text(), value: answered[REASONS][i] });
      showReasons(model.columns.map(reason), model.base, model.correlated);
    }
  }

  // One run at a time; what changed meanwhile is answered next. Tests wait for the end of `working`.
  let stale = false;
  async function changed() {
    stale = true;
    if ("working" in document.body.dataset) return;
    document.body.dataset.working = "";
    try {
      while (stale) {
        stale = false;
        await answer();
      }
    } catch (error) {
      failed(error);
    } finally {
      delete document.body.dataset.working;
    }
  }

  function reset() {
    for (const field of fields) field.reset();
    return changed();
  }
  $("customer").onsubmit = (event) => event.preventDefault();
  $("customer").onreset = (event) => {
    event.preventDefault();
    reset();
  };
  $("fields").append(...fields.map((field) => field.element));
  $("reasons").hidden = !model.outputs.includes(REASONS);
  showModel(model);
  await reset();
  $("loading").hidden = true;
  $("page").hidden = false;
}

function capitalized(meaning) {
  return meaning ? meaning[0].toUpperCase() + meaning.slice(1) : "Doubtful";
}

function failed(error) {
  $("loading").hidden = true;
  $("failed").hidden = false;
  $("failed").textContent = `The model cannot be used: ${error.message}.`;
}

start().catch(failed);
