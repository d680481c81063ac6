import { expect, test } from 'bun:test';
import { openApiDocument } from '../operations/index.ts';
import { createMatch } from './match.ts';
import { methodsOf } from './route-rights.ts';
import { assignments, checkName, definitions, registries, replications, tokens } from './test-management.double.ts';

const types = [registries, tokens, replications, assignments, definitions];
const providerActions = [checkName];
const document = openApiDocument({ version: '1.2.3', types, providerActions });

interface Document {
  paths: Record<string, Record<string, { name?: string }[]>>;
  components: Record<string, Record<string, unknown>>;
}
const { components, paths } = document as unknown as Document;
const methods = new Set(['get', 'put', 'patch', 'delete', 'post']);

test('the same declarations make the same document', () => {
  const again = openApiDocument({ version: '1.2.3', types, providerActions });
  expect(JSON.stringify(again)).toBe(JSON.stringify(document));
});

test('each reference leads somewhere, and each parameter of a path is described', () => {
  const text = JSON.stringify(document);
  const references = [...text.matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(50);
  for (const [, kind, name] of references) expect(components[kind!]).toHaveProperty(name!);
  expect(text.match(/"\$ref"/g)!.length).toBe(references.length);
  for (const [path, { parameters }] of Object.entries(paths)) {
    const named = JSON.stringify(parameters).match(/(?<="name":"|parameters\/)\w+/g)!;
    for (const [, name] of path.matchAll(/\{(\w+)\}/g)) expect(named).toContain(name!);
  }
});

test('it has the paths and methods that are served, and no others', () => {
  const match = createMatch({ types, providerActions });
  for (const [path, item] of Object.entries(paths)) {
    const route = match(path.replace('/{scope}', '').replaceAll(/\{\w+\}/g, 'abc'))!;
    const served = methodsOf(route).filter((method) => method !== 'HEAD');
    const written = Object.keys(item).filter((key) => methods.has(key));
    expect([path, written.map((method) => method.toUpperCase()).toSorted()]).toEqual([path, served.toSorted()]);
  }
  expect(Object.keys(paths)).toHaveLength(4 + 2 * types.length + 3 + 1);
});

test('what is only read cannot be written, and a patch requires nothing', () => {
  const { Registries, RegistriesContent, RegistriesPatch } = components['schemas'] as Record<string, object>;
  expect(Registries).toMatchObject({ properties: { properties: { properties: { loginServer: { readOnly: true } } } } });
  expect(JSON.stringify(RegistriesContent)).not.toContain('loginServer');
  expect(RegistriesContent).toMatchObject({ required: ['location', 'properties'] });
  expect(JSON.stringify(RegistriesPatch)).not.toMatch(/"required"|"default"/);
});
