import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

interface Package {
  name: string;
  version: string;
  license?: string;
}

const bun = `Bun, with JavaScriptCore and what else it is linked with: https://bun.com/docs/project/license`;

/** The licences of the packages that the bundled files come from, and the note of what Bun is made of. */
export async function licencesOf(root: string, files: readonly string[]): Promise<string> {
  const folders = files.map((file) => /^(?:.*\/)?(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
  const texts: string[] = [];
  for (const folder of new Set(folders.filter((found) => found !== undefined).toSorted())) {
    texts.push(await licenceOf(join(root, folder)));
  }
  const own = await Bun.file(join(root, 'LICENSE')).text();
  return ['Bonded\n', own, bun, ...texts].map((text) => text.trimEnd()).join(`\n\n${'-'.repeat(80)}\n\n`) + '\n';
}

async function licenceOf(folder: string): Promise<string> {
  const { name, version, license } = (await Bun.file(join(folder, 'package.json')).json()) as Package;
  const file = (await readdir(folder)).find((entry) => /^(?:licen[cs]e|copying)(?:\.\w+)?$/i.test(entry));
  const text = file ? await Bun.file(join(folder, file)).text() : '';
  return `${name} ${version} (${license ?? 'see below'})\n\n${text}`;
}
