import type { EngineConfig } from './config.ts';
import type { Engine } from './engine.ts';
import { createGrypeEngine } from './grype.ts';
import { createHarborEngine, type HarborOptions } from './harbor.ts';
import type { LayoutSource } from './image-layout.ts';
import { createTrivyEngine } from './trivy.ts';

/** The engines of a configuration. `accessTo` is told which of them asks. */
export function createEngines(
  configs: readonly EngineConfig[],
  source: LayoutSource & Omit<HarborOptions, 'accessTo'>,
  accessTo: (config: Extract<EngineConfig, { kind: 'harbor' }>) => HarborOptions['accessTo'],
): Engine[] {
  return configs.map((config) => {
    if (config.kind === 'harbor') return createHarborEngine(config, { ...source, accessTo: accessTo(config) });
    return config.kind === 'trivy' ? createTrivyEngine(config, source) : createGrypeEngine(config, source);
  });
}
