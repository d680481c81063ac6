import type { HarborConfig } from './config.ts';

/** A request that an adapter was sent. */
export interface AdapterRequest {
  registry: { url: string; authorization: string };
  artifact: { repository: string; digest: string; mime_type: string };
  enabled_capabilities?: { type: string; produces_mime_types: string[] }[];
}

export interface AdapterCall {
  method: string;
  path: string;
  headers: Headers;
  body: string;
}

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

export const reportType = 'application/vnd.security.vulnerability.report; version=1.1';

/** As the specification has it, in version 1.2. */
export const metadata = {
  scanner: { name: 'Double', vendor: 'Bonded', version: '1.2.3' },
  capabilities: [
    { type: 'vulnerability', consumes_mime_types: manifestTypes, produces_mime_types: [reportType] },
    {
      type: 'sbom',
      consumes_mime_types: manifestTypes,
      produces_mime_types: ['application/vnd.security.sbom.report+json; version=1.0'],
      additional_attributes: { sbom_media_types: ['application/spdx+json'] },
    },
  ],
  properties: { 'harbor.scanner-adapter/vulnerability-database-updated-at': '2026-01-02T03:04:05Z' },
};

export const vulnerability = (more: object = {}) => ({
  id: 'CVE-2026-1000',
  package: 'left-pad',
  version: '1.0.0',
  fix_version: '1.1.0',
  severity: 'High',
  description: 'It pads too much.',
  links: ['https://example.com/CVE-2026-1000'],
  preferred_cvss: { score_v3: 7.5, vector_v3: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H' },
  ...more,
});

export const reportOf = (digest: string, vulnerabilities: unknown = [vulnerability()]) => ({
  generated_at: '2026-01-02T03:04:05Z',
  artifact: { repository: 'app', digest },
  scanner: metadata.scanner,
  severity: 'High',
  vulnerabilities,
});

export const adapterError = (status: number, message: string) =>
  Response.json(
    { error: { message } },
    { status, headers: { 'content-type': 'application/vnd.scanner.adapter.error+json; version=1.0' } },
  );

/** Not ready: with a Location, as adapters that are written with net/http have it. */
export const notReady = (path: string, refreshAfter = '0') =>
  new Response(null, { status: 302, headers: { 'refresh-after': refreshAfter, location: path } });

export interface AdapterBehaviour {
  metadata?(call: AdapterCall): Response | Promise<Response>;
  scan?(request: AdapterRequest, call: AdapterCall): Response | Promise<Response>;
  /** `asked`: how often this report was asked for before. */
  report?(request: AdapterRequest, asked: number, call: AdapterCall): Response | Promise<Response>;
}

/** An adapter that speaks the protocol over HTTP, well or otherwise. */
export function openAdapter(behaviour: AdapterBehaviour = {}) {
  const calls: AdapterCall[] = [];
  const scans = new Map<string, { request: AdapterRequest; asked: number }>();
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    // One that does not answer does not hang up, either.
    idleTimeout: 0,
    async fetch(request) {
      const { pathname: path } = new URL(request.url);
      const call = { method: request.method, path, headers: request.headers, body: await request.text() };
      calls.push(call);
      if (path === '/api/v1/metadata') {
        const headers = { 'content-type': 'application/vnd.scanner.adapter.metadata+json; version=1.1' };
        return behaviour.metadata?.(call) ?? Response.json(metadata, { headers });
      }
      if (path === '/api/v1/scan' && request.method === 'POST') {
        const asked = JSON.parse(call.body) as AdapterRequest;
        const answer = await behaviour.scan?.(asked, call);
        if (answer) return answer;
        const id = `scan-${scans.size + 1}`;
        scans.set(id, { request: asked, asked: 0 });
        const headers = { 'content-type': 'application/vnd.scanner.adapter.scan.response+json; version=1.0' };
        return Response.json({ id }, { status: 202, headers });
      }
      const id = /^\/api\/v1\/scan\/([^/]+)\/report$/.exec(path)?.[1];
      const scan = id === undefined ? undefined : scans.get(id);
      if (!scan) return adapterError(404, 'there is no such scan');
      const before = scan.asked++;
      const answer = await behaviour.report?.(scan.request, before, call);
      if (answer) return answer;
      if (before === 0) return notReady(path);
      return Response.json(reportOf(scan.request.artifact.digest), { headers: { 'content-type': reportType } });
    },
  });
  return {
    url: `http://localhost:${server.port}`,
    calls,
    asked: (path: string) => calls.filter((call) => call.path === path),
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}

/** An engine's configuration as it comes out of the schema. */
export const harborConfig = (url: string, more: Partial<HarborConfig> = {}): HarborConfig => ({
  name: 'adapter',
  kind: 'harbor',
  url,
  auth: { kind: 'none' },
  timeout: 60_000,
  maxReport: 1024 * 1024,
  parallel: 2,
  ...more,
});
