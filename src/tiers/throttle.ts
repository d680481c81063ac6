import { hash } from 'node:crypto';
import type { Buckets, BucketShape } from './buckets/index.ts';
import type { Category } from './contract.ts';
import type { Draw } from './draw.ts';
import { type Level, type Refused, tooMany } from './refusal.ts';
import type { Tier } from './tiers.ts';
import { createWaiting, type Waiting, type Waits } from './waiting.ts';

/** What a request is to be counted as. */
export interface Counted {
  tier: Tier;
  registryId: number;
  category: Category;
  /** Who asks; undefined where only the registry is counted. */
  identity: string | undefined;
  /** An object that stands for whoever asks in this registry, for as long as they are remembered: what they draw from hangs on it. */
  caller?: object;
  /** For a request that may wait: the signal of its client, and what is called before it does. */
  waits?: Waiting;
}

export interface ThrottleOptions {
  buckets: Buckets;
  /** Told of each refusal, and of each wait when it has ended (ms). */
  refused(refused: Refused & { registryId: number }): void;
  waited(category: Category, ms: number): void;
}

export interface Throttle extends Waits {
  /**
   * Counts a request: throws TOOMANYREQUESTS where a rate of its tier is used up. Returns what its answer says of what is
   * left; a promise where this process has to ask for more, or the request waits for its turn. Call it only where the tier
   * has rates.
   */
  count(counted: Counted): Budget | undefined | Promise<Budget | undefined>;
}

/** What is left of a caller's rates. */
export interface Budget {
  category: Category;
  draws: readonly Draw[];
}

/** How often a request asks for another slice before it is refused: others may be faster. */
const attempts = 50;

/** The rates of all registries, in this process. */
export function createThrottle({ buckets, refused, waited }: ThrottleOptions): Throttle {
  const waiting = createWaiting({ ended: waited });

  const remembered = new WeakMap<object, Partial<Record<Category, Remembered>>>();

  /** What a caller draws from: found once, as long as its tier is the same object. */
  function drawsOf(counted: Counted, category: Category): readonly Draw[] {
    const { caller, tier } = counted;
    if (!caller) return bucketsOf(counted, category);
    let own = remembered.get(caller);
    if (!own) remembered.set(caller, (own = {}));
    const known = own[category];
    const generation = buckets.generation();
    if (known?.tier === tier && known.generation === generation) return known.draws;
    const draws = bucketsOf(counted, category);
    own[category] = { tier, generation: buckets.generation(), draws };
    return draws;
  }

  function bucketsOf({ tier, registryId, identity }: Counted, category: Category): Draw[] {
    const { burstSeconds } = tier.rates;
    const rates: { registry: number; identity?: number } = tier.rates[category];
    const draws: Draw[] = [];
    const add = (level: Level, subject: string, perMinute: number) => {
      if (perMinute < 0) return;
      const bucket = buckets.at({ registryId, name: category, subject }, shapeOf(perMinute, burstSeconds));
      draws.push({ level, bucket, amount: 1 });
    };
    if (identity !== undefined) add('identity', subjectOf(identity), rates.identity ?? -1);
    add('registry', '', rates.registry);
    return draws;
  }

  async function countLater(counted: Counted, draws: readonly Draw[]): Promise<Budget> {
    const { category } = counted;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const lacking = draws.filter(({ bucket }) => !bucket.has(1));
      if (lacking.length === 0) return spend(category, draws);
      const more = await Promise.all(lacking.map(({ bucket }) => bucket.ask()));
      if (more.includes(false)) break;
    }
    if (haveAll(draws)) return spend(category, draws);
    return refuse(counted, draws);
  }

  async function countInTurn(counted: Counted, queue: string, draws: readonly Draw[], waits: Waiting): Promise<Budget> {
    let empty: readonly Draw[] = [];
    for (let attempt = 0; attempt < attempts && empty.length === 0; attempt++) {
      if (waiting.isWaitedFor(queue, draws)) break;
      if (haveAll(draws)) return spend(counted.category, draws);
      const asked = await Promise.all(draws.map(async (draw) => draw.bucket.has(1) || (await draw.bucket.ask())));
      empty = draws.filter((_, at) => !asked[at]);
    }
    const passed = await waiting.wait(queue, draws, waits, empty);
    return passed ? { category: counted.category, draws } : refuse(counted, draws, waits.signal.aborted);
  }

  /** `gone`: nobody hears of it any more, and nobody need be told. */
  function refuse(counted: Counted, draws: readonly Draw[], gone = false): never {
    const { category, tier, registryId, identity } = counted;
    const lacking = draws.filter(({ bucket }) => !bucket.has(1));
    const worst = lacking.toSorted((a, b) => b.bucket.retrySeconds() - a.bucket.retrySeconds())[0] ?? draws[0]!;
    const refusal = { category, level: worst.level, tier: tier.name, identity };
    if (!gone) refused({ ...refusal, registryId });
    throw tooMany(refusal, worst.bucket.retrySeconds(), budgetHeaders({ draws }));
  }

  /** Lists of referrers draw from reads as well; beyond their own rate they cost as many reads as the two rates say. */
  async function countReferrers(counted: Counted): Promise<Budget | undefined> {
    const reads = drawsOf(counted, 'dataplaneRead');
    const own = drawsOf(counted, 'listReferrers');
    await Promise.all(own.filter(({ bucket }) => !bucket.has(1)).map(({ bucket }) => bucket.ask()));
    const short = own.filter(({ bucket }) => !bucket.has(1));
    if (reads.length === 0) {
      // Reads are free: a manifest would be served, and so is this.
      if (short.length === 0) for (const { bucket } of own) bucket.spend(1);
      return own.length > 0 ? { category: 'listReferrers', draws: own } : undefined;
    }
    const priced = reads.map((draw) => ({ ...draw, amount: priceOf(counted.tier, draw.level, short) }));
    const budget = await countLater({ ...counted, category: 'dataplaneRead' }, priced);
    for (const { bucket } of short.length === 0 ? own : []) bucket.spend(1);
    return budget;
  }

  return {
    ...waiting,
    count(counted) {
      if (counted.category === 'listReferrers') return countReferrers(counted);
      const draws = drawsOf(counted, counted.category);
      if (draws.length === 0) return undefined;
      const { waits, registryId, category } = counted;
      if (!waits) return haveAll(draws) ? spend(category, draws) : countLater(counted, draws);
      const queue = `${registryId} ${category}`;
      // Nobody overtakes those who wait for the same; who has used up a rate of its own keeps nobody else waiting.
      if (haveAll(draws) && !waiting.isWaitedFor(queue, draws)) return spend(category, draws);
      return countInTurn(counted, queue, draws, waits);
    },
  };
}

