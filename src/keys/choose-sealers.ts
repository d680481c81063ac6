import type { KeyRow } from './rows.ts';
import { createSealer, type Sealer } from './seal.ts';
import { ensureSecretFile, readSecretFile } from './secret-file.ts';

export interface SealingOptions {
  /** `keys.secret`. */
  secret?: string | undefined;
  /** Where a secret is kept that nobody configured; left out where nothing is kept on this machine. */
  dataDirectory?: string | undefined;
}

/**
 * The first one seals, all unseal; none where there is no secret. A configured secret takes over from the one in the data
 * directory. That one is made where nothing is sealed yet: where it is missed, a new one would open nothing.
 */
export async function chooseSealers(
  rows: readonly KeyRow[],
  { secret, dataDirectory }: SealingOptions,
): Promise<Sealer[]> {
  const kept = dataDirectory === undefined ? undefined : await readSecretFile(dataDirectory);
  const secrets = [secret, kept].filter((one) => one !== undefined);
  if (secrets.length > 0 || dataDirectory === undefined) return secrets.map(createSealer);
  if (rows.some(({ sealed_by }) => sealed_by !== null)) return [];
  return [createSealer(await ensureSecretFile(dataDirectory))];
}
