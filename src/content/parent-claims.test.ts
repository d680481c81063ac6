import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { type ClaimingChild, grantUploadClaims } from './parent-claims.ts';

interface Claimer {
  child: Bun.Subprocess;
  /** The next thing that it says. */
  hear(): Promise<string>;
}

const module = JSON.stringify(join(import.meta.dir, 'parent-claims.ts'));

/** A process that claims `upload` when it is told to, and gives it back. */
const program = `
  const { createParentClaims } = await import(${module});
  const claims = createParentClaims();
  const say = (said) => process.send({ said });
  let release;
  process.on('message', async (told) => {
    if (told === 'claim') {
      const claimed = await claims.claim('upload').catch((error) => error);
      if (typeof claimed === 'function') release = claimed;
      say(claimed instanceof Error ? claimed.message : claimed ? 'granted' : 'refused');
    }
    if (told === 'release') release();
  });
  process.on('disconnect', () => setTimeout(() => claims.claim('other').catch((error) => console.log(error.message)), 10));
  say('up');`;

function start(receive: (message: unknown, child: Bun.Subprocess) => boolean): Claimer & AsyncDisposable {
  const heard: string[] = [];
  let wake = () => {};
  const child = Bun.spawn([process.execPath, '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ipc(message, from) {
      if (receive(message, from)) return;
      heard.push((message as { said: string }).said);
      wake();
    },
  });
  return {
    child,
    async hear() {
      while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return heard.shift()!;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
    },
  };
}

async function claim({ child, hear }: Claimer): Promise<string> {
  child.send('claim');
  return hear();
}

/** Claims until it is granted: what gives it back is told at about the same time. */
async function insist(claimer: Claimer): Promise<void> {
  for (const late = performance.now() + 8000; (await claim(claimer)) !== 'granted';) {
    if (performance.now() > late) throw new Error('it is never granted');
    await Bun.sleep(5);
  }
}

test('an upload is claimed by one process at a time, and by the next one when that gives it back or is killed', async () => {
  const receive = grantUploadClaims();
  await using one = start(receive);
  await using two = start(receive);
  expect(await Promise.all([one.hear(), two.hear()])).toEqual(['up', 'up']);
  expect(await claim(one)).toBe('granted');
  expect(await claim(two)).toBe('refused');
  one.child.send('release');
  await insist(two);
  expect(await claim(one)).toBe('refused');
  two.child.kill('SIGKILL');
  await insist(one);
});

test('any message may be lost: a claim takes longer, and none is left behind', async () => {
  const grant = grantUploadClaims();
  const lost = new Set<string>();
  const loses = (child: Bun.Subprocess, message: { uploadClaim?: string }) => {
    const key = `${child.pid} ${message.uploadClaim}`;
    return message.uploadClaim !== undefined && !lost.has(key) && lost.add(key).size > 0;
  };
  const ends = new WeakMap<object, ClaimingChild>();
  const receive = (message: unknown, child: Bun.Subprocess) => {
    const end = ends.get(child) ?? {
      exited: child.exited,
      send: (answer: object) => loses(child, answer) || child.send(answer),
    };
    ends.set(child, end);
    return loses(child, message as object) || grant(message, end);
  };
  await using one = start(receive);
  await using two = start(receive);
  await Promise.all([one.hear(), two.hear()]);
  expect(await claim(one)).toBe('granted');
  expect(await claim(two)).toBe('refused');
  one.child.send('release');
  await insist(two);
  two.child.send('release');
  await insist(one);
  // want, granted, release, released of each, and the refusal of one.
  expect(lost.size).toBeGreaterThanOrEqual(9);
});

test('a parent that is slow to answer does not make a claim fail that is free by then', async () => {
  const grant = grantUploadClaims();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const ends = new WeakMap<object, ClaimingChild>();
  const slow = (message: unknown, child: Bun.Subprocess) => {
    const end = ends.get(child) ?? {
      exited: child.exited,
      send: (answer: object) => void setTimeout(() => child.killed || child.send(answer), 700),
    };
    ends.set(child, end);
    const known = grant(message, end);
    if (known) ask();
    return known;
  };
  await using one = start(grant);
  await using two = start(slow);
  await Promise.all([one.hear(), two.hear()]);
  expect(await claim(one)).toBe('granted');
  const claimed = claim(two);
  await asked;
  one.child.send('release');
  expect(await claimed).toBe('granted');
});

test('a refused claim that was repeated is not granted later to nobody', () => {
  const receive = grantUploadClaims();
  const child = () => {
    const answers: string[] = [];
    return {
      answers,
      exited: new Promise(() => {}),
      send: (message: { uploadClaim: string }) => answers.push(message.uploadClaim),
    };
  };
  const [holder, other] = [child(), child()];
  const say = (from: ClaimingChild, uploadClaim: string, n: number) =>
    receive({ uploadClaim, upload: 'u', claim: n }, from);
  say(holder, 'want', 1);
  say(other, 'want', 1);
  say(holder, 'release', 1);
  // On its way when the refusal was: granted by now, and given back by what follows it.
  say(other, 'want', 1);
  say(other, 'release', 1);
  say(holder, 'want', 2);
  expect(holder.answers).toEqual(['granted', 'released', 'granted']);
  expect(other.answers).toEqual(['refused', 'granted', 'released']);
});

test('claiming fails when the parent is gone', async () => {
  await using claimer = start(() => false);
  await claimer.hear();
  claimer.child.disconnect();
  expect((await new Response(claimer.child.stdout as ReadableStream).text()).trim()).toContain('is gone');
});
