// Answers rows with the files of an exported page, as the page does, but without a page.
//
//   node answers.mjs FOLDER < {MODEL: {KIND: {COLUMN: CELLS}}} > {MODEL: {KIND: {OUTPUT: CELLS}}}
//
// MODEL is the path of an ONNX file; one that cannot be used gives a text, its error. CELLS are
// little-endian bytes in base64 ("float32", "float64"), or "words" and the "int32" that choose among
// them; whole numbers come back as they are.

import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.argv[2]}/`);
const [ort, { openModel }] = await Promise.all(
  ["ort.js", "model.js"].map((name) => import(new URL(name, folder))),
);
const wasm = await readFile(new URL("ort.wasm", folder));

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array };

function decoded(cells) {
  const type = Object.keys(ARRAYS).find((name) => name in cells);
  const array = new ARRAYS[type](new Uint8Array(Buffer.from(cells[type], "base64")).buffer);
  return cells.words ? Array.from(array, (code) => cells.words[code]) : array;
}

function encoded(cells) {
  if (Array.isArray(cells)) return cells;
  return { float32: Buffer.from(cells.buffer, cells.byteOffset, cells.byteLength).toString("base64") };
}

function mapped(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

async function answers(path, kinds) {
  const model = await openModel(new Uint8Array(await readFile(path)), wasm, ort);
  const answered = {};
  for (const [kind, columns] of Object.entries(kinds)) {
    answered[kind] = mapped(await model.run(mapped(columns, decoded)), encoded);
  }
  return answered;
}

const all = {};
for (const [path, kinds] of Object.entries(JSON.parse(await text(process.stdin)))) {
  all[path] = await answers(path, kinds).catch((error) => String(error));
}
process.stdout.write(JSON.stringify(all));
