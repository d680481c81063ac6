import fc from 'fast-check';
import type { Digest } from '../oci/index.ts';
import { severities } from '../packages/index.ts';
import type { AdmissionFacts, QuarantineState } from './decision.ts';
import { type EvidenceFinding, fixStates, type ScanEvidence, scanStatuses } from './evidence.ts';
import type { AdmissionException } from './exception.ts';
import { type AdmissionPolicy, blobModes, policyModes, registryQuarantine, tagModes } from './policy.ts';

/*
 * Facts, policies and exceptions as they could be, small enough that they often have to do with each other.
 */

export const day = 86_400_000;
export const digestNumber = (n: number) => `sha256:${n.toString(16).padStart(64, '0')}` as Digest;

/** A policy that refuses nothing but what is malicious or exploited, and lets pass what is not known. */
export function policy(more: Partial<AdmissionPolicy> = {}): AdmissionPolicy {
  const { byHand: _, ...rest } = registryQuarantine;
  return {
    ...rest,
    name: 'p',
    mode: 'enforce',
    tagMode: 'hold-previous',
    knownExploited: true,
    malicious: true,
    unscanned: 'deny',
    failed: 'deny',
    ...more,
  };
}

export function finding(more: Partial<EvidenceFinding> = {}): EvidenceFinding {
  return {
    id: 'CVE-2026-1',
    aliases: [],
    severity: 'High',
    fixable: true,
    kev: false,
    malicious: false,
    firstSeen: 0,
    purl: 'pkg:deb/debian/openssl@3.0.1?arch=amd64',
    installedName: 'openssl',
    installedVersion: '3.0.1',
    fixedVersion: '3.0.2',
    ...more,
  };
}

export function scan(findings: readonly EvidenceFinding[] = [], more: Partial<ScanEvidence> = {}): ScanEvidence {
  return { kind: 'scan', status: 'complete', scannedAt: 0, advisoryRevision: 1, advisoriesAt: 0, findings, ...more };
}

export function facts(more: Partial<AdmissionFacts> = {}): AdmissionFacts {
  return { repository: 'prod/app', digest: digestNumber(1), kind: 'image', listedBy: [], ...more };
}

export function exception(more: Partial<AdmissionException> = {}): AdmissionException {
  const alice = { id: 'alice', name: 'Alice' };
  return {
    name: 'e',
    vulnerability: 'CVE-2026-1',
    repositories: ['*'],
    digests: [],
    packages: [],
    fixStates: [],
    status: 'under_investigation',
    requestedBy: alice,
    approvedBy: alice,
    approvedAt: 0,
    expiresAt: 10 * day,
    ...more,
  };
}

const time = fc.integer({ min: 0, max: 20 }).map((n) => n * day);
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });
const ids = ['CVE-2026-1', 'CVE-2026-2', 'GHSA-aaaa'];
const purls = ['pkg:deb/debian/openssl@3.0.1?arch=amd64', 'pkg:npm/%40a/b@1.0.0', 'pkg:golang/x@v1'];
const repository = fc.constantFrom('prod/app', 'prod/web', 'dev');
const patterns = fc.constantFrom(['*'], ['prod/*'], ['prod/app'], ['*', '!prod/*'], ['dev']);

export const someFinding: fc.Arbitrary<EvidenceFinding> = fc.record(
  {
    id: fc.constantFrom(...ids),
    aliases: fc.subarray(ids, { maxLength: 1 }),
    severity: fc.constantFrom(...severities),
    fixable: fc.boolean(),
    fixState: fc.constantFrom(...fixStates),
    kev: fc.boolean(),
    epss: fc.constantFrom(0.01, 0.5, 0.99),
    malicious: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    firstSeen: time,
    purl: fc.constantFrom(...purls),
    installedName: fc.constantFrom('openssl', 'b\u001b[2J\n', 'x'.repeat(500)),
    installedVersion: fc.constant('1'),
    possible: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  },
  {
    requiredKeys: [
      'id',
      'aliases',
      'severity',
      'fixable',
      'kev',
      'malicious',
      'firstSeen',
      'purl',
      'installedName',
      'installedVersion',
    ],
  },
);

