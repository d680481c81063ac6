import { expect } from 'bun:test';
import { type Command, type Parts, perform } from './gc-history.double.ts';
import * as model from './gc-model.double.ts';
import { observe } from './gc-observe.double.ts';
import type { Life, World } from './gc-world.double.ts';

/** What is kept goes when its time has come, and not before; cut short, some of it. */
export async function checkExpire(
  world: World,
  life: Life,
  parts: Parts,
  command: Command & { do: 'expire' },
  before: model.Model,
): Promise<model.Model> {
  const { now } = world.clock;
  const outcome = await perform(world, life, parts, command, []);
  const seen = await observe(world);
  const after = structuredClone(before);
  for (const [place, { kept }] of before.entries()) {
    for (const [at, deletedAt] of kept ?? []) {
      const isDue = deletedAt <= now - model.retention;
      const isThere = seen.includes(`${place} kept ${at}`);
      if (!isThere) expect(isDue).toBe(true);
      if (outcome !== 'crash') expect(isThere).toBe(!isDue);
      if (!isThere) model.purge(after, place, at, now);
    }
  }
  expect(seen).toEqual(model.inventory(after));
  return after;
}

/** The state after a restore that was cut short: each manifest has come back whole, what is listed before what lists it. */
export function restoredSoFar(
  before: model.Model,
  command: Command & { do: 'restore' },
  seen: readonly string[],
  now: number,
): model.Model {
  const { place, manifest } = command;
  const { plan } = model.planRestore(before[place]!, manifest);
  const states = Array.from({ length: plan.length + 1 }, (_, steps) => {
    const state = structuredClone(before);
    model.restore(state, place, manifest, command, now, steps);
    return state;
  });
  const found = states.find((state) => Bun.deepEquals(model.inventory(state), seen));
  if (!found) expect(states.map((state) => model.inventory(state))).toContainEqual([...seen]);
  return found!;
}
