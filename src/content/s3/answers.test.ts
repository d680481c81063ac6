import { expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openS3Calls, type S3Calls } from './calls.ts';

/* What S3 answers and no server that can be had does: endpoints that are played. */

type Play = (response: ServerResponse, answer: string) => void;

const half = (answer: string) => answer.slice(0, answer.length / 2);
const head = { 'content-type': 'application/xml' };
const whole: Play = (response, answer) => void response.writeHead(200, head).end(answer);
const refuse = (response: ServerResponse) =>
  void response.writeHead(403, head).end('<Error><Code>InvalidAccessKeyId</Code><Message>who?</Message></Error>');
const failure = '<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>try again</Message></Error>';

/** Answers that are no answer, though the request may have been done. */
const broken: Record<string, Play> = {
  'breaks off': (response, answer) => {
    response.writeHead(200, { ...head, 'content-length': answer.length });
    response.write(half(answer), () => response.destroy());
  },
  'breaks off, in chunks': (response, answer) => {
    response.writeHead(200, head);
    response.write(half(answer), () => response.destroy());
  },
  'ends in the middle': (response, answer) => void response.writeHead(200, head).end(half(answer)),
  stops: (response, answer) => {
    response.writeHead(200, { ...head, 'content-length': answer.length });
    response.write(half(answer));
  },
  'is an error after all': (response) => {
    // S3 keeps the connection alive with white space before it knows how a long request ends.
    response.writeHead(200, head);
    response.write('\n  ');
    response.end(failure);
  },
};

const requests: Record<string, { ask: (calls: S3Calls) => Promise<unknown>; answer: string; result: unknown }> = {
  ListObjectsV2: {
    ask: (calls) => Array.fromAsync(calls.list('blobs/')),
    answer: `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>blobs/a</Key></Contents><Contents>
      <Key>blobs/b</Key></Contents></ListBucketResult>`,
    result: [
      { key: 'blobs/a', changedAt: 0 },
      { key: 'blobs/b', changedAt: 0 },
    ],
  },
  ListMultipartUploads: {
    ask: (calls) => Array.fromAsync(calls.multiparts('blobs/')),
    answer: `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>blobs/a</Key>
      <UploadId>1</UploadId></Upload></ListMultipartUploadsResult>`,
    result: [{ key: 'blobs/a', id: '1', startedAt: 0 }],
  },
  ListParts: {
    ask: (calls) => calls.parts('blobs/a', '1'),
    answer: `<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><ETag>"1"</ETag>
      <Size>5</Size></Part><Part><PartNumber>2</PartNumber><ETag>"2"</ETag><Size>5</Size></Part></ListPartsResult>`,
    result: [
      { number: 1, etag: '"1"', size: 5, changedAt: 0 },
      { number: 2, etag: '"2"', size: 5, changedAt: 0 },
    ],
  },
  CreateMultipartUpload: {
    ask: (calls) => calls.create('blobs/a'),
    answer: `<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>blobs/a</Key><UploadId>1</UploadId>
      </InitiateMultipartUploadResult>`,
    result: '1',
  },
  CompleteMultipartUpload: {
    ask: (calls) => calls.complete('blobs/a', '1', ['"1"']),
    answer: '<CompleteMultipartUploadResult><Key>blobs/a</Key><ETag>"1"</ETag></CompleteMultipartUploadResult>',
    // To be looked at.
    result: false,
  },
  CopyObject: {
    ask: (calls) => calls.copy('uploads/a', 'blobs/a', '"1"'),
    answer: '<CopyObjectResult><ETag>"1"</ETag></CopyObjectResult>',
    result: false,
  },
  UploadPartCopy: {
    ask: (calls) => calls.copyPart('blobs/a', '1', 1, 'blobs/b', 0, 9),
    answer: '<CopyPartResult><ETag>"1"</ETag></CopyPartResult>',
    result: '"1"',
  },
  DeleteObjects: {
    ask: (calls) => calls.remove(['blobs/a', 'blobs/b']),
    answer: '<DeleteResult><Deleted><Key>blobs/a</Key></Deleted><Deleted><Key>blobs/b</Key></Deleted></DeleteResult>',
    result: undefined,
  },
};

