/**
 * What may be wrong with a layer, and whether it may hide packages: then the image is `partial`. Codes are kept and shown,
 * and may be asked for by policies: none changes its meaning.
 */
const kinds = {
  'foreign-layer': 'hides',
  'encrypted-layer': 'hides',
  'unknown-compression': 'hides',
  'not-an-archive': 'hides',
  'damaged-compression': 'hides',
  'damaged-archive': 'hides',
  'truncated-archive': 'hides',
  'too-many-bytes': 'hides',
  'too-high-ratio': 'hides',
  'too-many-entries': 'hides',
  'too-many-collected': 'hides',
  'too-many-findings': 'hides',
  'large-file': 'hides',
  'large-header': 'hides',
  'unsafe-path': 'hides',
  'long-path': 'hides',
  'unread-link': 'hides',
  'unread-file': 'hides',
  'unread-part': 'hides',
  'no-inventory': 'hides',
  'unknown-distribution': 'hides',
  'cut-text': 'harmless',
  'more-warnings': 'hides',
} as const;

export type WarningCode = keyof typeof kinds;

export interface Warning {
  code: WarningCode;
  /** As the archive has it, cut: anybody's text. */
  path?: string;
  /** For people; may have text of the layer in it. */
  detail?: string;
}

export function mayHidePackages(warning: Pick<Warning, 'code'>): boolean {
  return kinds[warning.code] === 'hides';
}

/** Longest text of a warning: characters. */
const longest = 300;

/** Warnings of one layer. The first are kept, and one that says that there were more. */
export interface Warnings {
  readonly list: Warning[];
  add(code: WarningCode, path?: string, detail?: string): void;
}

export function createWarnings(limit: number): Warnings {
  const list: Warning[] = [];
  return {
    list,
    add(code, path, detail) {
      if (list.length > limit) return;
      if (list.length === limit) list.push({ code: 'more-warnings' });
      else {
        list.push({
          code,
          ...(path !== undefined && { path: cut(path) }),
          ...(detail !== undefined && { detail: cut(detail) }),
        });
      }
    },
  };
}

function cut(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
