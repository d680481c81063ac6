import { parse } from 'yaml';

export interface Result {
  /** As the suite names it, without the suite's own name. */
  name: string;
  status: 'passed' | 'failed' | 'skipped';
  /** What the suite has against the answer, or why it skipped. */
  complaint: string;
  /** The requests and responses of the test. */
  log: string;
}

const root = 'OCI Conformance Test/';

/** Reads `junit.xml`: one result for each test that the suite ran or left out. */
export function readTests(junit: string): Result[] {
  return [...junit.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, attributes = '', body = '']) => {
      const status = attribute(attributes, 'status');
      return {
        name: attribute(attributes, 'name').replace(root, ''),
        status: status === 'passed' || status === 'skipped' ? status : 'failed',
        complaint: element(body, 'system-out'),
        log: element(body, 'system-err'),
      };
    },
  );
}

/** Reads `results.yaml`: what became of each part of the API and each kind of data. */
export function readSummary(text: string): Result[] {
  const { apis, data } = parse(text) as { apis: Record<string, string>; data: Record<string, string> };
  return Object.entries({ ...apis, ...data }).map(([name, status]) => ({
    name,
    status: status === 'Pass' ? 'passed' : status === 'Skip' || status === 'Disabled' ? 'skipped' : 'failed',
    complaint: `reported as ${status}`,
    log: '',
  }));
}

function attribute(attributes: string, name: string): string {
  return decode(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '');
}

function element(body: string, name: string): string {
  return decode(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(body)?.[1] ?? '').trim();
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex, decimal, name) => {
    if (name !== undefined) return entities[name as string] ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
}
