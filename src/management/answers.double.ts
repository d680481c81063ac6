import { expect } from 'bun:test';

/** What an error says; every one has the same form. */
export async function errorOf(answer: Promise<Response> | Response) {
  const response = await answer;
  const body = (await response.json()) as {
    error: { code: string; message: string; target?: string; details?: { target?: string; message: string }[] };
  };
  expect(Object.keys(body)).toEqual(['error']);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('x-ms-request-id')).toBeTruthy();
  return { status: response.status, ...body.error };
}

interface Body extends Record<string, unknown> {
  value: { id: string; name: string; subscriptionId: string }[];
  nextLink?: string;
}

export const jsonOf = async (answer: Promise<Response>): Promise<unknown> => (await answer).json();
export const listOf = async (answer: Promise<Response>) => (await jsonOf(answer)) as Body;
