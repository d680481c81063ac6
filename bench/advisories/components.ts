import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OsvRecord, openFile } from '../../src/advisories/index.ts';
import { readOsvZip } from '../../src/advisories/formats/osv-records.ts';
import type { Component } from '../../src/packages/index.ts';

/** Where the data of public projects lie, beside the checkout. */
const data = join(import.meta.dir, '..', '..', '..', 'shared', 'testdata', 'osv');

export const exports = ['Go', 'PyPI'] as const;
export const exportPath = (ecosystem: string) => join(data, ecosystem, 'all.zip');
export const hasExports = () => exports.every((ecosystem) => existsSync(exportPath(ecosystem)));

/** Every package and version that advisories name: those that are bad, and the first that is good again. */
export async function namedComponents(ecosystems: readonly string[] = exports): Promise<Component[]> {
  const found = new Map<string, Component>();
  const add = (ecosystem: string, name: string, version: string) => {
    if (version === '0' || version === '') return;
    found.set(`${ecosystem} ${name} ${version}`, { ecosystem, release: '', name, version });
  };
  for (const ecosystem of ecosystems) {
    await using file = await openFile(exportPath(ecosystem));
    for await (const item of readOsvZip(file)) {
      if (!('json' in item)) continue;
      for (const { package: named, versions = [], ranges = [] } of (item.json as OsvRecord).affected ?? []) {
        if (named?.ecosystem !== ecosystem) continue;
        for (const version of versions) add(ecosystem, named.name, version);
        for (const { events } of ranges) {
          for (const { introduced = '', fixed = '' } of events) {
            add(ecosystem, named.name, introduced);
            add(ecosystem, named.name, fixed);
          }
        }
      }
    }
  }
  return [...found.values(), ...installedComponents()];
}

/** The source packages of the machine, where that is a Debian: as an image of it has them. */
function installedComponents(): Component[] {
  const status = '/var/lib/dpkg/status';
  if (!existsSync(status)) return [];
  return readFileSync(status, 'utf8')
    .split('\n\n')
    .flatMap((paragraph) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1];
      const [, name = field('Package'), version = field('Version')] =
        /^(\S+)(?: \((\S+)\))?/.exec(field('Source') ?? '') ?? [];
      return name === undefined || version === undefined ? [] : [{ ecosystem: 'Debian', release: '12', name, version }];
    });
}
