// PNG files of 16 bits a color, of which browsers keep the upper 8: a photo of 12 bits in 16 would be nearly black. As
// classifier/data/pixel_depth.py, but for files without a known range, interlaced ones and those with EXIF data.
const FULL = 65535;
const BANDS = { 0: 1, 2: 3, 4: 2, 6: 4 }; // of gray, color, and both with opacity, by the type in the header
const OUTSIDE = 0.1; // proportion of values outside of a stated range, from which on the statement is wrong

// An ImageData of 8 bits a color, or null where it is left to the browser. `range` are the values that become black
// and white in files that do not state it, null where it is not known.
export async function decodeDeepPng(file, range) {
  const view = new DataView(await file.arrayBuffer());
  const { header, chunks } = readChunks(view);
  const bands = BANDS[header.type];
  if (!bands || header.isInterlaced || chunks.eXIf || !self.DecompressionStream) return null;
  const stream = new Blob(chunks.IDAT).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const values = unfiltered(bytes, header.width, header.height, bands);
  const colors = bands === 2 || bands === 4 ? bands - 1 : bands;
  const known = statedRange(chunks.sBIT?.[0], values, bands, colors) || range;
  return known && toImage(values, header, bands, colors, known, chunks.tRNS?.[0]);
}

function readChunks(view) {
  const chunks = {};
  for (let place = 8; place + 8 <= view.byteLength; ) {
    const length = view.getUint32(place);
    const name = String.fromCharCode(...new Uint8Array(view.buffer, place + 4, 4));
    (chunks[name] ||= []).push(new Uint8Array(view.buffer, place + 8, Math.min(length, view.byteLength - place - 8)));
    if (name === "IDAT" && !chunks.sBIT) chunks.sBIT = [[]]; // it comes before, or does not count
    place += length + 12;
  }
  const [width, height, type] = [view.getUint32(16), view.getUint32(20), view.getUint8(25)];
  return { header: { width, height, type, isInterlaced: view.getUint8(28) !== 0 }, chunks };
}

// The values of all pixels, each predicted from its neighbors by the filter of its row.
function unfiltered(bytes, width, height, bands) {
  const step = 2 * bands, length = width * step;
  const values = new Uint16Array(width * height * bands);
  let above = new Uint8Array(length);
  for (let row = 0; row < height; row++) {
    const start = row * (length + 1), filter = bytes[start], line = bytes.subarray(start + 1, start + 1 + length);
    for (let x = 0; x < length; x++) {
      const left = x < step ? 0 : line[x - step], up = above[x], corner = x < step ? 0 : above[x - step];
      if (filter === 1) line[x] += left;
      else if (filter === 2) line[x] += up;
      else if (filter === 3) line[x] += (left + up) >> 1;
      else if (filter === 4) line[x] += nearestOf(left, up, corner);
    }
    for (let place = 0; place < width * bands; place++)
      values[row * width * bands + place] = (line[2 * place] << 8) | line[2 * place + 1];
    above = line;
  }
  return values;
}

function nearestOf(left, up, corner) {
  const guess = left + up - corner;
  const [byLeft, byUp, byCorner] = [left, up, corner].map((value) => Math.abs(guess - value));
  if (byLeft <= byUp && byLeft <= byCorner) return left;
  return byUp <= byCorner ? up : corner;
}

// By the chunk sBIT, in both of its uses: the standard wants values moved up to all of 16 bits, many programs leave
// them as they are.
function statedRange(significant, values, bands, colors) {
  const bits = Math.max(0, ...(significant || []).slice(0, colors));
  if (!(bits > 0 && bits <= 16)) return null;
  const lowBits = (1 << (16 - bits)) - 1;
  let small = 0, odd = 0, all = 0;
  values.forEach((value, place) => {
    if (place % bands >= colors) return;
    all++;
    if (value >= 1 << bits) return;
    small++;
    if (value & lowBits) odd++;
  });
  return all - small < OUTSIDE * all && odd > 0.01 * small ? [0, 2 ** bits - 1] : [0, FULL];
}

function toImage(values, { width, height }, bands, colors, [low, high], key) {
  const factor = Math.fround(255 / (high - low)), image = new ImageData(width, height);
  const byte = Uint8Array.from({ length: FULL + 1 }, (_, value) => {
    const scaled = Math.fround(Math.fround(value - Math.fround(low)) * factor);
    return Math.fround(Math.min(255, Math.max(0, scaled)) + 0.5);
  });
  const keyValues = key && Array.from({ length: colors }, (_, band) => (key[2 * band] << 8) | key[2 * band + 1]);
  let mostOpaque = 0;
  for (let place = colors; bands > colors && place < values.length; place += bands)
    mostOpaque = Math.max(mostOpaque, values[place]);
  const opaque = mostOpaque <= high && high < FULL ? high : FULL;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const from = pixel * bands;
    for (let band = 0; band < 3; band++) image.data[4 * pixel + band] = byte[values[from + (colors === 3 ? band : 0)]];
    const isKey = keyValues?.every((value, band) => value === values[from + band]);
    const opacity = bands > colors ? Math.fround(Math.fround(values[from + colors] * Math.fround(255 / opaque)) + 0.5) : 255;
    image.data[4 * pixel + 3] = isKey ? 0 : Math.floor(opacity);
  }
  return image;
}
