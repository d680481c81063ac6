import { jmespath } from './select.ts';

export interface OutputFlags {
  output?: OutputFormat;
  query?: string;
}

export const outputFormats = ['table', 'json', 'yaml', 'tsv', 'none'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Flags of each command that prints a value; `outputAliases` go with them. */
export const outputFlags = {
  output: {
    kind: 'enum',
    values: outputFormats,
    optional: true,
    brief: 'How to print; table on a terminal, else json',
  },
  query: {
    kind: 'parsed',
    parse: jmespath,
    optional: true,
    placeholder: 'jmespath',
    brief: 'JMESPath of what to print',
  },
} as const;

export const outputAliases = { o: 'output' } as const;
