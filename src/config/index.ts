export { ConfigError } from './config-error.ts';
export { type ConfigSources, type LoadedConfig, loadConfig } from './load.ts';
export { describeSettings, type Setting } from './settings.ts';
export { byteSize, duration, hostName, listenAddress, type ListenAddress, processCount, timeout } from './values.ts';
