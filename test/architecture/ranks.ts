/**
 * Who may import whom: a folder only what has a lower rank. Folders of one rank do not know each other. The order of
 * this table is the order of ranks; ARCHITECTURE.md says what each folder is for.
 */
export const ranks: readonly (readonly [rank: string, folders: readonly string[]])[] = [
  ['0a', ['errors']],
  ['0b', ['oci', 'exchange', 'packages', 'query']],
  ['1a', ['config', 'memory', 'telemetry']],
  ['1b', ['database', 'outbound']],
  ['1c', ['jobs', 'operations', 'events']],
  ['2', ['content', 'access', 'keys', 'resources', 'advisories', 'inventory']],
  ['3', ['catalog']],
  ['4a', ['tiers']],
  ['4b', ['admission', 'registries']],
  [
    '5',
    [
      'identity',
      'network',
      'signing',
      'scanning',
      'tasks',
      'replication',
      'upstream',
      'importing',
      'lifecycle',
      'notifications',
      'audit',
    ],
  ],
  ['6', ['advisor']],
  ['7', ['distribution', 'acr', 'oauth2', 'management', 'http', 'cli', 'console']],
  // The wiring: `configuration` puts the slices together, `app` the front doors, `processes` run it many
  // times over, `commands` run offline or start one of the two.
  ['8a', ['configuration']],
  ['8b', ['app']],
  ['8c', ['processes']],
  ['8d', ['commands']],
  ['8e', ['main']],
];

/** Position and name of a folder's rank; undefined when the table does not have the folder. */
export function rankOf(folder: string): { order: number; name: string } | undefined {
  const order = ranks.findIndex(([, folders]) => folders.includes(folder));
  return order < 0 ? undefined : { order, name: ranks[order]![0] };
}

/** Files that lie in `src/` itself. Everything else is in a folder. */
export const rootFiles = ['main.ts', 'configuration.ts'];
