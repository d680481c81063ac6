/** Clouds whose machines have an identity. */
export const clouds = ['azure', 'aws', 'google'] as const;

export interface KubeletFlags {
  plainHttp: boolean;
  ca?: string;
  hostAnnotation: string;
  tokenFile?: string;
  node?: (typeof clouds)[number];
  audience?: string;
}
