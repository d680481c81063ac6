import type { Kitchen } from './kitchen.ts';

/** How an image is made: each step changes the root file system, and what it changed is a layer. */
export interface Recipe {
  name: string;
  /** For the document: what is in it. */
  about: string;
  /** Whether the lowest layer is a minimal Debian of the release of this machine; else the first step begins with nothing. */
  onDebian: boolean;
  steps: readonly Step[];
}

export type Step = (root: string, kitchen: Kitchen) => Promise<void>;

/** Installs packages of Debian, and leaves none of the lists and archives that this takes. */
export function installDebian(...packages: readonly string[]): Step {
  return async (root, kitchen) => {
    const script = [
      'apt-get update -qq',
      `apt-get install -y -qq --no-install-recommends ${packages.join(' ')}`,
      'rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*',
    ].join(' && ');
    await kitchen.inRoot(root, ['sh', '-c', script]);
  };
}
