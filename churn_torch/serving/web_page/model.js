// The ONNX file, opened: what it says of itself and what it answers. No page is needed.

import { checkFacts } from "./graph.js";
import { partsOf } from "./metadata.js";
import { escaped } from "./numbers.js";

const FORMAT = 1; // the newest that this page can read
const ARRAYS = { float32: Float32Array, float64: Float64Array };

export const PROBABILITY = "churn_probability";
export const DECISION = "churn_decision";
export const REASONS = "reasons";
export const QUALITY = "quality";

/**
 * Open a file.
 *
 * @param bytes The file, as Uint8Array.
 * @param wasm onnxruntime-web's WebAssembly, as ArrayBuffer or Uint8Array.
 * @param ort The module of onnxruntime-web.
 * @returns columns as the metadata have them and with a label, the name as it is shown; threshold
 *   and so on as the metadata have them; the names of the outputs; and
 *   run(values): values by column, each an array of N, to outputs by name, each N or N * F numbers.
 */
export async function openModel(bytes, wasm, ort) {
  const { metadata: stored, graph } = partsOf(bytes);
  if (!stored.format || !stored.columns) throw new Error("the file is not one of churn_torch");
  if (Number(stored.format) > FORMAT) {
    throw new Error(`the file has format ${stored.format}, and this page reads up to ${FORMAT}`);
  }
  const entry = (name) => (stored[name] === undefined ? undefined : JSON.parse(stored[name]));
  // More threads would need headers that not every server sends, and a row is little work.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = wasm;
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ["wasm"],
    logSeverityLevel: 3,
  });
  const columns = entry("columns").map((column) => ({ ...column, label: escaped(column.name) }));
  const said = entry("threshold");
  if (typeof said !== "number" || !(said >= 0 && said <= 1)) {
    throw new Error("its threshold is no number from 0 to 1");
  }
  const threshold = Math.fround(said); // as the graph compares it
  checkFacts(graph, columns, threshold, { decision: DECISION, probability: PROBABILITY });

  async function run(values) {
    const feed = columns.map(({ name, type }) => {
      const rows = values[name];
      const cells = type === "string" ? rows : ARRAYS[type].from(rows);
      return [name, new ort.Tensor(type, cells, [rows.length, 1])];
    });
    // Not by assignment: a column may be called __proto__.
    const answered = await session.run(Object.fromEntries(feed));
    // Whole numbers come as BigInt.
    const plain = (data) => (data instanceof BigInt64Array ? Array.from(data, Number) : data);
    return Object.fromEntries(session.outputNames.map((name) => [name, plain(answered[name].data)]));
  }

  return {
    columns,
    threshold,
    baseRate: entry("base_rate"),
    training: entry("training"),
    base: entry("reasons")?.base,
    meanings: entry("quality") ?? {},
    correlated: entry("correlated_columns") ?? [],
    outputs: session.outputNames,
    run,
  };
}
