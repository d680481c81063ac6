/** Choices with their parts of the whole; the parts add up to one, or nearly. */
export type Mix<T extends string> = Partial<Record<T, number>>;

/** Draws one. What rounding left over goes to the last. */
export function draw<T extends string>(mix: Mix<T>, random: () => number = Math.random): T {
  const choices = Object.entries(mix) as [T, number][];
  const toss = random();
  let sum = 0;
  for (const [choice, part] of choices) {
    sum += part;
    if (toss < sum) return choice;
  }
  return choices.at(-1)![0];
}
