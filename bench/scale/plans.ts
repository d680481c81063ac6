import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { exercise } from '../../src/catalog/exercise.double.ts';
import { faultOf, type Plan, plansOf } from '../../src/catalog/plan.double.ts';
import { open } from './background.ts';
import type { Registry } from './registry.ts';
import { nameOf } from './world.ts';

/** Plans of every statement of requests and background on this registry, as text, and what is wrong with those that are not cheap. */
export async function planText(registry: Registry): Promise<{ text: string; faults: string[] }> {
  await using opened = await open(registry);
  const { catalog, clock } = opened;
  const directory = await mkdtemp(join(tmpdir(), 'bonded-plans-'));
  try {
    const later = (ms: number) => void (clock.now += ms);
    const recorded = await exercise(catalog, registry.id, { repository: nameOf(0), directory, later });
    const plans = await plansOf(catalog.db, recorded, { generic: catalog.db.dialect === 'postgres' });
    const faults = plans.flatMap((plan) => {
      const fault = faultOf(plan) ?? (plan.skips && `passes over ${plan.skips}`);
      return fault === undefined ? [] : [`a statement ${fault}: ${plan.statement}`];
    });
    return { text: textOf(plans), faults };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function textOf(plans: readonly Plan[]): string {
  let operation = '';
  const parts = plans.map((plan) => {
    const head = plan.operation === operation ? '' : `== ${plan.operation}\n\n`;
    operation = plan.operation;
    // What a run measured or made up says nothing about the plan.
    const lines = plan.plan.map((line) => `    ${line.replaceAll(/ width=\d+/g, '')}`);
    return `${head}${plan.statement}\n${lines.join('\n')}\n`;
  });
  return parts.join('\n');
}

export async function writePlans(file: string, registry: Registry, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const { tags, repositories } = registry.world;
  await Bun.write(file, `Written by \`npm run bench:scale\` at ${tags} tags, ${repositories} repositories.\n\n${text}`);
}
