import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { referencePages } from './reference-docs.ts';

test('the generated reference pages are up to date (npm run docs)', async () => {
  for (const [path, text] of Object.entries(await referencePages())) {
    expect(await Bun.file(join(import.meta.dir, '..', path)).text()).toBe(text);
  }
});
