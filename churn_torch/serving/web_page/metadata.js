// The metadata of an ONNX file, read off its bytes: onnxruntime-web does not give them.
//
// An ONNX file is the protobuf message ModelProto; its field 14, metadata_props, holds pairs of
// texts: 1 is the key, 2 the value (onnx.proto; the encoding is protobuf's own).

const METADATA = 14;
const KEY = 1;
const VALUE = 2;

/** Return the metadata as an object of texts. */
export function metadataOf(bytes) {
  const metadata = {};
  const text = new TextDecoder();
  for (const [field, content] of fieldsOf(bytes)) {
    if (field !== METADATA) continue;
    const pair = Object.fromEntries(fieldsOf(content));
    metadata[text.decode(pair[KEY])] = text.decode(pair[VALUE]);
  }
  return metadata;
}

/** Yield [number, bytes] of the fields that have a length; numbers are passed over. */
function* fieldsOf(bytes) {
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
    if (kind === 0) number();
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
