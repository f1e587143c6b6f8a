// The sentences of the page, which come with the model. {name} is an argument, {name:one|several} its number with the
// word for one or for several.
let sentences = {};

export const setSentences = (given) => (sentences = given);

export const say = (code, values = {}) =>
  sentences[code].replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (_, name, one, several) =>
    one === undefined ? values[name] : `${values[name]} ${values[name] === 1 ? one : several}`);

// A share of 0 to 1 in whole percent; never a flat 0 or 100 that the number does not deserve.
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole === 100 && share < 1) return share < 0.995 ? "99 %" : say("over_99");
  return whole === 0 && share > 0 ? say("under_1") : `${whole} %`;
}
