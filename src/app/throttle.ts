import { randomUUID } from 'node:crypto';
import type { Audit } from '../audit/index.ts';
import type { Configuration } from '../configuration.ts';
import type { ContentLimits } from '../distribution/index.ts';
import { scopeMapType, tokenType } from '../identity/index.ts';
import { startPeriodic } from '../jobs/index.ts';
import { connectionType } from '../network/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import {
  createBuckets,
  createSourceThrottle,
  createThrottle,
  createThrottledCallers,
  createTransfers,
} from '../tiers/index.ts';
import type { Access } from './access.ts';
import { throttledTo } from './audit-trail.ts';
import type { Storage } from './storage.ts';
import { createThrottleGates } from './throttle-gates.ts';
import { contentLimitsBy } from './content-limits.ts';

/** Registries that have series of their own. */
const mostNamed = 100;
const recordMs = 60_000;
const forgetMs = 600_000;

/** Rates, transfers and numbers of registries, by their tiers, in this process. */
export function openThrottle(
  config: Configuration,
  { db, node }: Storage,
  { authenticator, directory, tiers, mirror }: Access,
  {
    metrics,
    audit,
    failed,
    now,
  }: { metrics: Metrics; audit: Audit; failed(job: string, error: unknown): void; now(): number },
) {
  const holder = randomUUID();
  const buckets = createBuckets({ db, holder, now, failed: (error) => failed('exchange-rates', error) });
  const callers = createThrottledCallers(db, now);
  const named = new Set<number>();

  function nameOf(registryId: number): string {
    if (named.size < mostNamed) named.add(registryId);
    return (named.has(registryId) && directory().registry(registryId)?.name) || 'others';
  }

  const throttle = createThrottle({
    buckets,
    refused(refused) {
      metrics.throttled(nameOf(refused.registryId), refused.category, refused.level);
      callers.note(refused.registryId, refused);
    },
    waited: (category, ms) => metrics.throttleWait(category, ms / 1000),
  });
  const source = createSourceThrottle({
    failures: config.throttle.failedLogins,
    refused: () => metrics.sourceThrottled.inc(),
  });
  const tierOf = (registryId: number) => tiers.of(directory().registry(registryId)?.tier ?? '');
  const ofContent: ContentLimits = contentLimitsBy({ tierOf, transfers: createTransfers({ buckets, tierOf }) });

  /** What the metrics say of now. */
  function measure(): void {
    metrics.throttleWaiting.set(throttle.waitingCount());
    // Nothing is told of what is gone.
    for (const gauge of [metrics.rateBudget, metrics.registryUsage, metrics.registryLimit]) gauge.reset();
    for (const { key, part } of buckets.left()) {
      if (key.subject === '') metrics.rateBudget.set({ registry: nameOf(key.registryId), category: key.name }, part);
    }
    for (const { name, resourceId, tier } of directory().registries.slice(0, mostNamed)) {
      const { limits } = tiers.of(tier);
      const rules = mirror.get(resourceId)?.properties['networkRuleSet'] as { ipRules?: unknown[] } | undefined;
      for (const [resource, count] of [
        ['tokens', mirror.list(tokenType.type, resourceId).length],
        ['scopeMaps', mirror.list(scopeMapType.type, resourceId).length],
        ['privateEndpoints', mirror.list(connectionType.type, resourceId).length],
        ['ipRules', rules?.ipRules?.length ?? 0],
      ] as const) {
        metrics.registryUsage.set({ registry: name, resource }, count);
        metrics.registryLimit.set({ registry: name, resource }, limits[resource]);
      }
    }
  }

  const lease = node?.lease('forget-rates') ?? (() => true);
  const periodic = (name: string, intervalMs: number, run: () => Promise<boolean>, isOurs = () => true) =>
    startPeriodic({ name, intervalMs, isOurs, run, failed: (error) => failed(name, error) });

  return {
    gates: createThrottleGates({ authenticator, directory, tiers, throttle, source, refused: throttledTo(audit) }),
    ofContent,
    callers,
    measure,
    /** What goes on beside requests; returns what ends it, the last one first. */
    follow: () => [
      () => callers.record().catch((error: unknown) => failed('record-throttled', error)),
      buckets.follow(),
      async () => throttle.giveUp(),
      periodic('record-throttled', recordMs, async () => (await callers.record(), false)),
      periodic('forget-rates', forgetMs, buckets.forget, lease),
    ],
  };
}
