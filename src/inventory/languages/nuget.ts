import type { Reader } from '../reader.ts';
import { createFindings } from './findings.ts';
import { isNamed } from './is-named.ts';
import { MalformedFile } from './malformed-file.ts';
import { asRecord, asText, parseJson } from './parse-json.ts';

/** Self-contained programs carry the runtime as a library with this in front of the name of its package. */
const runtimePack = 'runtimepack.';

/** `app.deps.json`, which .NET loads a program's libraries by: the packages that have something to be loaded. */
export const nugetReader: Reader = {
  name: 'nuget',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) => path.endsWith('.deps.json'),
  read(_path, bytes) {
    const document = asRecord(parseJson(bytes));
    const libraries = asRecord(document?.['libraries']);
    if (!document || !libraries) throw new MalformedFile('has no libraries');
    const target = targetOf(document);
    const findings = createFindings();
    for (const [key, value] of Object.entries(libraries)) {
      const type = asText(asRecord(value)?.['type'])?.toLowerCase();
      if (type !== 'package' && type !== 'runtimepack') continue;
      const slash = key.lastIndexOf('/');
      if (slash <= 0 || (target && type === 'package' && !isLoaded(target[key]))) continue;
      const name = key.slice(0, slash);
      const version = key.slice(slash + 1);
      findings.add({
        type: 'nuget',
        name: name.startsWith(runtimePack) ? name.slice(runtimePack.length) : name,
        version,
      });
    }
    return findings.result();
  },
};

/** What the program is built for, of all targets that the file has. */
function targetOf(document: Record<string, unknown>): Record<string, unknown> | undefined {
  const name = asText(asRecord(document['runtimeTarget'])?.['name']);
  return name === undefined ? undefined : asRecord(asRecord(document['targets'])?.[name]);
}

/** Packages that only name others, or are for compiling, have nothing of these. */
function isLoaded(library: unknown): boolean {
  const record = asRecord(library);
  return ['runtime', 'runtimeTargets', 'native'].some((key) => record?.[key] !== undefined);
}

/** `packages.lock.json`: what a build would restore. It counts where no `.deps.json` says what came of it. */
export const nugetLockReader: Reader = {
  name: 'nuget-lock',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) => isNamed(path, 'packages.lock.json'),
  read(_path, bytes) {
    const frameworks = asRecord(asRecord(parseJson(bytes))?.['dependencies']);
    if (!frameworks) throw new MalformedFile('has no dependencies');
    const findings = createFindings();
    for (const framework of Object.values(frameworks)) {
      for (const [name, value] of Object.entries(asRecord(framework) ?? {})) {
        const record = asRecord(value);
        const version = asText(record?.['resolved']);
        if (version && asText(record?.['type']) !== 'Project') findings.add({ type: 'nuget', name, version });
      }
    }
    return findings.result();
  },
};
