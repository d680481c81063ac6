import { fetch } from '../http/fetch.ts';
import { group, registryId } from './policies.ts';

/** The management API of a server, as far as tiers go. */
export function tiersOf(url: string) {
  async function call(method: string, id: string, body?: object) {
    const answer = await fetch(`${url}${id}?api-version=2025-11-01`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    const text = await answer.text();
    const content = text === '' ? undefined : (JSON.parse(text) as Record<string, never>);
    return {
      status: answer.status,
      content: content as Record<string, never> & {
        error?: { message: string; details?: { message: string; code: string; target: string }[] };
      },
    };
  }
  const tierId = (name: string) => `${group}/providers/Microsoft.ContainerRegistry/tiers/${name}`;
  const ok = async (answer: ReturnType<typeof call>) => {
    const { status, content } = await answer;
    if (status >= 300) throw new Error(`${status} ${JSON.stringify(content)}`);
    return content;
  };
  return {
    call,
    tierId,
    /** Creates or replaces a tier. */
    put: (name: string, properties: object) => ok(call('PUT', tierId(name), { properties })),
    patch: (name: string, properties: object) => ok(call('PATCH', tierId(name), { properties })),
    /** Gives a registry a tier; creates it where it is not there. */
    async use(tier: string, registry = 'default') {
      const { status } = await call('GET', registryId(registry));
      const sku = { name: tier };
      if (status === 200) return ok(call('PATCH', registryId(registry), { sku }));
      return ok(call('PUT', registryId(registry), { location: 'local', sku, properties: {} }));
    },
  };
}
