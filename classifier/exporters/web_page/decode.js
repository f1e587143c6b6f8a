// Files and camera frames to pixels, by the browser's own decoders.
import { decodeDeepPng } from "./deep_png.js";

const MOST_ELONGATED = 100; // long side over short side
// Upright by the camera's note of how it was held; colors as stored, since the program ignores color profiles, too.
const AS_STORED = { imageOrientation: "from-image", colorSpaceConversion: "none" };

export class Unreadable extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

// {bitmap, isOpaque, isDeep}: whether it has more than 8 bits a color, of which the browser dropped the others. `range`
// are the values that become black and white in files of 16 bits that do not state it, null where it is not known.
export async function decodeFile(file, range) {
  const head = new Uint8Array(await file.slice(0, 32).arrayBuffer());
  const isJpeg = head[0] === 0xff && head[1] === 0xd8;
  const isDeep = head[1] === 0x50 && head[2] === 0x4e && head[24] === 16; // PNG of 16 bits
  const all = isDeep ? await decodeDeepPng(file, range).catch(() => null) : null;
  const bitmap = all ? await createImageBitmap(all) : await open(file);
  if (Math.max(bitmap.width, bitmap.height) > MOST_ELONGATED * Math.min(bitmap.width, bitmap.height))
    throw new Unreadable("elongated");
  return { bitmap, isOpaque: isJpeg, isDeep: isDeep && !all };
}

async function open(file) {
  try {
    return await createImageBitmap(file, AS_STORED);
  } catch (error) {
    if (!(error instanceof TypeError)) throw new Unreadable("unreadable");
  }
  try {
    return await createImageBitmap(file); // an older browser, which does not know the settings
  } catch {
    throw new Unreadable("unreadable");
  }
}

// {width, height, rows(top, count)}: rows are RGBA bytes.
export function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  let canvas, context;
  const rows = (top, count) => {
    if (!canvas || canvas.height < count) {
      canvas = new OffscreenCanvas(width, count);
      context = canvas.getContext("2d", { willReadFrequently: true });
      context.imageSmoothingEnabled = false;
    }
    context.clearRect(0, 0, width, count);
    context.drawImage(bitmap, 0, top, width, count, 0, 0, width, count);
    return context.getImageData(0, 0, width, count).data;
  };
  return { width, height, rows };
}

export function thumbnailOf(bitmap, side) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((length) => Math.max(1, Math.round(length * scale)));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas.transferToImageBitmap();
}
