// The sentence of a code: {name} is an argument, {name:one|several} its number with the word for one or for several.
const say = (code, values = {}) =>
  sentences[code].replace(/\{(\w+)(?::(\*?)([^|}]*)\|([^}]*))?\}/g, (_, name, bare, one, several) => {
    if (one === undefined) return values[name];
    const word = values[name] === 1 ? one : several;
    return bare ? word : `${values[name]} ${word}`;
  });
