import { at, production, type Rule } from './tree.ts';

export const maxLines = 500;
export const maxMedianLines = 130;

/** Names that say nothing of what is inside. */
const emptyNames = /^(?:utils?|helpers?|commons?|managers?|services?|misc|shared|lib)$/;

export const sizes: Rule = (tree) => {
  const all = production(tree);
  const long = all
    .filter(([, source]) => source.lines > maxLines)
    .map(([path, source]) => ({ where: at(path, source.lines), what: `has more than ${maxLines} lines` }));
  const lines = all.map(([, source]) => source.lines).toSorted((a, b) => a - b);
  const median = lines[Math.floor(lines.length / 2)] ?? 0;
  if (median <= maxMedianLines) return long;
  return [...long, { where: 'src', what: `the median file has ${median} lines, more than ${maxMedianLines}` }];
};

export const names: Rule = (tree) =>
  [...tree.keys()].flatMap((path) => {
    const segments = path.replace(/\.tsx?$/, '').split('/');
    const odd = segments.find((segment) => !/^[a-z0-9]+(?:[-.][a-z0-9]+)*$/.test(segment));
    if (odd) return [{ where: at(path, 1), what: `${odd} is not kebab-case` }];
    const empty = segments.flatMap((segment) => segment.split(/[-.]/)).find((word) => emptyNames.test(word));
    return empty ? [{ where: at(path, 1), what: `"${empty}" says nothing of what is inside` }] : [];
  });
