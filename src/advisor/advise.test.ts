import { afterAll, describe, expect, test } from 'bun:test';
import { accessMistakes } from './access-mistakes.double.ts';
import { contentMistakes, mirror } from './content-mistakes.double.ts';
import { checks } from '../app/advisor.ts';
import { openAdviceRig, waitFor } from './advice-rig.double.ts';

afterAll(() => mirror[Symbol.asyncDispose]());

const mistakes = [...accessMistakes, ...contentMistakes];

/** Of these nothing can be said while a server runs; settings.test.ts has them. */
const ofSettings = ['bootstrap-owner', 'link-header-without-proxy', 'public-listener-without-tls', 'unsealed-keys'];

describe('bonded advise', () => {
  test('has a mistake for each of its checks', () => {
    const ids = Object.values(checks).flatMap((list) => list.map(({ id }) => id));
    expect(new Set([...mistakes.map(({ check }) => check), ...ofSettings])).toEqual(new Set(ids));
  });

  for (const [at, { check, impact, category = 'Security', settings = {}, file, fine, make }] of mistakes.entries()) {
    test(`${check} is found, and its command ends it (${at + 1})`, async () => {
      await using rig = await openAdviceRig({ settings, file });
      await fine?.(rig);
      await rig.bonded('advise');
      expect(await rig.advice(check)).toEqual([]);
      await make(rig);
      // Another process than the one that wrote: the mirror follows within a second.
      await waitFor(async () => (await rig.advice(check)).length > 0);
      for (const found of await rig.advice(check)) expect(found).toMatchObject({ category, impact });
      await rig.fix(check);
      expect(await rig.advice(check)).toEqual([]);
    });
  }
});
