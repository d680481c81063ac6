import type { Vulnerability } from './vulnerability.ts';

/** Who publishes an advisory, by what its id begins with, and under which licence (reference, §6.5; SPDX where there is one). */
const publishers: readonly (readonly [prefix: string, name: string, licence?: string])[] = [
  ['GHSA-', 'GitHub Advisory Database', 'CC-BY-4.0'],
  ['GO-', 'Go Vulnerability Database', 'CC-BY-4.0'],
  ['PYSEC-', 'Python Packaging Advisory Database', 'CC-BY-4.0'],
  ['RUSTSEC-', 'RustSec Advisory Database', 'CC0-1.0'],
  ['MAL-', 'OpenSSF Malicious Packages', 'Apache-2.0'],
  ['OSV-', 'OSS-Fuzz', 'CC-BY-4.0'],
  ['GSD-', 'Global Security Database', 'CC0-1.0'],
  ['USN-', 'Ubuntu Security Notices', 'CC-BY-SA-4.0'],
  ['LSN-', 'Ubuntu Security Notices', 'CC-BY-SA-4.0'],
  ['UBUNTU-', 'Ubuntu Security', 'CC-BY-SA-4.0'],
  ['ALSA-', 'AlmaLinux Errata', 'MIT'],
  ['ALBA-', 'AlmaLinux Errata', 'MIT'],
  ['ALEA-', 'AlmaLinux Errata', 'MIT'],
  ['RLSA-', 'Rocky Linux Errata', 'BSD-3-Clause'],
  ['RXSA-', 'Rocky Linux Errata', 'BSD-3-Clause'],
  ['DSA-', 'Debian Security Advisories'],
  ['DLA-', 'Debian Security Advisories'],
  ['DTSA-', 'Debian Security Advisories'],
  ['DEBIAN-', 'Debian Security Tracker'],
  ['ALPINE-', 'Alpine Security Database'],
  ['RHSA-', 'Red Hat Security Data', 'CC-BY-4.0'],
  ['RHBA-', 'Red Hat Security Data', 'CC-BY-4.0'],
  ['RHEA-', 'Red Hat Security Data', 'CC-BY-4.0'],
  ['SUSE-', 'SUSE Security Advisories', 'CC-BY-4.0'],
  ['openSUSE-', 'SUSE Security Advisories', 'CC-BY-4.0'],
  ['PSF-', 'Python Software Foundation', 'CC-BY-4.0'],
  ['BIT-', 'Bitnami Vulnerability Database', 'Apache-2.0'],
  ['CGA-', 'Chainguard Security Advisories'],
  ['TRIVY-', 'Trivy Database'],
];

/** The source of an advisory, for whoever shows it: attribution is what its licence asks for. */
export function sourceOfRecord(recordId: string, part: string): Vulnerability['sources'][number] {
  const known = publishers.find(([prefix]) => recordId.startsWith(prefix));
  if (!known) return { name: part };
  const [, name, licence] = known;
  return { name, ...(licence !== undefined && { licence }) };
}
