// Answers as elements. Class and file names are anything: they become text, never markup.
import { percent, say } from "./words.js";

const SHOWN = 3; // classes of an answer

export function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const named = (text, name) => { // a sentence with “{label}” in it, the name apart from the direction of the text
  const [before, after] = text.split("\u0000");
  return [before, element("bdi", { textContent: name }), after];
};

// What is said of an answer, as nodes.
export function headline({ chosen, shares, reason }, labels) {
  const code = { unlike: "answer_unlike", low: "answer_low" }[reason] || "answer_sure";
  return named(say(code, { label: "\u0000", share: percent(shares[chosen]) }), labels[chosen]);
}

export const spoken = (answer, labels) => headline(answer, labels).map((one) => one.textContent ?? one).join("");

export function bars({ order, shares }, labels) {
  const rows = order.slice(0, SHOWN).map((index) =>
    element("li", {}, [
      element("bdi", { textContent: labels[index] }),
      element("progress", { max: 1, value: shares[index], ariaHidden: "true" }),
      element("span", { className: "share", textContent: percent(shares[index]) }),
    ]));
  return element("ol", { className: "bars" }, rows);
}

export const kindOf = ({ reason }) => ({ unlike: "unlike", low: "unsure" })[reason] || "sure";
