import { RegistryError } from '../errors/index.ts';

/** A part of a budget; what was taken goes back when it is disposed of. */
export interface ByteShare extends Disposable {
  /** Throws UNAVAILABLE where all shares together would be more than there is. */
  take(bytes: number): void;
}

export interface ByteBudget {
  share(): ByteShare;
}

/** Bounds the memory (bytes) of what many requests keep whole at once. */
export function createByteBudget(most: number): ByteBudget {
  let left = most;
  return {
    share() {
      let taken = 0;
      return {
        take(bytes) {
          if (bytes > left) throw exhausted();
          left -= bytes;
          taken += bytes;
        },
        [Symbol.dispose]() {
          left += taken;
          taken = 0;
        },
      };
    },
  };
}

function exhausted(): RegistryError {
  return new RegistryError('UNAVAILABLE', {
    message: 'the registry has as many large manifests and lists in memory as it takes on; try again',
  });
}
