import type { ScanState } from './tables.ts';

const states = { queued: 'Pending', running: 'Running', done: 'Done', failed: 'Failed' } as const;

/** What the management API calls the state of a scan; one that nobody has asked for yet will be. */
export const stateOf = (scan: { state: ScanState } | undefined) => (scan ? states[scan.state] : 'Pending');
