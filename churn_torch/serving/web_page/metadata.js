// The metadata of an ONNX file, read off its bytes: onnxruntime-web does not give them.
//
// An ONNX file is the protobuf message ModelProto; its field 14, metadata_props, holds pairs of
// texts: 1 is the key, 2 the value (onnx.proto; the encoding is protobuf's own). Field 7 is the graph,
// whose field 10, doc_string, holds a checksum of the facts that graph and metadata share.

const METADATA = 14;
const GRAPH = 7;
const DOC = 10;
const CHECKSUM = "crc32 of the facts: ";
const FACTS = ["schema", "columns", "threshold", "data_fingerprint"];
const KEY = 1;
const VALUE = 2;

/** Return the metadata as an object of texts, and the bytes of the graph. */
export function partsOf(bytes) {
  const metadata = Object.create(null); // no key is there already
  const text = new TextDecoder();
  let noted = "";
  let graph = new Uint8Array();
  for (const [field, content] of fieldsOf(bytes)) {
    if (field === GRAPH) {
      graph = content;
      for (const [part, doc] of fieldsOf(content)) if (part === DOC) noted = text.decode(doc);
    }
    if (field !== METADATA) continue;
    const pair = Object.fromEntries(fieldsOf(content));
    metadata[text.decode(pair[KEY])] = text.decode(pair[VALUE]);
  }
  const facts = FACTS.map((key) => `${key}=${metadata[key] ?? ""}`).join("\n");
  if (noted.startsWith(CHECKSUM) && noted !== CHECKSUM + crc32(facts)) {
    throw new Error(`one of ${FACTS.join(", ")} was changed after the export`);
  }
  return { metadata, graph };
}

/** Return the CRC-32 of a text's bytes in UTF-8, as eight hexadecimal digits. */
function crc32(text) {
  let sum = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (~sum >>> 0).toString(16).padStart(8, "0");
}

/** Yield [number, content] of the fields: bytes, or a whole number; others are passed over. */
export function* fieldsOf(bytes) {
  let at = 0;
  function number() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length) throw new Error("the file is cut short");
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }
  while (at < bytes.length) {
    const tag = number();
    const kind = tag % 8;
    if (kind === 0) yield [(tag - kind) / 8, number()];
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const end = number() + at;
      if (end > bytes.length) throw new Error("the file is cut short");
      yield [(tag - kind) / 8, bytes.subarray(at, end)];
      at = end;
    } else throw new Error("it is no ONNX file");
  }
}
