import type { Reader } from '../reader.ts';
import { decodeText, linesOf } from './decode-text.ts';
import { createFindings } from './findings.ts';

/** Files that come with a runtime that no package manager has installed, and what says its version in each. */
const runtimes: readonly { name: string; path: RegExp; version: RegExp }[] = [
  {
    name: 'node',
    path: /(?:^|\/)include\/node\/node_version\.h$/,
    version: /^#define NODE_(?:MAJOR|MINOR|PATCH)_VERSION (\d+)$/,
  },
  {
    name: 'python',
    path: /(?:^|\/)include\/python3\.\d+m?\/patchlevel\.h$/,
    version: /^#define PY_VERSION\s+"([^"]+)"$/,
  },
  { name: 'openjdk', path: /(?:jdk|jre|java|jvm)[^/]*\/(?:[^/]+\/)?release$/i, version: /^JAVA_VERSION="([^"]+)"$/ },
];

/**
 * Runtimes as they come from whoever makes them: in the official images of Node.js and Python, and with every JDK. No
 * database of advisories that is read here knows them by these names; they are in the inventory to be seen and searched.
 */
export const runtimeReader: Reader = {
  name: 'runtime',
  maxBytes: 1024 * 1024,
  wants: (path) =>
    (path.endsWith('/release') || path.endsWith('/patchlevel.h') || path.endsWith('/node_version.h')) &&
    runtimes.some((runtime) => runtime.path.test(path)),
  read(path, bytes) {
    const findings = createFindings();
    const runtime = runtimes.find((one) => one.path.test(path));
    const parts: string[] = [];
    for (const line of linesOf(decodeText(bytes))) {
      const version = runtime?.version.exec(line)?.[1];
      if (version) parts.push(version);
    }
    if (runtime && parts.length > 0) findings.add({ type: 'generic', name: runtime.name, version: parts.join('.') });
    return findings.result();
  },
};
