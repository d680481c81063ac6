import { resolve } from 'node:path';
import { admissionTypes } from '../admission/index.ts';
import { registryNames, shareRepositoryIds } from '../catalog/index.ts';
import { type Configuration, registriesOf } from '../configuration.ts';
import {
  createAuthenticator,
  createFederation,
  createPasswords,
  createRightUses,
  type Authenticator,
  type Directory,
  type Identification,
  identityTypes,
  readDirectory,
  type RightUses,
  standingOf,
} from '../identity/index.ts';
import { isAlive, startPeriodic } from '../jobs/index.ts';
import { ensureOperatorKey, keyIntervals, type Keys, loadOperatorVerifier, openKeys } from '../keys/index.ts';
import { networkTypes } from '../network/index.ts';
import { createOperations, type Operations } from '../operations/index.ts';
import { createOutbound } from '../outbound/index.ts';
import { ensureRegistryResource, registryType } from '../registries/index.ts';
import { ensureHomeReplications } from '../replication/index.ts';
import { createMirror, createResources, type Mirror, mirrorIntervalMs, type Resources } from '../resources/index.ts';
import type { Log } from '../telemetry/index.ts';
import { scanningType } from '../scanning/index.ts';
import { createTiers, tierType, type Tiers } from '../tiers/index.ts';
import { usesData } from './blobs.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { Storage } from './storage.ts';

/** Who somebody is and what they may do, in this process. */
export interface Access {
  identification: Identification;
  authenticator: Authenticator;
  directory(): Directory;
  rightUses: RightUses;
  keys: Keys;
  resources: Resources;
  mirror: Mirror;
  tiers: Tiers;
  operations: Operations;
  /** Takes in what was written, by this process or others. */
  refresh(): Promise<void>;
  /** Follows what others write; returns what ends that, the last one first. */
  follow(failed: (job: string, error: unknown) => void): (() => Promise<void>)[];
}

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

/** How often uses of passwords are written down (ms). */
const usesIntervalMs = 60_000;

/** Opens keys and resources, and reads the directory. The registries' resources are there by then. */
export async function openAccess(
  config: Configuration,
  storage: Storage,
  { log, now, url }: { log: Log; now: () => number; url: () => string },
): Promise<Access> {
  const { db, catalog, node } = storage;
  const data = usesData(config) ? resolve(config.data) : undefined;
  const keys = await openKeys(db, { ...config.keys, now, dataDirectory: data });
  if (!keys.sealed)
    log.warn({}, 'private keys lie in the database as they are; set keys.secret, the same for all nodes');
  if (data !== undefined) await ensureOperatorKey(data);
  const resources = createResources(db, { now });
  for (const { name } of registriesOf(config)) await ensureRegistryResource(resources, name);
  await ensureHomeReplications(resources);
  const types = [registryType, tierType, ...identityTypes, ...networkTypes, ...admissionTypes, scanningType].map(
    ({ type }) => type,
  );
  const mirror = await createMirror(resources, types);
  const rightUses = createRightUses(db, (id) => mirror.get(id) !== undefined, now);
  const standing = { ...standingOf(config.bootstrap), used: rightUses.used };
  const read = async (before?: Directory) => {
    const ids = await registryNames(catalog);
    return readDirectory(mirror, new Map([...ids].map(([id, name]) => [name.toLowerCase(), id])), standing, before);
  };
  let directory = await read();
  let stale = false;
  const refresh = oneAtATime(async () => {
    // What could not be read anew the last time still has to be.
    stale = (await mirror.refresh()) || stale;
    if (!stale) return;
    directory = await read(directory);
    stale = false;
  });
  const passwords = createPasswords(db, (text) => keys.hmac(`password\0${text}`), now);
  const identification: Identification = {
    directory: () => directory,
    refresh,
    keys,
    ownAddresses: () => loopbackNames.map((name) => `${name}:${new URL(url()).port}`),
    operator: data === undefined ? undefined : await loadOperatorVerifier(data),
    federation: createFederation({ outbound: createOutbound(config.outbound), now, log }),
    passwords,
    repositoryIds: shareRepositoryIds(catalog),
    now,
  };
  return {
    identification,
    authenticator: createAuthenticator(identification),
    directory: () => directory,
    rightUses,
    keys,
    resources,
    mirror,
    tiers: createTiers(mirror),
    operations: createOperations(db, { now, claims: node && { self: node.id, isAlive } }),
    refresh,
    follow(failed) {
      const everyProcess = (name: string, intervalMs: number, run: () => Promise<unknown>) =>
        startPeriodic({
          name,
          intervalMs,
          isOurs: () => true,
          run: async () => (await run(), false),
          failed: (error) => failed(name, error),
        });
      return [
        () => passwords.recordUses().catch((error: unknown) => failed('record-password-uses', error)),
        everyProcess('follow-resources', mirrorIntervalMs, refresh),
        everyProcess('refresh-keys', keyIntervals.refreshMs, () => keys.refresh()),
        everyProcess('record-password-uses', usesIntervalMs, () => passwords.recordUses()),
        everyProcess('record-right-uses', usesIntervalMs, () => rightUses.record()),
      ];
    },
  };
}
