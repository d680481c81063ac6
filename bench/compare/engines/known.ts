/** A vulnerability that the data of engines has, against a package of the image of Python. */
export interface Known {
  id: string;
  /** Of the record of GitHub that has it, where one does. */
  ghsa?: string;
  severity: 'low' | 'high' | 'critical';
  type: 'deb' | 'python';
  /** The source package of Debian; as the metadata of a Python package spells it. */
  name: string;
  /** In which version it is fixed; none where Debian will not. */
  fixed?: string;
}

export const known: readonly Known[] = [
  // With an epoch, which a package URL of Trivy has in another place.
  { id: 'CVE-2026-1001', severity: 'high', type: 'deb', name: 'zlib', fixed: '2:99' },
  { id: 'CVE-2026-1002', severity: 'low', type: 'deb', name: 'python-pip' },
  // A name that PEP 503 writes in another way than its metadata.
  {
    id: 'CVE-2026-1003',
    ghsa: 'GHSA-2222-2222-2222',
    severity: 'critical',
    type: 'python',
    name: 'ruamel.yaml',
    fixed: '0.18.7',
  },
  {
    id: 'CVE-2026-1004',
    ghsa: 'GHSA-3333-3333-3333',
    severity: 'critical',
    type: 'python',
    name: 'django',
    fixed: '4.2.17',
  },
];

/** What comes of it, each in the file of the server's own inventory, and said by both engines. */
export const expected: readonly string[] = [
  'CVE-2026-1001 High fixed 2:99 pkg:deb/debian/zlib1g in var/lib/dpkg/status by grype, trivy',
  'CVE-2026-1002 Low wont-fix pkg:deb/debian/python3-pip in var/lib/dpkg/status by grype, trivy',
  'CVE-2026-1002 Low wont-fix pkg:deb/debian/python3-pip-whl in var/lib/dpkg/status by grype, trivy',
  'CVE-2026-1003 Critical fixed 0.18.7 pkg:pypi/ruamel-yaml in opt/venv/lib/python3.11/site-packages/ruamel.yaml-0.18.6.dist-info/METADATA by grype, trivy',
  'CVE-2026-1004 Critical fixed 4.2.17 pkg:pypi/django in opt/venv/lib/python3.11/site-packages/Django-4.2.16.dist-info/METADATA by grype, trivy',
];
