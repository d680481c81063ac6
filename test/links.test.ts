import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dir, '..');
const pages = ['*.md', 'docs/**/*.md', 'test/*.md'].flatMap((glob) => [...new Bun.Glob(glob).scanSync({ cwd: root })]);
const textOf = (page: string) => Bun.file(join(root, page)).text();

test('documents link to what is there', async () => {
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, target] of (await textOf(page)).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      if (!existsSync(join(root, dirname(page), target!))) broken.push(`${page}: ${target}`);
    }
  }
  expect(pages.length).toBeGreaterThan(8);
  expect(broken).toEqual([]);
});

test('documents name npm scripts and settings that exist', async () => {
  const { scripts } = (await Bun.file(join(root, 'package.json')).json()) as { scripts: Record<string, string> };
  const reference = await textOf('docs/reference/configuration.md');
  const keys = new Set([...reference.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, key]) => key!));
  const wrong: string[] = [];
  for (const page of pages) {
    const text = await textOf(page);
    for (const [, name = ''] of text.matchAll(/\bnpm run ([\w:]+)/g))
      if (!(name in scripts)) wrong.push(`${page}: ${name}`);
    for (const [, key] of text.matchAll(
      /`((?:gc|drain|uploads|database|log|tls|metrics|manifests)\.[a-z]\w*)\b[^`/]*`/g,
    ))
      if (!keys.has(key!) && !existsSync(join(root, 'src', key!.replace('.', '/')))) wrong.push(`${page}: ${key}`);
  }
  expect(keys.size).toBeGreaterThan(20);
  expect(wrong).toEqual([]);
});
