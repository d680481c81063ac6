import type { Resource } from '../resources/index.ts';

/** The region of a registry whose location nobody has named. */
const unnamed = 'local';

/** `West Europe` and `westeurope` are one region. */
export function regionOf(location: string): string {
  return location.replaceAll(' ', '').toLowerCase();
}

/** The name of the region that a registry is managed in; one that cannot be a name is the unnamed one. */
export function homeOf({ location }: Pick<Resource, 'location'>): string {
  const region = regionOf(location ?? unnamed);
  return /^[a-z0-9]{5,50}$/.test(region) ? region : unnamed;
}
