export * from './federation/index.ts';
