import { byteSize } from '../../../config/index.ts';
import { UsageError } from '../../failure.ts';
import { textFlag } from '../flags.ts';
import { allWords, wordsFlag } from '../words.ts';

/** How much a registry and its repositories may store. */
export interface StorageFlags {
  storageLimit?: string;
  repositoryStorageLimits?: (readonly string[])[];
}

export const storageFlags = {
  storageLimit: {
    ...textFlag,
    placeholder: 'size',
    brief: 'How much the registry may store, such as 500GiB; "none" for what its tier allows',
  },
  repositoryStorageLimits: {
    ...wordsFlag,
    placeholder: 'repository=size…',
    brief: 'How much repositories may store, each by itself; the first that names one counts; "" for no limit',
  },
} as const;

/** The property that was given, as a merge patch: null takes a limit away. */
export function storageQuotaPatch({ storageLimit, repositoryStorageLimits }: StorageFlags) {
  const repositories = allWords(repositoryStorageLimits)?.map((word) => {
    const at = word.lastIndexOf('=');
    if (at < 1) throw new UsageError(`--repository-storage-limits: ${JSON.stringify(word)} is no REPOSITORY=SIZE`);
    return {
      repository: word.slice(0, at),
      limitBytes: bytesOf('--repository-storage-limits', word.slice(at + 1)),
    };
  });
  if (storageLimit === undefined && !repositories) return undefined;
  const limitBytes =
    storageLimit === undefined || storageLimit === 'none' ? null : bytesOf('--storage-limit', storageLimit);
  return {
    ...(storageLimit !== undefined && { limitBytes }),
    ...(repositories && { repositories: repositories.length > 0 ? repositories : null }),
  };
}

/** The same for a registry that is new, where there is nothing to take away. */
export function storageQuotaOf(flags: StorageFlags) {
  const { limitBytes, repositories } = storageQuotaPatch(flags) ?? {};
  const storageQuota = {
    ...(typeof limitBytes === 'number' && { limitBytes }),
    ...(repositories && { repositories }),
  };
  return Object.keys(storageQuota).length > 0 ? { storageQuota } : {};
}

function bytesOf(flag: string, text: string): number {
  const parsed = byteSize().safeParse(text);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${flag}: ${JSON.stringify(text)} is no size such as 512MiB, 100GiB or 2TiB`);
}
