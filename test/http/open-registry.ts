import { groupScope } from '../../src/operations/index.ts';
import { fetch } from './fetch.ts';

/** Lets everybody pull from the default registry of a server, through its management API. */
export async function openToEverybody(url: string): Promise<void> {
  const registry = `${groupScope}/providers/Microsoft.ContainerRegistry/registries/default?api-version=2025-11-01`;
  const body = JSON.stringify({ properties: { anonymousPullEnabled: true } });
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${url}${registry}`, { method: 'PATCH', body, headers });
  if (!answer.ok) throw new Error(`the registry cannot be opened: ${answer.status} ${await answer.text()}`);
}