const someScan: fc.Arbitrary<ScanEvidence> = fc.record(
  {
    kind: fc.constant('scan' as const),
    status: fc.constantFrom('complete' as const, ...scanStatuses),
    scannedAt: time,
    advisoryRevision: fc.constant(1),
    advisoriesAt: time,
    osEol: time,
    osStandardEol: time,
    baseImageCreatedAt: time,
    findings: fc.array(someFinding, { maxLength: 4 }),
  },
  { requiredKeys: ['kind', 'status', 'scannedAt', 'advisoryRevision', 'advisoriesAt', 'findings'] },
);

const stated = maybe(fc.constantFrom<QuarantineState>('Quarantined', 'Passed', 'Failed'));

const someImage: fc.Arbitrary<AdmissionFacts> = fc.record({
  repository,
  digest: fc.integer({ min: 1, max: 3 }).map(digestNumber),
  kind: fc.constantFrom('image', 'image', 'image', 'other', 'supply-chain'),
  listedBy: fc.subarray([digestNumber(9)]),
  platform: maybe(fc.constantFrom('linux/amd64', 'linux/arm64')),
  scan: maybe(someScan),
  scanWaitsSince: maybe(time),
  stated,
});

export const someFacts: fc.Arbitrary<AdmissionFacts> = fc.oneof(
  someImage,
  fc.record({
    repository,
    digest: fc.constant(digestNumber(9)),
    kind: fc.constant('index' as const),
    listedBy: fc.constant([]),
    stated,
    children: fc.array(someImage, { maxLength: 3 }),
    tooMany: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  }),
);

const choice = fc.constantFrom('allow' as const, 'deny' as const);

export const somePolicy: fc.Arbitrary<AdmissionPolicy> = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  repositories: patterns,
  mode: fc.constantFrom(...policyModes),
  tagMode: fc.constantFrom(...tagModes),
  blobs: fc.constantFrom(...blobModes),
  severity: maybe(fc.constantFrom('Negligible', 'Low', 'Medium', 'High', 'Critical')),
  unknownSeverity: fc.constantFrom('allow' as const, 'deny' as const),
  epss: maybe(fc.constantFrom(0.1, 0.9)),
  fixableOnly: fc.boolean(),
  graceDays: fc.constantFrom(0, 1, 7, 0.333333),
  knownExploited: fc.boolean(),
  malicious: fc.boolean(),
  osEndOfLife: fc.boolean(),
  osLongTermSupport: fc.boolean(),
  maxScanAgeDays: maybe(fc.constantFrom(1, 7)),
  maxAdvisoryAgeHours: maybe(fc.constantFrom(24, 72)),
  maxBaseImageAgeDays: maybe(fc.constantFrom(3, 30)),
  unscanned: choice,
  partial: choice,
  failed: choice,
  unsupported: choice,
  scanDeadlineHours: fc.constantFrom(24, 72, 0.3333333),
  waitSeconds: fc.constantFrom(0, 5),
  signersMayRead: fc.boolean(),
  exceptions: fc.record({ maxDays: fc.constantFrom(1, 5, 90), fourEyes: fc.boolean() }),
  byHand: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  unreadable: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});

const who = fc.constantFrom({ id: 'alice', name: 'Alice' }, { id: 'bob', name: 'Bob' });

export const someException: fc.Arbitrary<AdmissionException> = fc.record({
  name: fc.string({ minLength: 1, maxLength: 3 }),
  vulnerability: fc.constantFrom(...ids, 'cve-2026-1'),
  repositories: patterns,
  digests: fc.subarray([digestNumber(1), digestNumber(9)], { maxLength: 1 }),
  packages: fc.subarray(['pkg:deb/debian/openssl', 'pkg:npm/@a/b', 'pkg:golang/x@v2'], { maxLength: 1 }),
  fixStates: fc.subarray([...fixStates], { maxLength: 2 }),
  status: fc.constant('under_investigation' as const),
  requestedBy: who,
  approvedBy: who,
  approvedAt: time,
  expiresAt: time,
});

export const someNow = time;
