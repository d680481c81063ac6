/**
 * One sync at a time; who asks while one is under way shares the next, which begins after their commit.
 *
 * A failure is final. After a failed fsync Linux marks the pages clean, so that the next one succeeds although the
 * data never reached the disk: only a restart, which reads the log again, tells what survived.
 */
export function createSyncer(datasync: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let failure: Error | undefined;

  const start = async (): Promise<void> => {
    if (failure) throw failure;
    try {
      await datasync();
    } catch (cause) {
      failure = new Error('the log of the database could not be synced; writes are refused until a restart', { cause });
      throw failure;
    } finally {
      running = undefined;
    }
  };
  return () => {
    if (!running) return (running = start());
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined;
        return (running = start());
      });
    return next;
  };
}
