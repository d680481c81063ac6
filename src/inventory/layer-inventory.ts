import type { FoundPackage, OsRelease, OwnedFiles } from './reader.ts';
import { createPathMarks } from './path-marks.ts';
import type { Warning, WarningCode } from './warnings.ts';

/** Of what reads layers. What was kept of another revision is read anew: raise it with every change of what is found. */
export const extractorRevision = 2;

/** A file of a layer that says which packages there are, or of which distribution they are. */
export interface FoundFile {
  path: string;
  reader: string;
  packages: FoundPackage[];
  owns?: OwnedFiles[];
  os?: Partial<OsRelease>;
}

/** What is in one layer, whatever image it belongs to: kept by its digest, and read once for all of them. */
export interface LayerInventory {
  /** `extractorRevision` of what has read it. */
  revision: number;
  /** By path, then reader. */
  files: FoundFile[];
  /** What it hides of lower layers: `path-marks.ts`. */
  hides: string;
  warnings: Warning[];
  /** Of the archive, unpacked. */
  bytes: number;
  entries: number;
}

/** The inventory of a layer that nobody could read, so that its image says what is missing. */
export function unreadLayer(code: WarningCode, detail?: string): LayerInventory {
  return {
    revision: extractorRevision,
    files: [],
    hides: createPathMarks().encode(),
    warnings: [{ code, ...(detail !== undefined && { detail }) }],
    bytes: 0,
    entries: 0,
  };
}
