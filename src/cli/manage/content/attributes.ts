import type { AttributeChange } from '../../content/index.ts';
import { UsageError } from '../../failure.ts';
import { yesNoFlag } from '../flags.ts';

/** What may be done with something (acr §3.2), as flags. */
export interface AttributeFlags {
  deleteEnabled?: boolean;
  writeEnabled?: boolean;
  readEnabled?: boolean;
  listEnabled?: boolean;
}

export const attributeFlags = {
  deleteEnabled: { ...yesNoFlag, brief: 'Whether it can be deleted' },
  writeEnabled: { ...yesNoFlag, brief: 'Whether it can be written: pushed to, moved, deleted' },
  readEnabled: { ...yesNoFlag, brief: 'Whether it can be pulled' },
  listEnabled: { ...yesNoFlag, brief: 'Whether lists have it' },
} as const;

/** The change that flags say. Throws UsageError where they say none. */
export function changeOf({ deleteEnabled, writeEnabled, readEnabled, listEnabled }: AttributeFlags): AttributeChange {
  const change: AttributeChange = {
    ...(deleteEnabled !== undefined && { deleteEnabled }),
    ...(writeEnabled !== undefined && { writeEnabled }),
    ...(readEnabled !== undefined && { readEnabled }),
    ...(listEnabled !== undefined && { listEnabled }),
  };
  if (Object.keys(change).length > 0) return change;
  throw new UsageError('say what is to change: --delete-enabled, --write-enabled, --read-enabled, --list-enabled');
}