/** Calls to an endpoint that plays one after the other, and the last one from then on. */
async function openPlayed(
  plays: readonly ((request: IncomingMessage, response: ServerResponse) => void)[],
  environment: Record<string, string> = { AWS_ACCESS_KEY_ID: 'somebody', AWS_SECRET_ACCESS_KEY: 'a secret' },
  requestTimeoutMs = 300,
) {
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => plays[Math.min(asked++, plays.length - 1)]!(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // They are read with the first request. Others in this process have their own.
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, environment);
  const calls = await openS3Calls({
    bucket: 'bucket',
    prefix: '',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pathStyle: true,
    encryption: { mode: 'none' },
    requestTimeoutMs,
    retryPauseMs: 1,
  });
  return {
    calls,
    asked: () => asked,
    [Symbol.dispose]() {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      calls.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

for (const [how, play] of Object.entries(broken)) {
  test(`an answer that ${how} is asked for again, whatever it was to say`, async () => {
    for (const [operation, { ask, answer, result }] of Object.entries(requests)) {
      const text = `<?xml version="1.0" encoding="UTF-8"?>\n${answer}`;
      using played = await openPlayed([(_, response) => play(response, text), (_, response) => whole(response, text)]);
      expect([operation, await ask(played.calls)]).toEqual([operation, result]);
      expect([operation, played.asked()]).toEqual([operation, 2]);
    }
  });
}

test('lists come in pages, which begin behind what the last one ended with', async () => {
  const page = (name: string, entry: string, next: string) => (_: unknown, response: ServerResponse) =>
    whole(response, `<${name}><IsTruncated>${next !== ''}</IsTruncated>${entry}${next}</${name}>`);
  const asked: string[] = [];
  const noting = (play: (request: IncomingMessage, response: ServerResponse) => void) => {
    return (request: IncomingMessage, response: ServerResponse) => {
      asked.push(request.url!.replace(/^[^?]*\?/, ''));
      play(request, response);
    };
  };
  const upload = (key: string) => `<Upload><Key>${key}</Key><UploadId>of-${key}</UploadId></Upload>`;
  const markers = '<NextKeyMarker>b</NextKeyMarker><NextUploadIdMarker>of-b</NextUploadIdMarker>';
  const part = (number: number) =>
    `<Part><PartNumber>${number}</PartNumber><ETag>"${number}"</ETag><Size>5</Size></Part>`;
  using played = await openPlayed(
    [
      page('ListMultipartUploadsResult', upload('a') + upload('b'), markers),
      page('ListMultipartUploadsResult', upload('c'), ''),
      page('ListPartsResult', part(1), '<NextPartNumberMarker>1</NextPartNumberMarker>'),
      page('ListPartsResult', part(2), ''),
      page('ListBucketResult', '<Contents><Key>a</Key></Contents>', '<NextContinuationToken>t</NextContinuationToken>'),
      page('ListBucketResult', '<Contents><Key>b</Key></Contents>', ''),
    ].map(noting),
  );
  expect((await Array.fromAsync(played.calls.multiparts(''))).map(({ key }) => key)).toEqual(['a', 'b', 'c']);
  expect((await played.calls.parts('a', '1'))?.map(({ number }) => number)).toEqual([1, 2]);
  expect((await Array.fromAsync(played.calls.list(''))).map(({ key }) => key)).toEqual(['a', 'b']);
  expect(asked[1]).toContain('key-marker=b');
  expect(asked[1]).not.toContain('upload-id-marker');
  expect(asked[3]).toContain('part-number-marker=1');
  expect(asked[5]).toContain('continuation-token=t');
});

test('a key that S3 could not remove just now is removed later; one that it will not is a failure', async () => {
  const answer = (code: string) =>
    `<DeleteResult><Error><Key>blobs/a</Key><Code>${code}</Code><Message>no</Message></Error></DeleteResult>`;
  const says = (code: string) => (_: unknown, response: ServerResponse) => whole(response, answer(code));
  for (const code of ['InternalError', 'SlowDown', 'ServiceUnavailable', 'OperationAborted']) {
    using played = await openPlayed([says(code), (_, response) => whole(response, requests['DeleteObjects']!.answer)]);
    await played.calls.remove(['blobs/a']);
    expect([code, played.asked()]).toEqual([code, 2]);
  }
  using played = await openPlayed([says('AccessDenied')]);
  await expect(played.calls.remove(['blobs/a'])).rejects.toThrow('DeleteObjects: AccessDenied');
  expect(played.asked()).toBe(1);
});

test('whoever has refused the credentials is not asked again and again with the same', async () => {
  using played = await openPlayed([(_, response) => refuse(response)]);
  const refused = await played.calls.parts('blobs/a', '1').catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'UNAVAILABLE' });
  expect(String((refused as Error).cause)).toContain(
    'ListParts blobs/a: InvalidAccessKeyId (status 403); are the cred',
  );
  expect(played.asked()).toBe(1);
});

test('a profile that was written anew is read again when what it said before is refused', async () => {
  const home = await mkdtemp(join(tmpdir(), 'bonded-profile-'));
  const write = (key: string) =>
    writeFile(join(home, 'file'), `[registry]\naws_access_key_id = ${key}\naws_secret_access_key = secret-of-${key}\n`);
  let good = 'FIRST';
  const { answer, ask } = requests['ListParts']!;
  const play = (request: IncomingMessage, response: ServerResponse) => {
    if (!request.headers.authorization?.includes(`Credential=${good}/`)) return refuse(response);
    if (request.method !== 'HEAD') return whole(response, answer);
    response.writeHead(200, { 'content-length': 5, etag: '"1"' }).end();
  };
  try {
    await write('FIRST');
    using played = await openPlayed([play], {
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_SHARED_CREDENTIALS_FILE: join(home, 'file'),
      AWS_PROFILE: 'registry',
    });
    expect(await ask(played.calls)).toHaveLength(2);
    await write('SECOND');
    // It still holds, so nobody looks.
    expect(await ask(played.calls)).toHaveLength(2);
    good = 'SECOND';
    // A HEAD is refused without a code.
    const found = await Promise.all([played.calls.head('blobs/a'), ask(played.calls), played.calls.head('blobs/b')]);
    expect(found).toMatchObject([{ size: 5 }, { length: 2 }, { size: 5 }]);
    expect(played.asked()).toBe(8);
  } finally {
    await rm(home, { recursive: true });
  }
});

test('a clock that is wrong is put right by what S3 says, not by giving up', async () => {
  const { answer, ask, result } = requests['ListParts']!;
  const ahead = Date.now() + 3_600_000;
  using played = await openPlayed([
    (request, response) => {
      const [, year, month, day, hour, minute] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(
        String(request.headers['x-amz-date']),
      )!;
      const signed = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
      response.setHeader('date', new Date(ahead).toUTCString());
      if (Math.abs(signed - ahead) < 900_000) return whole(response, answer);
      response.writeHead(403, head).end('<Error><Code>RequestTimeTooSkewed</Code><Message>late</Message></Error>');
    },
  ]);
  expect(await ask(played.calls)).toEqual(result);
  expect(await ask(played.calls)).toEqual(result);
  expect(played.asked()).toBe(3);
});

test('what the operator should look at is part of the message', async () => {
  for (const [status, code, lookAt] of [
    [404, 'NoSuchBucket', 'is there a bucket'],
    [301, 'PermanentRedirect', 'storage.s3.region and endpoint'],
    [403, 'AccessDenied', 'docs/guides/s3.md'],
    [403, 'SignatureDoesNotMatch', 'are the credentials right'],
  ] as const) {
    const refusal = `<Error><Code>${code}</Code><Message>no</Message></Error>`;
    using played = await openPlayed([(_, response) => void response.writeHead(status, head).end(refusal)]);
    const error = (await played.calls.create('blobs/a').catch((thrown: unknown) => thrown)) as Error;
    expect(((error.cause as Error | undefined) ?? error).message).toContain(lookAt);
  }
});

test('what waits for an answer is given up when the client is closed, and nothing is asked any more', async () => {
  using played = await openPlayed([() => {}], undefined, 60_000);
  const { ask } = requests['ListParts']!;
  const waiting = ask(played.calls);
  waiting.catch(() => {});
  for (const until = performance.now() + 45_000; played.asked() === 0; await Bun.sleep(5))
    expect(performance.now()).toBeLessThan(until);
  played.calls.close();
  await expect(waiting).rejects.toThrow('the client is closed');
  await expect(ask(played.calls)).rejects.toThrow('the client is closed');
  expect(played.asked()).toBe(1);
});
