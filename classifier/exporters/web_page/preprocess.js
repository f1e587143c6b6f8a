// From the pixels of a picture to the input of the network, as the program that trained it does.
import { resizedSquare } from "./resample.js";

const MOST_RESIZED = 32_000_000; // pixels of a resized picture before its middle is cut out
const MARGIN = 4; // times the short side: how much of the long side is enough for a crop of the middle
const LUMA = [0.299, 0.587, 0.114]; // ITU-R BT.601
const STRIP = 1 << 22; // pixels

const roundHalfEven = (value) => {
  const below = Math.floor(value), rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
};

// Which part of a picture is resized to which size, and where the network's square is in the result.
export function planFor(width, height, { input_size: [, , size], crop_pct, crop_mode }) {
  const scaled = Math.floor(size / crop_pct);
  const squash = crop_mode === "squash";
  const cut = squash ? { left: 0, top: 0, width, height } : middle(width, height, roundHalfEven(size / crop_pct));
  const long = (one, other) => Math.trunc((scaled * one) / other);
  const wide = cut.width > cut.height;
  const plan = {
    size,
    cut,
    width: squash || !wide ? scaled : long(cut.width, cut.height),
    height: squash || wide ? scaled : long(cut.height, cut.width),
  };
  plan.left = roundHalfEven((plan.width - size) / 2);
  plan.top = roundHalfEven((plan.height - size) / 2);
  return plan;
}

// Of an elongated picture that would be enlarged beyond measure, the middle.
function middle(width, height, side) {
  const short = Math.min(width, height), long = Math.max(width, height);
  if (long * side ** 2 <= MOST_RESIZED * short) return { left: 0, top: 0, width, height };
  const kept = Math.min(long, MARGIN * short + (long % 2));
  const w = width === long ? kept : width, h = height === long ? kept : height;
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

// A transparent picture is placed on white or black, whichever differs more from what is visible.
export function onBackground(picture) {
  const step = Math.max(1, Math.floor(STRIP / picture.width));
  const sums = [0, 0, 0];
  let opacity = 0;
  for (let top = 0; top < picture.height; top += step) {
    const pixels = picture.rows(top, Math.min(step, picture.height - top));
    for (let place = 0; place < pixels.length; place += 4) {
      const alpha = pixels[place + 3];
      opacity += alpha;
      for (let band = 0; band < 3; band++) sums[band] += blend(pixels[place + band], 0, alpha);
    }
  }
  if (opacity === 255 * picture.width * picture.height) return picture;
  const brightness = LUMA.reduce((sum, share, band) => sum + share * sums[band], 0) / Math.max(opacity / 255, 1);
  const ground = brightness > 127 ? 0 : 255;
  return { width: picture.width, height: picture.height, rows: (top, count) => opaque(picture.rows(top, count), ground) };
}

function opaque(pixels, ground) {
  for (let place = 0; place < pixels.length; place += 4) {
    const alpha = pixels[place + 3];
    for (let band = 0; band < 3; band++) pixels[place + band] = blend(pixels[place + band], ground, alpha);
  }
  return pixels;
}

function blend(value, ground, alpha) {
  const sum = value * alpha + ground * (255 - alpha) + 128;
  return ((sum >> 8) + sum) >> 8;
}

// The bytes (size, size, 3) of the square that the network is given.
export function squareOf(picture, preprocessing) {
  const plan = planFor(picture.width, picture.height, preprocessing);
  return resizedSquare(picture, plan, preprocessing.interpolation);
}

// Bytes (size, size, 3) to (3, size, size).
export function bandsOf(square) {
  const bands = new Uint8Array(square.length), count = square.length / 3;
  for (let place = 0; place < count; place++)
    for (let band = 0; band < 3; band++) bands[band * count + place] = square[3 * place + band];
  return bands;
}
