// Facts that an ONNX file states twice, in its graph and in its metadata: they must agree.
//
// The graph is the protobuf message GraphProto; the numbers of the fields are those of onnx.proto.

import { fieldsOf } from "./metadata.js";

const NODE = 1;
const INITIALIZER = 5;
const MISSING_CODE = 0;
const FIRST_CATEGORY = 2;
const text = new TextDecoder();

/**
 * Check that a graph decides and encodes as the metadata say.
 *
 * @param graph Its bytes.
 * @param columns The columns of the metadata.
 * @param threshold That of the metadata, as float32.
 * @param decision The name of the decision; probability, of the probability.
 */
export function checkFacts(graph, columns, threshold, { decision, probability }) {
  const makers = new Map();
  const floats = new Map();
  const vocabularies = new Map(columns.map(({ name, vocabulary }) => [name, vocabulary]));
  for (const [field, content] of fieldsOf(graph)) {
    if (field === INITIALIZER) {
      const parts = all(content);
      floats.set(string(parts[8]), parts[9]?.[0] ?? parts[4]?.[0]);
    }
    if (field !== NODE) continue;
    const parts = all(content);
    const node = { operator: string(parts[4]), inputs: (parts[1] ?? []).map((name) => text.decode(name)) };
    for (const output of parts[2] ?? []) makers.set(text.decode(output), node);
    const words = vocabularies.get(node.inputs[0]);
    if (node.operator === "LabelEncoder" && words) checkWords(parts[5], words, node.inputs[0]);
  }
  let node = makers.get(decision);
  while (node && ["Cast", "Identity"].includes(node.operator)) node = makers.get(node.inputs[0]);
  if (node?.operator !== "GreaterOrEqual" || node.inputs[0] !== probability) return;
  const bytes = floats.get(node.inputs[1]);
  if (bytes?.length !== 4) return;
  const used = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
  if (used !== threshold) {
    throw new Error(`its threshold is ${threshold} in the metadata and ${used} in the graph`);
  }
}

/** Check that an encoder gives each word of a vocabulary its place. */
function checkWords(attributes, words, name) {
  const lists = new Map(attributes.map((content) => all(content)).map((parts) => [string(parts[1]), parts]));
  const keys = (lists.get("keys_strings")?.[9] ?? []).map((word) => text.decode(word));
  const codes = lists.get("values_int64s")?.[8] ?? [];
  const known = new Map(keys.map((word, i) => [word, codes[i]]));
  const differs = words.some((word, i) => ![FIRST_CATEGORY + i, MISSING_CODE].includes(known.get(word)));
  const most = FIRST_CATEGORY + words.length;
  const isOther = (code) => code !== MISSING_CODE && !(code >= FIRST_CATEGORY && code < most);
  if (differs || [...known.values()].some(isOther)) {
    throw new Error(`the categories of ${name} are others in the graph`);
  }
}

/** Return the fields of a message as lists by number. */
function all(content) {
  const found = {};
  for (const [field, part] of fieldsOf(content)) (found[field] ??= []).push(part);
  return found;
}

function string(parts) {
  return parts ? text.decode(parts[0]) : "";
}
