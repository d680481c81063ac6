import type { LookUps } from '../database/index.ts';
import { currentRevision } from './clock.ts';
import { type FeedState, listFeeds } from './feed-rows.ts';

export interface AdvisoriesStatus {
  /** Of all that is known. */
  revision: number;
  feeds: FeedState[];
}

/** What is known of vulnerabilities, and how fresh it is. */
export async function advisoriesStatus(db: LookUps): Promise<AdvisoriesStatus> {
  const [revision, feeds] = await Promise.all([currentRevision(db), listFeeds(db)]);
  return { revision, feeds };
}
