import { describe, expect, test } from 'bun:test';
import { Database } from 'bun:sqlite';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type DoubleHeader, headerBytes } from './header.double.ts';
import { rpmReader } from './index.ts';

const ci = process.env['CI'] === 'true';

/** More than one page of everything: small ones, and some whose headers go on in further pages. */
const many: DoubleHeader[] = Array.from({ length: 300 }, (_, i) => ({
  name: `package-${i}`,
  filling: i % 7 === 0 ? 20_000 : 100,
}));
const openssl: DoubleHeader = {
  name: 'openssl-libs',
  version: '3.0.7',
  release: '24.el9',
  epoch: 1,
  licence: 'ASL 2.0',
  sourceRpm: 'openssl-3.0.7-24.el9.src.rpm',
};
const headers = [...many, openssl, { name: 'gpg-pubkey', version: 'fd431d51' }];

function sqliteOf(blobs: readonly Buffer[], pageSize = 4096): Uint8Array {
  const db = new Database(':memory:');
  db.run(`PRAGMA page_size=${pageSize}`);
  db.run('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)');
  db.run('CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER NOT NULL)');
  const insert = db.prepare('INSERT INTO Packages (blob) VALUES (?)');
  db.transaction(() => blobs.forEach((blob) => insert.run(blob)))();
  // In the middle of the tree something is missing, as after an upgrade.
  db.run('DELETE FROM Packages WHERE hnum = 5');
  return new Uint8Array(db.serialize());
}

function ndbOf(blobs: readonly Buffer[]): Uint8Array {
  const pages = Math.ceil(((blobs.length + 2) * 16) / 4096);
  const slots = Buffer.alloc(pages * 4096);
  slots.write('RpmP');
  slots.writeUInt32LE(pages, 12);
  for (let at = 32; at < slots.length; at += 16) slots.write('Slot', at);
  const parts: Buffer[] = [];
  let block = slots.length / 16;
  for (const [i, blob] of blobs.entries()) {
    const head = Buffer.alloc(16);
    head.write('BlbS');
    head.writeUInt32LE(i + 1, 4);
    head.writeUInt32LE(blob.length, 12);
    const padded = Buffer.concat([
      head,
      blob,
      Buffer.alloc((16 - (blob.length % 16)) % 16),
      Buffer.from('tail'.repeat(4)),
    ]);
    // A slot stays free, as after a removal.
    const slot = 32 + (i + Number(i > 3)) * 16;
    slots.writeUInt32LE(i + 1, slot + 4);
    slots.writeUInt32LE(block, slot + 8);
    slots.writeUInt32LE(padded.length / 16, slot + 12);
    parts.push(padded);
    block += padded.length / 16;
  }
  return new Uint8Array(Buffer.concat([slots, ...parts]));
}

/** A page of the hash for each header, which goes on in overflow pages. */
function berkeleyOf(blobs: readonly Buffer[]): Uint8Array {
  const size = 512;
  const meta = Buffer.alloc(size);
  meta.writeUInt32LE(0x061561, 12);
  meta.writeUInt32LE(size, 20);
  meta[25] = 8;
  const pages = [meta];
  for (const [i, blob] of blobs.entries()) {
    const hash = Buffer.alloc(size);
    hash.writeUInt16LE(2, 20);
    hash[25] = 13;
    hash.writeUInt16LE(size - 5, 26);
    hash.writeUInt16LE(size - 17, 28);
    hash.set([1, (i + 1) & 255, (i + 1) >> 8, 0, 0], size - 5);
    hash[size - 17] = 3;
    hash.writeUInt32LE(pages.length + 1, size - 13);
    hash.writeUInt32LE(blob.length, size - 9);
    pages.push(hash);
    for (let at = 0; at < blob.length; at += size - 26) {
      const part = blob.subarray(at, at + size - 26);
      const page = Buffer.alloc(size);
      page.writeUInt32LE(at + part.length < blob.length ? pages.length + 1 : 0, 16);
      page.writeUInt16LE(part.length, 22);
      page[25] = 7;
      page.set(part, 26);
      pages.push(page);
    }
  }
  return new Uint8Array(Buffer.concat(pages));
}

function read(name: string, bytes: Uint8Array) {
  const { packages, warnings = [] } = rpmReader.read(`var/lib/rpm/${name}`, bytes);
  return { packages, names: packages.map((found) => found.name).toSorted(), warnings };
}