interface Remembered {
  tier: Tier;
  generation: number;
  draws: readonly Draw[];
}

function haveAll(draws: readonly Draw[]): boolean {
  for (const { bucket } of draws) if (!bucket.has(1)) return false;
  return true;
}

function spend(category: Category, draws: readonly Draw[]): Budget {
  for (const { bucket, amount } of draws) bucket.spend(amount);
  return { category, draws };
}

function priceOf({ rates }: Tier, level: Level, short: readonly Draw[]): number {
  if (!short.some((draw) => draw.level === level)) return 1;
  return Math.max(1, Math.round(rates.dataplaneRead[level] / Math.max(1, rates.listReferrers[level])));
}

const shapes = new Map<string, BucketShape>();

/** One object for each rate that there is: they are few. */
function shapeOf(perMinute: number, burstSeconds: number): BucketShape {
  const key = `${perMinute} ${burstSeconds}`;
  let shape = shapes.get(key);
  if (!shape) {
    if (shapes.size >= 1000) shapes.clear();
    shape = { capacity: Math.max(1, (perMinute * burstSeconds) / 60), perMs: perMinute / 60_000 };
    shapes.set(key, shape);
  }
  return shape;
}

/** Names of callers are mostly short and plain; a key of the database has an end, and PostgreSQL takes no NUL. */
function subjectOf(identity: string): string {
  return /^[ -~]{1,128}$/.test(identity) ? identity : hash('sha256', identity, 'base64url');
}

/**
 * What is left, in the words of draft-ietf-httpapi-ratelimit-headers-11: `q` requests in `w` seconds by policy, `r` of them
 * left, all of them again in `t` seconds.
 */
export function budgetHeaders({ draws }: Pick<Budget, 'draws'>): Record<string, string> {
  let left = '';
  for (const { level, bucket } of draws) {
    const { capacity, perMs } = bucket.shape;
    const rest = Math.min(Math.floor(capacity), bucket.left());
    left += `${left && ', '}"${level}";r=${rest};t=${Math.ceil((capacity - rest) / perMs / 1000)}`;
  }
  return { 'RateLimit-Policy': policyOf(draws), RateLimit: left };
}

const policies = new WeakMap<readonly Draw[], string>();

function policyOf(draws: readonly Draw[]): string {
  let policy = policies.get(draws);
  if (policy === undefined) {
    policy = draws
      .map(({ level, bucket }) => `"${level}";q=${Math.round(bucket.shape.perMs * 60_000)};w=60`)
      .join(', ');
    policies.set(draws, policy);
  }
  return policy;
}
