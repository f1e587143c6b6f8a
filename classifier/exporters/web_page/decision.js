// From probabilities to an answer: a class, “not sure”, or “unlike the training photos”.
const SMALLEST = 1e-12; // threshold to divide by

// {order, shares, chosen, reason}: the classes likeliest first, their shares of 1, the class to go by, and why there is
// none ("unlike", "low"), else null.
export function decide(shares, isFamiliar, thresholds) {
  const order = shares.map((_, index) => index).sort((one, other) => shares[other] - shares[one] || one - other);
  const relative = (index) => shares[index] / Math.max(thresholds[index], SMALLEST);
  const best = order.reduce((one, other) => (relative(other) > relative(one) ? other : one));
  if (!isFamiliar) return { order, shares, chosen: order[0], reason: "unlike" };
  if (shares[best] < thresholds[best]) return { order, shares, chosen: order[0], reason: "low" };
  return { order, shares, chosen: best, reason: null };
}
