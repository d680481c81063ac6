/**
 * Reports how late the event loop runs (seconds), twice a second. A late loop is what every caller feels at once:
 * something computes or waits where it should not.
 */
export function watchLoopLag(report: (seconds: number) => void): () => void {
  const periodMs = 500;
  let due = performance.now() + periodMs;
  const timer = setInterval(() => {
    const now = performance.now();
    report(Math.max(0, now - due) / 1000);
    due = now + periodMs;
  }, periodMs);
  timer.unref();
  return () => clearInterval(timer);
}
