import { expect, test } from 'bun:test';
import { createLog } from './log.ts';

type Level = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Lines of a log that is not written anywhere else. */
function logTo(lines: string[], format: 'json' | 'text' | 'auto', level: Level = 'debug', terminal = false) {
  return createLog({ level, format }, terminal, (line) => void lines.push(line));
}

test('JSON: one object a line, with time, level and sentence', () => {
  const lines: string[] = [];
  logTo(lines, 'json').info({ requestId: 'r-1', n: 5 }, 'served');
  expect(lines).toHaveLength(1);
  const { time, ...record } = JSON.parse(lines[0]!) as { time: string };
  expect(record).toEqual({ level: 'info', requestId: 'r-1', n: 5, msg: 'served' });
  expect(new Date(time).toISOString()).toBe(time);
});

test('text: time, level, sentence, then the fields', () => {
  const lines: string[] = [];
  logTo(lines, 'text').warn({ requestId: 'r-1', n: 5, client: 'curl/8 (x)' }, 'refused');
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}refused requestId=r-1 n=5 client="curl\/8 \(x\)"\n$/);
});

test('text: nothing that a client sent can begin a line or colour it', () => {
  const lines: string[] = [];
  logTo(lines, 'text').info({ reason: 'a\nfake line', path: '\x1b[31m', empty: '', quoted: 'a"b' }, 'refused');
  expect(lines[0]!.trimEnd()).toEndWith(
    String.raw`refused reason="a\nfake line" path="\u001b[31m" empty="" quoted="a\"b"`,
  );
});

test('auto is text on a terminal and JSON elsewhere', () => {
  const terminal: string[] = [];
  const elsewhere: string[] = [];
  logTo(terminal, 'auto', 'info', true).info({}, 'hello');
  logTo(elsewhere, 'auto', 'info', false).info({}, 'hello');
  expect(terminal[0]).toContain(' info  hello');
  expect(JSON.parse(elsewhere[0]!)).toMatchObject({ msg: 'hello' });
});

test.each<[Level, number]>([
  ['debug', 4],
  ['info', 3],
  ['warn', 2],
  ['error', 1],
  ['silent', 0],
])('the level %s writes %i of four records, and says so beforehand', (level, written) => {
  const lines: string[] = [];
  const log = logTo(lines, 'json', level);
  const levels = ['debug', 'info', 'warn', 'error'] as const;
  for (const one of levels) log[one]({}, one);
  expect(lines).toHaveLength(written);
  expect(levels.filter((one) => log.isLevelEnabled(one))).toHaveLength(written);
});

test('an error is written with its stack and cause', () => {
  for (const format of ['json', 'text'] as const) {
    const lines: string[] = [];
    logTo(lines, format).error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
    expect(lines[0]).toContain('outer');
    expect(lines[0]).toContain('inner');
    expect(lines[0]).toContain('log.test.ts');
  }
});

test('fields that hold a secret by their name never reach the output', () => {
  for (const format of ['json', 'text'] as const) {
    const lines: string[] = [];
    const secret = 'swordfish';
    const headers = { authorization: secret, token: secret };
    logTo(lines, format).info({ authorization: secret, password: secret, token: secret, headers }, 'oops');
    expect(lines[0]).not.toContain(secret);
    expect(lines[0]).toContain('[redacted]');
  }
});

test('a worker says which one it is, in both formats', () => {
  for (const [format, found] of [
    ['json', '"worker":3'],
    ['text', 'worker=3'],
  ] as const) {
    const lines: string[] = [];
    createLog({ level: 'info', format }, false, (line) => void lines.push(line), 3).info({}, 'served');
    expect(lines[0]).toContain(found);
  }
});

test('a record is one write of 4 KiB at most, and stays what it is', () => {
  for (const fields of [
    { path: 'é'.repeat(3000) },
    { err: new Error('x'.repeat(9000)), requestId: 'r-1' },
    Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`field${n}`, 'y'.repeat(50)])),
  ]) {
    const lines: string[] = [];
    logTo(lines, 'json').error(fields, 'failed');
    expect(Buffer.byteLength(lines[0]!)).toBeLessThanOrEqual(4096);
    expect(lines[0]).toEndWith('\n');
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'error', msg: 'failed' });
  }
  const whole: string[] = [];
  logTo(whole, 'json').info({ path: 'x'.repeat(3900) }, 'served');
  expect(JSON.parse(whole[0]!)).toMatchObject({ path: 'x'.repeat(3900) });
});

