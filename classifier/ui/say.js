// The sentence of a code: {name} is an argument, {name:,} a number with the signs of the language, {name:one|several} its
// number with the word for it, {name:*one|several} the word alone. A language has as many words as it has categories.
const plural = new Intl.PluralRules(rules.language);
const say = (code, values = {}) =>
  sentences[code].replace(/\{(\w+)(?::([^}]*))?\}/g, (_, name, form) => {
    const value = values[name];
    if (!form) return value;
    const number = value.toLocaleString(rules.language);
    if (form === ",") return number;
    const words = form.replace("*", "").split("|");
    const word = words[rules.categories.indexOf(plural.select(value))] ?? words.at(-1);
    return form.startsWith("*") ? word : `${number} ${word}`;
  });
