// A list to choose from: the options are the prop “choices”, the chosen one is the value.
const list = element.querySelector("select");
const draw = () => {
  const pairs = (props.choices ?? []).map((one) => (Array.isArray(one) ? one : [one, one]));
  list.replaceChildren(...pairs.map(([text, value]) => new Option(text, value)));
  list.value = props.value ?? "";
};
list.addEventListener("change", () => {
  props.value = list.value;
  trigger("input");
});
watch(["choices", "value"], draw);
draw();
