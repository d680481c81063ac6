export { severities, type Severity, severityRank } from './severity.ts';
