import type { Release, UploadClaims } from './claims.ts';

/*
 * The claims of all processes on one data directory. The parent process keeps them, and is asked over the IPC channel
 * that it has with each child:
 *
 *   child → parent   want n      n counts the claims of this child
 *   parent → child   granted n, or refused n: somebody else has it
 *   child → parent   release n   after either
 *   parent → child   released n
 *
 * Any message may be lost: a child repeats itself until it is answered, and is answered the same however often it asks.
 * Messages do not overtake each other, so that no want comes after its release. When a child ends, however it ends, its
 * claims end.
 */

interface ClaimRequest {
  uploadClaim: 'want' | 'release';
  upload: string;
  claim: number;
}

interface ClaimAnswer {
  uploadClaim: 'granted' | 'refused' | 'released';
  claim: number;
}

/** A child process with an IPC channel, as `Bun.spawn` returns it. */
export interface ClaimingChild {
  send(message: ClaimAnswer): unknown;
  readonly exited: Promise<unknown>;
}

const repeatMs = 250;
/** Within this time the parent has seen the end of a process (ms). */
const endMs = 500;

function isAbout<T>(message: unknown): message is T {
  return typeof message === 'object' && message !== null && 'uploadClaim' in message;
}

/**
 * The parent's side. Returns what to do with each message of a child, as in `Bun.spawn(command, { ipc: receive })`;
 * its result is false for messages that are about something else.
 */
export function grantUploadClaims(): (message: unknown, child: ClaimingChild) => boolean {
  const holders = new Map<string, { child: ClaimingChild; claim: number }>();
  const known = new WeakSet<ClaimingChild>();
  const ended = new WeakSet<ClaimingChild>();

  function leave(child: ClaimingChild): void {
    ended.add(child);
    for (const [upload, holder] of holders) if (holder.child === child) holders.delete(upload);
  }

  function answer(child: ClaimingChild, message: ClaimAnswer): void {
    try {
      child.send(message);
    } catch {
      // Its channel is closed: it has ended, or is about to.
    }
  }

  return (message, child) => {
    if (!isAbout<ClaimRequest>(message)) return false;
    const { uploadClaim: act, upload, claim } = message;
    if (!known.has(child)) {
      known.add(child);
      void child.exited.finally(() => leave(child));
    }
    // The end of a process may be seen before its last messages are.
    if (ended.has(child)) return true;
    if (act === 'want' && !holders.has(upload)) holders.set(upload, { child, claim });
    const holder = holders.get(upload);
    const holds = holder?.child === child && holder.claim === claim;
    if (act === 'want') answer(child, { uploadClaim: holds ? 'granted' : 'refused', claim });
    else {
      if (holds) holders.delete(upload);
      answer(child, { uploadClaim: 'released', claim });
    }
    return true;
  };
}

const gone = () => new Error('the parent process, which keeps the claims of uploads, is gone');

/** The child's side: claims that the parent process keeps. Claiming fails when it is gone. */
export function createParentClaims(): UploadClaims {
  let claims = 0;
  const asked = new Map<
    number,
    { request: ClaimRequest; answered: (answer: ClaimAnswer) => void; failed: (error: Error) => void }
  >();
  let repeating: Timer | undefined;

  process.on('message', (message: unknown) => {
    if (isAbout<ClaimAnswer>(message)) asked.get(message.claim)?.answered(message);
  });
  process.on('disconnect', () => {
    for (const { failed } of asked.values()) failed(gone());
  });

  function tell(request: ClaimRequest): void {
    try {
      process.send?.(request);
    } catch {
      // As good as lost: it is repeated, or the parent is gone.
    }
  }

  function repeat(): void {
    for (const { request } of asked.values()) tell(request);
  }

  function ask(request: ClaimRequest): Promise<boolean> {
    const { claim } = request;
    return new Promise((resolve, reject) => {
      const done = () => {
        asked.delete(claim);
        if (asked.size > 0) return;
        clearInterval(repeating);
        repeating = undefined;
      };
      if (!process.connected) return reject(gone());
      asked.set(claim, {
        request,
        answered(answer) {
          // An answer to what it asked before: the release is on its way.
          if ((request.uploadClaim === 'release') !== (answer.uploadClaim === 'released')) return;
          done();
          resolve(answer.uploadClaim === 'granted');
        },
        failed(error) {
          done();
          reject(error);
        },
      });
      repeating ??= setInterval(repeat, repeatMs);
      tell(request);
    });
  }

  return {
    async claim(upload): Promise<Release | undefined> {
      // The parent may have yet to see that the process is gone which has it, or hear that it gave it back: it is asked
      // again, however long it took to answer.
      for (let until: number | undefined; ; await Bun.sleep(endMs / 10)) {
        const claim = ++claims;
        const granted = await ask({ uploadClaim: 'want', upload, claim });
        // When the parent is gone, there is nothing to give back.
        const release = () => void ask({ uploadClaim: 'release', upload, claim }).catch(() => {});
        if (granted) return release;
        release();
        const now = performance.now();
        if (until !== undefined && now > until) return undefined;
        until ??= now + endMs;
      }
    },
  };
}