const names = headers.map(({ name }) => name).filter((name) => name !== 'gpg-pubkey');
const opensslFound = {
  type: 'rpm' as const,
  name: 'openssl-libs',
  version: '1:3.0.7-24.el9',
  arch: 'x86_64',
  licenses: ['ASL 2.0'],
  source: { name: 'openssl', version: '1:3.0.7-24.el9' },
};

describe('a database of rpm', () => {
  for (const pageSize of [512, 1024, 4096, 65_536]) {
    test(`in SQLite, with pages of ${pageSize}`, () => {
      const found = read('rpmdb.sqlite', sqliteOf(headers.map(headerBytes), pageSize));
      expect(found.warnings).toEqual([]);
      expect(found.names).toEqual(names.filter((name) => name !== 'package-4').toSorted());
      expect(found.packages.find(({ name }) => name === 'openssl-libs')).toEqual(opensslFound);
    });
  }

  test("in rpm's own format", () => {
    const found = read('Packages.db', ndbOf(headers.map(headerBytes)));
    expect(found.warnings).toEqual([]);
    expect(found.names).toEqual(names.toSorted());
    expect(found.packages.find(({ name }) => name === 'openssl-libs')).toEqual(opensslFound);
  });

  test('in Berkeley DB', () => {
    const found = read('Packages', berkeleyOf(headers.map(headerBytes)));
    expect(found.warnings).toEqual([]);
    expect(found.names).toEqual(names.toSorted());
  });

  for (const order of [1234, 4321]) {
    test.skipIf(!ci && !Bun.which('db5.3_load'))(
      `in Berkeley DB, as its own program writes it, in order ${order}`,
      async () => {
        const directory = await mkdtemp(join(tmpdir(), 'bonded-rpm-'));
        try {
          const file = join(directory, 'Packages');
          const records = headers.map((header, i) => {
            const key = Buffer.alloc(4);
            key.writeUInt32LE(i + 1);
            return ` ${key.toString('hex')}\n ${headerBytes(header).toString('hex')}`;
          });
          const counter = ' 00000000\n 2e010000';
          const text = `VERSION=3\nformat=bytevalue\ntype=hash\ndb_lorder=${order}\ndb_pagesize=4096\nHEADER=END\n${[counter, ...records].join('\n')}\nDATA=END\n`;
          const { exitCode, stderr } = Bun.spawnSync(['db5.3_load', file], { stdin: Buffer.from(text) });
          expect([exitCode, stderr.toString()]).toEqual([0, '']);
          const found = read('Packages', await Bun.file(file).bytes());
          expect(found.warnings).toEqual([]);
          expect(found.names).toEqual(names.toSorted());
          expect(found.packages.find(({ name }) => name === 'openssl-libs')).toEqual(opensslFound);
        } finally {
          await rm(directory, { recursive: true });
        }
      },
    );
  }

  test.skipIf(!ci && !Bun.which('rpmbuild'))('as rpm itself has made it of packages that it has built', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bonded-rpm-'));
    try {
      const spec = [
        'Name: tool\nVersion: 1.2.3\nRelease: 4.el9\nEpoch: 2\nSummary: A tool\nLicense: MIT\nBuildArch: noarch',
        '%description\nA tool',
        '%package libs\nSummary: Its libraries\n%description libs\nThem',
        '%files\n%files libs\n',
      ].join('\n');
      await Bun.write(join(directory, 'tool.spec'), spec);
      const top = ['--define', `_topdir ${directory}/top`];
      const run = (command: string[]) => {
        const { exitCode, stderr } = Bun.spawnSync(command, { cwd: directory });
        expect([command.join(' '), exitCode, exitCode === 0 ? '' : stderr.toString()]).toEqual([
          command.join(' '),
          0,
          '',
        ]);
      };
      run(['rpmbuild', '-bb', ...top, 'tool.spec']);
      const packages = [...new Bun.Glob('top/RPMS/noarch/*.rpm').scanSync(directory)];
      const backend = [
        '--root',
        join(directory, 'root'),
        '--define',
        '_db_backend sqlite',
        '--define',
        '_dbpath /var/lib/rpm',
      ];
      run(['rpm', ...backend, '--initdb']);
      run(['rpm', ...backend, '-i', '--nodeps', ...packages]);
      const found = read('rpmdb.sqlite', await Bun.file(join(directory, 'root/var/lib/rpm/rpmdb.sqlite')).bytes());
      expect(found.warnings).toEqual([]);
      expect(found.packages.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
        ['tool', 'tool-libs'].map((name) => ({
          type: 'rpm',
          name,
          version: '2:1.2.3-4.el9',
          arch: 'noarch',
          licenses: ['MIT'],
          source: { name: 'tool', version: '2:1.2.3-4.el9' },
        })),
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('lies where distributions keep it, and its log counts only with something in it', () => {
    const wanted = (path: string, size = 1) => rpmReader.wants(path, { mode: 0o644, size });
    for (const directory of ['var/lib/rpm', 'usr/lib/sysimage/rpm', 'usr/share/rpm']) {
      for (const name of ['rpmdb.sqlite', 'Packages.db', 'Packages']) expect(wanted(`${directory}/${name}`)).toBe(true);
      expect(wanted(`${directory}/Name`)).toBe(false);
      expect([0, 32].map((size) => wanted(`${directory}/rpmdb.sqlite-wal`, size))).toEqual([false, true]);
    }
    expect(wanted('home/rpmdb.sqlite')).toBe(false);
    expect(read('rpmdb.sqlite-wal', new Uint8Array(32)).warnings).toEqual([
      'the log of the database was not copied into it',
    ]);
  });
});

describe('a forged database of rpm', () => {
  test('what is none says so', () => {
    for (const name of ['rpmdb.sqlite', 'Packages.db', 'Packages']) {
      const { packages, warnings } = read(name, new Uint8Array(4096).fill(7));
      expect([packages, warnings.length]).toEqual([[], 1]);
    }
  });

  test('a view in place of the table runs nothing', () => {
    const db = new Database(':memory:');
    db.run(
      'CREATE VIEW Packages AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x AS hnum, x AS blob FROM n',
    );
    expect(read('rpmdb.sqlite', new Uint8Array(db.serialize()))).toMatchObject({
      packages: [],
      warnings: ['the database has no table Packages'],
    });
  });

  test('pages that lead to themselves, and to one another a million times, are looked at once', () => {
    const bytes = sqliteOf(headers.map(headerBytes), 512);
    const view = new DataView(bytes.buffer);
    // Each page of the inside leads to the root of the table for each of its children.
    for (let page = 2; page <= bytes.length / 512; page++) {
      const start = (page - 1) * 512;
      if (bytes[start] !== 5) continue;
      view.setUint32(start + 8, 2);
      for (let cell = 0; cell < view.getUint16(start + 3); cell++)
        view.setUint32(start + view.getUint16(start + 12 + cell * 2), 2);
    }
    expect(read('rpmdb.sqlite', bytes).warnings).toEqual(['its pages lead in a circle']);
  });

  test('a chain of overflow pages that leads to itself ends with the length of its value', () => {
    const bytes = berkeleyOf([headerBytes({ name: 'a', filling: 2000 })]);
    const view = new DataView(bytes.buffer);
    for (let start = 1024; start < bytes.length; start += 512) view.setUint32(start + 16, 2, true);
    expect(read('Packages', bytes)).toMatchObject({ packages: [{ name: 'a' }] });
    view.setUint32(512 + 512 - 9, 2 ** 31, true);
    expect(read('Packages', bytes)).toMatchObject({ packages: [], warnings: ['its values are longer than the file'] });
  });

  test('a header that is none costs its own package alone', () => {
    const blobs = [
      headerBytes({ name: 'a' }),
      Buffer.from('nothing'),
      Buffer.alloc(64, 0xff),
      headerBytes({ name: 'b' }),
    ];
    for (const [name, bytes] of [
      ['rpmdb.sqlite', sqliteOf(blobs)],
      ['Packages.db', ndbOf(blobs)],
      ['Packages', berkeleyOf(blobs)],
    ] as const) {
      expect(read(name, bytes)).toMatchObject({ names: ['a', 'b'], warnings: ['2 headers are none'] });
    }
  });

  test('property: any changes of one end, and give no more than was in it', () => {
    const blobs = headers.slice(290).map(headerBytes);
    const good = { 'rpmdb.sqlite': sqliteOf(blobs, 512), 'Packages.db': ndbOf(blobs), Packages: berkeleyOf(blobs) };
    fc.assert(
      fc.property(
        fc.constantFrom('rpmdb.sqlite', 'Packages.db', 'Packages'),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { maxLength: 30 }),
        (name, changes) => {
          const bytes = good[name].slice();
          for (const [place, value] of changes) bytes[Math.floor(place * (bytes.length - 1))] = value;
          const { packages } = read(name, bytes);
          expect(packages.length).toBeLessThan(1000);
        },
      ),
      { numRuns: 500 },
    );
  });
});
