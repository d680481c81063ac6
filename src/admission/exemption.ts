/** What makes somebody one who may read what is refused, by what the policy of access says of them now. */
const exemptions = ['quarantine/read', 'content/write', 'sign'] as const;
export type Exemption = (typeof exemptions)[number];

/** Who pulls: by their rights, never by what their token was asked for or what their client calls itself. */
export interface Puller {
  has(right: Exemption, repository: string): boolean;
}

/**
 * By what somebody may read what is refused in a repository; undefined where they may not. `signersMayRead`: whether all say so
 * that refuse it.
 */
export function exemptionOf(puller: Puller, repository: string, signersMayRead: boolean): Exemption | undefined {
  return exemptions.find((right) => (right === 'quarantine/read' || signersMayRead) && puller.has(right, repository));
}
