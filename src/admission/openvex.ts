import { createHash } from 'node:crypto';
import type { AdmissionException } from './exception.ts';

/** A repository that an exception is about, as clients reach it: `registry.example.com/prod/app`. */
export interface VexProduct {
  host: string;
  repository: string;
}

export interface VexStatement {
  exception: AdmissionException;
  /** The repositories that there are now of those that it covers. */
  products: readonly VexProduct[];
}

const iso = (at: number) => new Date(at).toISOString();

/**
 * Exceptions as one OpenVEX 0.2.0 document. The same exceptions make the same text: its id is a hash of its statements. What an
 * exception covers by a pattern becomes the repositories that there are; package URLs are its subcomponents.
 */
export function openVex(statements: readonly VexStatement[], author: string, host: string): Record<string, unknown> {
  const stated = statements
    .toSorted((a, b) => (a.exception.name < b.exception.name ? -1 : 1))
    .flatMap(({ exception, products }) => {
      const named = products
        .toSorted((a, b) => (a.repository < b.repository ? -1 : 1))
        .flatMap((product) => productsOf(exception, product));
      // A statement has a product: what covers nothing that is there says nothing yet.
      return named.length === 0 ? [] : [statementOf(exception, named)];
    });
  const id = createHash('sha256').update(JSON.stringify(stated)).digest('hex');
  const last = Math.max(0, ...statements.map(({ exception }) => exception.approvedAt));
  return {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': `https://${host}/openvex/${id}`,
    author,
    timestamp: iso(last),
    version: 1,
    tooling: 'bonded',
    statements: stated,
  };
}

function statementOf(exception: AdmissionException, products: readonly Record<string, unknown>[]) {
  const { status, justification, statement, vulnerability, ticket, approvedAt, expiresAt, approvedBy } = exception;
  const notes = [
    `approved by ${approvedBy.name}`,
    `expires ${iso(expiresAt)}`,
    ...(ticket === undefined ? [] : [`ticket ${ticket}`]),
  ];
  return {
    vulnerability: { name: vulnerability },
    timestamp: iso(approvedAt),
    products,
    status,
    status_notes: notes.join('; '),
    ...(justification !== undefined && { justification }),
    ...(statement !== undefined && status === 'not_affected' && { impact_statement: statement }),
    ...(statement !== undefined && status === 'affected' && { action_statement: statement }),
  };
}

/** `pkg:oci/app@sha256:…?repository_url=HOST/prod/app`, as the purl specification writes images. */
function productsOf({ digests, packages }: AdmissionException, { host, repository }: VexProduct) {
  const name = repository.slice(repository.lastIndexOf('/') + 1);
  const query = `repository_url=${encodeURIComponent(`${host}/${repository}`).replaceAll('%2F', '/')}`;
  const versions = digests.length === 0 ? [''] : digests.map((digest) => `@${encodeURIComponent(digest)}`);
  return versions.map((version) => ({
    '@id': `pkg:oci/${name}${version}?${query}`,
    ...(packages.length > 0 && { subcomponents: packages.map((purl) => ({ '@id': purl })) }),
  }));
}
