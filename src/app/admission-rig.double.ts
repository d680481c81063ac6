import { fetch } from '../../test/http/fetch.ts';
import { errorOf, type Image, ociIndex, pushImage, putManifest } from '../../test/http/registry.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { basic } from '../../test/support/people.ts';
import { startWatchedApp } from '../../test/support/watched-app.ts';
import { type EvidenceFinding, type ScanEvidence, writeEvidence } from '../admission/index.ts';
import type { Digest } from '../oci/index.ts';

export const reader = 'Container Registry Repository Reader';
export const writer = 'Container Registry Repository Writer';

/** A finding as a scan of Debian's OpenSSL would have it. */
export const openssl = (more: Partial<EvidenceFinding> = {}): EvidenceFinding => ({
  id: 'CVE-2026-42767',
  aliases: ['DEBIAN-CVE-2026-42767'],
  severity: 'Critical',
  fixable: true,
  kev: false,
  malicious: false,
  firstSeen: 0,
  purl: 'pkg:deb/debian/openssl@3.0.19-1~deb12u2?arch=amd64',
  installedName: 'openssl',
  installedVersion: '3.0.19-1~deb12u2',
  fixedVersion: '3.0.22-1~deb12u1',
  ...more,
});

/** A server that scans nothing by itself, with a clock that can be put forward, somebody who may pull, somebody who may push, and what scans would say. */
export async function openAdmissionRig(settings: Record<string, string | number> = {}) {
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const server = await startWatchedApp({ now, settings: { 'scanning.parallel': 0, ...settings } });
  const { people, url, app } = server;
  const management = managementOf(url);
  const somebody = async (name: string, ...roles: string[]) => {
    const id = await people.identity(name);
    for (const role of roles) await people.assign(role, id);
    return { Authorization: basic('x', await people.jwt(name)) };
  };
  const pull = { headers: await somebody('runtime', reader) };
  const get = (name: string, reference: string, init: RequestInit = pull) =>
    fetch(`${url}/v2/${name}/manifests/${reference}`, init);
  return {
    ...server,
    now,
    management,
    /** Moves the clock (ms). Tokens that tests show are good for ten minutes. */
    advance: (ms: number) => void (ahead += ms),
    somebody,
    /** As somebody who may pull alone. */
    runtime: pull.headers,
    get,
    head: (name: string, reference: string) => get(name, reference, { ...pull, method: 'HEAD' }),
    async refusal(name: string, reference: string, init: RequestInit = pull) {
      const answer = await get(name, reference, init);
      return { status: answer.status, headers: answer.headers, ...(await errorOf(answer)) };
    },
    policy: (name: string, properties: object) => management.put(`${registry}/admissionPolicies/${name}`, properties),
    exception: (name: string, properties: object) =>
      management.put(`${registry}/admissionExceptions/${name}`, properties),
    ask: (action: 'explain' | 'simulate' | 'exportExceptions', input: object = {}) =>
      management.post(`${registry}/admission/default/${action}`, input) as Promise<Record<string, never>>,
    scan: (digest: string, findings: EvidenceFinding[] = [], more: Partial<ScanEvidence> = {}) =>
      writeEvidence(app.storage.db, 1, digest as Digest, {
        kind: 'scan',
        status: 'complete',
        scannedAt: now(),
        advisoryRevision: 1,
        advisoriesAt: now(),
        findings,
        ...more,
      }),
    push: (name: string, tag?: string, image?: Image) => pushImage(url, name, tag, image),
    /** Pushes an index of manifests that are there. */
    async index(name: string, tag: string, manifests: object[]): Promise<string> {
      const text = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests });
      const answer = await putManifest(url, name, tag, text, ociIndex);
      return answer.headers.get('docker-content-digest')!;
    },
    /** Types of events since the last time, of manifests. */
    async events(): Promise<string[]> {
      const rows = await app.storage.db.all<{ type: string }>(
        `SELECT type FROM events WHERE type LIKE 'manifest.%' ORDER BY id`,
        [],
      );
      return rows.map(({ type }) => type);
    },
    /** Waits until something is so, for as long as a busy machine may need. */
    async until(what: () => Promise<boolean>): Promise<void> {
      for (const end = Date.now() + 45_000; ; await Bun.sleep(50)) {
        if (await what()) return;
        if (Date.now() > end) throw new Error('it has not become so within 45 s');
      }
    },
  };
}

export type AdmissionRig = Awaited<ReturnType<typeof openAdmissionRig>>;

export const descriptorOf = ({ text, digest }: Image, platform: string, more: object = {}) => {
  const [os, architecture] = platform.split('/');
  return {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest,
    size: Buffer.byteLength(text),
    platform: { os, architecture },
    ...more,
  };
};