test.each(['json', 'text'])(
  '%s: what nobody reads is not kept, the writer waits',
  async (format) => {
    const program = `import { createLog } from './log.ts';
    const log = createLog({ level: 'info', format: '${format}' }, false);
    for (let n = 1; n <= 3000; n++) {
      log.info({ n, filling: 'x'.repeat(1000) }, 'written');
      if (n === 1 || n === 3000) process.stderr.write(n + '\\n');
    }`;
    // A socket, as systemd's journal is: of a pipe nothing would be kept in any case.
    const child = Bun.spawn([process.execPath, '-e', program], {
      cwd: import.meta.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const listening = (async () => {
      for await (const chunk of child.stderr) said += new TextDecoder().decode(chunk);
    })();
    const reader = child.stdout.getReader();
    let text = '';
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      // After the first part, it reads nothing for a while.
      if (text === '') await Bun.sleep(2000);
      if (text === '') expect(said).toBe('1\n');
      text += new TextDecoder().decode(next.value);
    }
    expect(text.split('\n')).toHaveLength(3001);
    await listening;
    expect(said).toBe('1\n3000\n');
  },
  60_000,
);

test('what is gathered is a record like any other, and keeps its place among them', async () => {
  const lines: string[] = [];
  const log = logTo(lines, 'json');
  const written = log.gather({ token: 'swordfish', by: 'somebody' }, 'granted');
  log.warn({}, 'refused');
  await written;
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['granted', 'refused']);
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'info', token: '[redacted]', by: 'somebody' });
});

test('what is gathered is written as any record is, and not at all where its level is not', async () => {
  const fields = {
    audit: true,
    n: 1,
    text: 'é"\n',
    nothing: undefined,
    none: null,
    list: ['a', 1],
    token: 'swordfish',
  };
  for (const worker of [undefined, 2]) {
    const lines: string[] = [];
    const log = createLog({ level: 'info', format: 'json' }, false, (line) => void lines.push(line), worker);
    log.info(fields, 'allowed');
    await log.gather(fields, 'allowed');
    const [one, other] = lines.map((line) => line.replace(/"time":"[^"]+"/, '"time":""'));
    expect(other).toBe(one);
  }
  const lines: string[] = [];
  await logTo(lines, 'json', 'warn').gather(fields, 'allowed');
  expect(lines).toEqual([]);
});

test('a secret stops before the log, whether it is a field, in one, or of an error', () => {
  const lines: string[] = [];
  const log = logTo(lines, 'json');
  const secret = 'swordfish';
  const error = Object.assign(new Error('failed'), { token: secret, code: 'EIO', request: { authorization: secret } });
  log.error({ err: error, password: secret, headers: { authorization: secret, accept: '*/*' }, n: 1 }, 'failed');
  expect(lines.join('')).not.toContain(secret);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    err: { message: 'failed', code: 'EIO', token: '[redacted]' },
    password: '[redacted]',
    headers: { authorization: '[redacted]', accept: '*/*' },
    n: 1,
  });
  // Whoever logs goes on with what is theirs.
  expect(error.token).toBe(secret);
});

test('what is only told is left out while a full disk takes no record, and counted; what must be recorded throws', async () => {
  const lines: string[] = [];
  let isFull = false;
  const log = createLog({ level: 'info', format: 'json' }, false, (line) => {
    if (isFull) throw new Error('no space left on device');
    lines.push(line);
  });
  log.record({ token: 'swordfish' }, 'pushed');
  isFull = true;
  for (const level of ['info', 'warn', 'error'] as const) log[level]({ err: new Error('x') }, 'told');
  expect(() => log.record({}, 'pushed')).toThrow('no space left');
  await expect(log.gather({}, 'granted')).rejects.toThrow('no space left');
  isFull = false;
  log.info({}, 'told again');
  log.info({}, 'and again');
  const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(said).toMatchObject([
    { level: 'info', token: '[redacted]', msg: 'pushed' },
    { level: 'warn', records: 3 },
    { msg: 'told again' },
    { msg: 'and again' },
  ]);
});
