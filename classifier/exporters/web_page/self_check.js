// Pictures that came with the page, whose answers are known: does this browser on this device give them, too?
const LARGEST_DIFFERENCE = 0.02; // of a class's share

export async function countRight(classifier, samples) {
  let right = 0;
  for (const { file, shares, unsure } of samples) {
    const blob = await (await fetch(file)).blob();
    const answer = await classifier.classifyFile(blob, false);
    const differences = shares.map(([index, share]) => Math.abs(answer.shares[index] - share));
    const isSame = answer.order[0] === shares[0][0] && (answer.reason !== null) === unsure;
    right += isSame && Math.max(...differences) <= LARGEST_DIFFERENCE;
  }
  return right;
}
