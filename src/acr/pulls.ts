import { type Catalog, type Pulls, pullsOf, type Repository } from '../catalog/index.ts';

/** Adds to what is rendered of tags or manifests how often each was pulled; `referenceOf` is what the pulls are known by. */
export async function withPulls<T extends object>(
  catalog: Catalog,
  repository: Repository,
  rendered: readonly T[],
  referenceOf: (one: T) => string,
): Promise<(T & RenderedPulls)[]> {
  const pulls = await pullsOf(catalog, repository, rendered.map(referenceOf));
  return rendered.map((one) => ({ ...one, ...renderPulls(pulls.get(referenceOf(one))) }));
}

interface RenderedPulls {
  /** Left out of what was never pulled. */
  lastPullTime?: string;
  pullCount: number;
}

const never: Pulls = { pulls: 0, lastPullAt: 0 };

function renderPulls({ pulls, lastPullAt }: Pulls = never): RenderedPulls {
  return { ...(pulls > 0 && { lastPullTime: new Date(lastPullAt).toISOString() }), pullCount: pulls };
}
