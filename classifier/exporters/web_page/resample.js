// Pillow's resize of 8-bit pictures (libImaging/Resample.c), to the last bit: weights are whole numbers of 22 binary
// digits, the horizontal pass comes first and is rounded to bytes before the vertical one. Browsers resize in ways of
// their own, and a network that learned from one kind of pixels answers differently for another.
const PRECISION = 22;
const ROUNDING = 1 << (PRECISION - 1);
const STRIP = 1 << 22; // pixels that are read at a time, so that a large photo needs little memory

const KERNELS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: (signed) => {
      const x = Math.abs(signed);
      if (x < 1) return ((-0.5 + 2) * x - (-0.5 + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
};

// For `count` outputs from `first` on: where their inputs begin, how many they are, and their weights.
function weightsFor(inSize, outSize, first, count, kernel) {
  const scale = inSize / outSize;
  const widening = Math.max(scale, 1); // of the kernel, which averages where the picture becomes smaller
  const support = kernel.support * widening;
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count), lengths = new Int32Array(count), weights = new Int32Array(count * taps);
  for (let index = 0; index < count; index++) {
    const center = (first + index + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const length = Math.min(inSize, Math.trunc(center + support + 0.5)) - start;
    const exact = [];
    let sum = 0;
    for (let tap = 0; tap < length; tap++) {
      exact.push(kernel.weight((tap + start - center + 0.5) * (1 / widening)));
      sum += exact[tap];
    }
    for (let tap = 0; tap < length; tap++) {
      const share = (sum ? exact[tap] / sum : exact[tap]) * 2 ** PRECISION;
      weights[index * taps + tap] = Math.trunc(share + (share < 0 ? -0.5 : 0.5));
    }
    starts[index] = start;
    lengths[index] = length;
  }
  return { starts, lengths, weights, taps };
}

const toByte = (sum) => Math.min(255, Math.max(0, sum >> PRECISION));

// One row of RGBA pixels to `count` RGB pixels.
function shrinkRow(row, offset, to, target, { starts, lengths, weights, taps }) {
  for (let index = 0; index < starts.length; index++) {
    let red = ROUNDING, green = ROUNDING, blue = ROUNDING, place = offset + starts[index] * 4;
    const end = index * taps + lengths[index];
    for (let tap = index * taps; tap < end; tap++, place += 4) {
      const weight = weights[tap];
      red = (red + Math.imul(row[place], weight)) | 0;
      green = (green + Math.imul(row[place + 1], weight)) | 0;
      blue = (blue + Math.imul(row[place + 2], weight)) | 0;
    }
    to[target++] = toByte(red);
    to[target++] = toByte(green);
    to[target++] = toByte(blue);
  }
}

function copyRow(row, offset, to, target, count) {
  for (let index = 0; index < count; index++, offset += 4) {
    to[target++] = row[offset];
    to[target++] = row[offset + 1];
    to[target++] = row[offset + 2];
  }
}

function shrinkColumns(rows, width, { starts, lengths, weights, taps }) {
  const to = new Uint8Array(starts.length * width);
  const sums = new Int32Array(width);
  for (let index = 0; index < starts.length; index++) {
    sums.fill(ROUNDING);
    for (let tap = 0; tap < lengths[index]; tap++) {
      const weight = weights[index * taps + tap], from = (starts[index] + tap) * width;
      for (let x = 0; x < width; x++) sums[x] += Math.imul(rows[from + x], weight);
    }
    for (let x = 0; x < width; x++) to[index * width + x] = toByte(sums[x]);
  }
  return to;
}

// A square of `plan.size` pixels, RGB bytes, of a picture {width, height, rows(top, count) -> RGBA bytes}: the part
// plan.cut is resized to plan.width by plan.height, and of the result the square at plan.left, plan.top is kept. Only
// what the square needs is computed.
export function resizedSquare(picture, plan, interpolation) {
  const kernel = KERNELS[interpolation], { cut, size } = plan;
  const down = plan.height === cut.height ? null : weightsFor(cut.height, plan.height, plan.top, size, kernel);
  const across = plan.width === cut.width ? null : weightsFor(cut.width, plan.width, plan.left, size, kernel);
  const first = down ? down.starts[0] : plan.top;
  const end = down ? Math.max(...down.starts.map((start, index) => start + down.lengths[index])) : plan.top + size;
  const rows = new Uint8Array((end - first) * size * 3);
  const step = Math.max(1, Math.floor(STRIP / picture.width));
  for (let top = first; top < end; top += step) {
    const count = Math.min(step, end - top);
    const strip = picture.rows(cut.top + top, count);
    for (let row = 0; row < count; row++) {
      const offset = (row * picture.width + cut.left) * 4, target = (top - first + row) * size * 3;
      if (across) shrinkRow(strip, offset, rows, target, across);
      else copyRow(strip, offset + plan.left * 4, rows, target, size);
    }
  }
  if (!down) return rows;
  for (let index = 0; index < size; index++) down.starts[index] -= first;
  return shrinkColumns(rows, size * 3, down);
}
