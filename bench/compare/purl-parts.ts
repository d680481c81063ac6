import { type PackageUrl, parsePurl } from '../../src/packages/index.ts';

/** How two package URLs of one package differ in one part. */
export interface PartDifference {
  /** `version`, `namespace`, `subpath`, `?arch` … */
  part: string;
  how: 'ours alone has it' | 'theirs alone has it' | 'other value';
}

/** By their parts: what is written in another way, and read the same, is none. */
export function differingParts(ours: string, theirs: string): PartDifference[] {
  const [mine, other] = [partsOf(parsePurl(ours)), partsOf(parsePurl(theirs))];
  return [...new Set([...mine.keys(), ...other.keys()])].toSorted().flatMap((part): PartDifference[] => {
    const [own, their] = [mine.get(part), other.get(part)];
    if (own === their) return [];
    return [
      {
        part,
        how: their === undefined ? 'ours alone has it' : own === undefined ? 'theirs alone has it' : 'other value',
      },
    ];
  });
}

function partsOf(purl: PackageUrl | undefined): Map<string, string> {
  if (!purl) return new Map();
  const { qualifiers = {}, ...rest } = purl;
  return new Map<string, string>([
    ...Object.entries(rest),
    ...Object.entries(qualifiers).map(([key, value]) => [`?${key}`, value] as const),
  ]);
}
