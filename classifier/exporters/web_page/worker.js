// Runs the network beside the page, which stays responsive meanwhile.
import * as ort from "./runtime/ort.js";
import { decide } from "./decision.js";
import { decodeFile, pixelsOf, thumbnailOf } from "./decode.js";
import { bandsOf, onBackground, squareOf } from "./preprocess.js";

const THUMBNAIL = 192; // pixels

let model, session;

async function fetched(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response.arrayBuffer();
}

async function load({ config }) {
  model = config;
  ort.env.wasm.numThreads = 1; // more need headers that a plain web server does not send
  ort.env.wasm.wasmPaths = { wasm: new URL("runtime/ort.wasm", import.meta.url).href };
  session = await ort.InferenceSession.create(new Uint8Array(await fetched("model.onnx")), {
    executionProviders: ["wasm"],
  });
  return {};
}

async function answer(picture) {
  const size = model.preprocessing.input_size[2];
  const pixels = new ort.Tensor("uint8", bandsOf(squareOf(picture, model.preprocessing)), [1, 3, size, size]);
  const { probs, in_distribution } = await session.run({ pixels });
  return decide(Array.from(probs.data), Boolean(in_distribution.data[0]), model.thresholds);
}

async function classifyFile({ file, withThumbnail }) {
  const { bitmap, isOpaque, isDeep } = await decodeFile(file, model.pixel_ranges.integer || null);
  try {
    const pixels = pixelsOf(bitmap);
    const result = { ...(await answer(isOpaque ? pixels : onBackground(pixels))), isDeep };
    return withThumbnail ? { ...result, thumbnail: thumbnailOf(bitmap, THUMBNAIL) } : result;
  } finally {
    bitmap.close();
  }
}

async function classifyFrame({ bitmap }) {
  try {
    return await answer(pixelsOf(bitmap));
  } finally {
    bitmap.close();
  }
}

const TASKS = { load, classifyFile, classifyFrame };

onmessage = async ({ data }) => {
  try {
    const result = await TASKS[data.task](data);
    postMessage({ id: data.id, result }, result.thumbnail ? [result.thumbnail] : []);
  } catch (error) {
    postMessage({ id: data.id, error: error.code || "failed", detail: String(error) });
  }
};
