// The sentences of the page, which come with the model. {name} is an argument, {name:,} a number with the signs of the
// language, {name:one|several} its number with the word for it, as many words as the language has categories.
let sentences = {}, rules = { language: "en", categories: ["one", "other"] };

export const setSentences = (given) => ({ sentences, rules } = given);

export const say = (code, values = {}) =>
  sentences[code].replace(/\{(\w+)(?::([^}]*))?\}/g, (_, name, form) => {
    const value = values[name];
    if (!form) return value;
    const number = value.toLocaleString(rules.language), words = form.replace("*", "").split("|");
    if (form === ",") return number;
    const category = new Intl.PluralRules(rules.language).select(value);
    const word = words[rules.categories.indexOf(category)] ?? words.at(-1);
    return form.startsWith("*") ? word : `${number} ${word}`;
  });

// A share of 0 to 1 in whole percent; never a flat 0 or 100 that the number does not deserve.
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole === 100 && share < 1) return share < 0.995 ? "99 %" : say("over_99");
  return whole === 0 && share > 0 ? say("under_1") : `${whole} %`;
}
