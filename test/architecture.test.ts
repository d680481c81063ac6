import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { rules, treeOf } from './architecture/index.ts';
import { ranks } from './architecture/ranks.ts';

const src = join(import.meta.dir, '..', 'src');

async function readTree() {
  const files: Record<string, string> = {};
  for (const path of new Bun.Glob('**/*.{ts,tsx}').scanSync(src)) files[path] = await Bun.file(join(src, path)).text();
  return treeOf(files);
}

const tree = await readTree();

describe('src', () => {
  test('is read', () => expect(tree.size).toBeGreaterThan(50));

  for (const [sentence, rule] of Object.entries(rules)) {
    test(sentence, () => {
      expect(rule(tree).map(({ where, what }) => `${where} ${what}`)).toEqual([]);
    });
  }
});

/** What a rule finds in files that are written here, as `path:line`. */
function found(sentence: string, files: Record<string, string>): string[] {
  return rules[sentence]!(treeOf(files)).map(({ where }) => where.replace('src/', ''));
}

describe('the rules find', () => {
  test('folders and files that the table does not know', () => {
    const files = { 'oci/a.ts': '', 'main.ts': '', 'plugins/a.ts': '', 'extra.ts': '' };
    expect(found('every file is in a place that the table of ranks knows', files)).toEqual([
      'plugins/a.ts:1',
      'extra.ts:1',
    ]);
  });

  const imports = 'imports go strictly downward';

  test('imports upward and sideways, whatever their form', () => {
    const upward = [
      `import { a } from '../catalog/index.ts';`,
      `import type { A } from '../catalog/index.ts';`,
      `export * from '../catalog/index.ts';`,
      `import '../catalog/index.ts';`,
      `const a = await import('../catalog/index.ts');`,
      `let a: import('../catalog/index.ts').A;`,
      `import {\n  a,\n} from '../catalog/index.ts';`,
      `new Worker(new URL('../catalog/index.ts', import.meta.url));`,
    ];
    for (const line of upward) expect(found(imports, { 'content/a.ts': line })).toHaveLength(1);
    expect(found(imports, { 'content/a.ts': `import '../access/index.ts';` })).toEqual(['content/a.ts:1']);
    expect(found(imports, { 'telemetry/a.ts': `\nimport '../database/index.ts';` })).toEqual(['telemetry/a.ts:2']);
    expect(found(imports, { 'app/start.ts': `import '../commands/index.ts';` })).toEqual(['app/start.ts:1']);
  });

  test('nothing in imports downward, in comments, in text and in tests', () => {
    const line = `import { a } from '../catalog/index.ts';`;
    const fine = {
      'distribution/a.ts': line,
      'oci/a.ts': `// ${line}\n/* ${line} */ const a = "${line}"; const b = /'/; const c = \`\${'x'} ${line}\`;`,
      'oci/b.test.ts': line,
    };
    expect(found(imports, fine)).toEqual([]);
  });

  test('every pair of ranks in the right order', () => {
    for (const [at, [, folders]] of ranks.entries()) {
      for (const [below, [, others]] of ranks.entries()) {
        const file = { [`${folders[0]}/a.ts`]: `import '../${others.at(-1)}/index.ts';` };
        expect(found(imports, file)).toHaveLength(below < at || folders[0] === others.at(-1) ? 0 : 1);
      }
    }
  });

  test('imports past the front door', () => {
    const past = `import { moveTag } from '../catalog/tags.ts';`;
    const files = {
      'http/a.ts': past,
      'http/b.ts': `import '../catalog/index.ts';\nimport '../catalog/contract.ts';`,
      'http/c.ts': `import './a.ts';`,
      'catalog/tables.ts': `declare module '../database/tables.ts' {}`,
      'catalog/d.ts': `import type { Tables } from '../database/tables.ts';`,
    };
    expect(found('folders are entered by their front door', files)).toEqual(['http/a.ts:1', 'catalog/d.ts:1']);
  });

  test('production code that imports tests or leaves src', () => {
    const files = {
      'content/a.ts': `import '../../test/support/database.ts';`,
      'content/b.ts': `import { suite } from './store.contract.ts';`,
      'content/c.ts': `import './missing.ts';`,
      'content/d.test.ts': `import '../../test/support/database.ts';`,
      'content/store.contract.ts': '',
      'main.ts': `import a from '../package.json';`,
    };
    const sentence = 'production code imports neither tests nor what lies outside src';
    expect(found(sentence, files)).toEqual(['content/a.ts:1', 'content/b.ts:1', 'content/c.ts:1']);
  });

  test('circles of imports', () => {
    const circle = { 'oci/a.ts': `import './b.ts';`, 'oci/b.ts': `import type { C } from './c.ts';` };
    const sentence = 'no file imports itself, not even by way of others';
    expect(found(sentence, { ...circle, 'oci/c.ts': '' })).toEqual([]);
    expect(found(sentence, { ...circle, 'oci/c.ts': `export { a } from './a.ts';` })).toHaveLength(1);
  });

  test('packages outside the folder that hides them', () => {
    const files = {
      'database/a.ts': `import pg from 'pg';`,
      'catalog/a.ts': `import { Database } from 'bun:sqlite';`,
      'catalog/b.ts': `const { Pool } = await import('pg');`,
    };
    expect(found('a package that one folder hides is imported there alone', files)).toEqual([
      'catalog/a.ts:1',
      'catalog/b.ts:1',
    ]);
  });

  const reaches = 'the environment, HTTP servers and outgoing calls have one place each';

  test('the environment, servers and calls out of place', () => {
    const wrong = found(reaches, {
      'config/a.ts': `process.env.HOME`,
      'main.ts': `run(process.env);`,
      'catalog/a.ts': `const home = process.env['HOME'];`,
      'http/a.ts': `Bun.serve({ fetch(request): Response { return answer(request); } });`,
      'cli/a.ts': `\nBun.serve({ port: 0 });`,
      'outbound/a.ts': `await fetch(url);`,
      'upstream/a.ts': `const r = await fetch(url, { method: 'HEAD' });`,
      'upstream/b.ts': `const f = globalThis.fetch;`,
      'upstream/c.ts': `outbound.fetch(url);`,
    });
    expect(wrong).toEqual(['catalog/a.ts:1', 'cli/a.ts:2', 'upstream/a.ts:1', 'upstream/b.ts:1']);
  });

  test('long files and a long median', () => {
    const lines = (count: number) => 'a;\n'.repeat(count);
    expect(found('files are small', { 'oci/a.ts': lines(500), 'oci/b.ts': '', 'oci/c.ts': '' })).toEqual([]);
    expect(found('files are small', { 'oci/a.ts': lines(501), 'oci/b.ts': '', 'oci/c.ts': '' })).toEqual([
      'oci/a.ts:501',
    ]);
    expect(found('files are small', { 'oci/a.ts': lines(131), 'oci/b.ts': lines(131), 'oci/c.ts': '' })).toEqual([
      'src',
    ]);
    expect(found('files are small', { 'oci/a.test.ts': lines(900), 'oci/b.ts': '' })).toEqual([]);
  });

  test('names that say nothing', () => {
    const good = { 'catalog/tags.ts': '', 'content/blob-store.contract.ts': '' };
    const bad = { 'oci/utils.ts': '', 'oci/upload-manager.ts': '', 'helpers/a.ts': '', 'oci/blobStore.ts': '' };
    expect(found('names say what is inside', { ...good, ...bad })).toHaveLength(4);
  });

  test('tables in the SQL of others', () => {
    const tables = `declare module '../database/tables.ts' {
      interface Tables { blobs: { id: number; key: string }; /** note: a colon */ uploads: { id: string } }
    }`;
    const uses = (line: string, folder = 'catalog') =>
      found('a table is named by its owner alone', { 'content/tables.ts': tables, [`${folder}/a.ts`]: line });
    for (const line of [
      `tx.selectFrom('blobs').select('id')`,
      `tx.insertInto('uploads')`,
      `query.innerJoin('blobs as b', 'b.id', 'x')`,
      `db.all('SELECT 1 FROM repositories r JOIN blobs b ON b.id = r.id')`,
      'db.all(`select 1 from "blobs"`)',
      'db.all(`DELETE FROM ${scope} USING uploads`)',
      `type Row = Selectable<Tables['uploads']>`,
    ]) {
      expect(uses(line)).toEqual(['catalog/a.ts:1']);
      expect(uses(line, 'content')).toEqual([]);
    }
    for (const line of [`join(data, 'uploads')`, `'an update of blobs comes from uploads'`, `// FROM blobs`]) {
      expect(uses(line)).toEqual([]);
    }
    const twice = { 'content/tables.ts': tables, 'catalog/tables.ts': tables };
    expect(found('a table is named by its owner alone', twice)).toEqual(['catalog/tables.ts:2', 'catalog/tables.ts:2']);
  });
});
