/** Codes of `az acr check-health` (acr §4.12), where they apply, and three that it has no word for. */
export type HealthCode =
  | 'DOCKER_COMMAND_ERROR'
  | 'DOCKER_VERSION_ERROR'
  | 'DOCKER_DAEMON_ERROR'
  | 'HELM_COMMAND_ERROR'
  | 'HELM_VERSION_ERROR'
  | 'NOTATION_COMMAND_ERROR'
  | 'NOTATION_VERSION_ERROR'
  | 'LOGIN_SERVER_ERROR'
  | 'CONNECTIVITY_DNS_ERROR'
  | 'CONNECTIVITY_ERROR'
  | 'CONNECTIVITY_SSL_ERROR'
  | 'CONNECTIVITY_FORBIDDEN_ERROR'
  | 'CONNECTIVITY_TOOMANYREQUESTS_ERROR'
  | 'CONNECTIVITY_CHALLENGE_ERROR'
  | 'CONNECTIVITY_REFRESH_TOKEN_ERROR'
  | 'CONNECTIVITY_ACCESS_TOKEN_ERROR'
  | 'SERVER_NOT_READY_ERROR'
  | 'CLOCK_SKEW_ERROR';

/** What a check has found. A warning is of what somebody may do without, or of what will be wrong soon. */
export interface Finding {
  check: string;
  outcome: 'ok' | 'warning' | 'failed' | 'skipped';
  code: HealthCode | null;
  message: string;
  /** What to do about it. */
  fix: string | null;
}

export const ok = (check: string, message: string): Finding => ({
  check,
  outcome: 'ok',
  code: null,
  message,
  fix: null,
});

export const skipped = (check: string, message: string): Finding => ({ ...ok(check, message), outcome: 'skipped' });

export const failed = (check: string, code: HealthCode, message: string, fix: string | null): Finding => ({
  check,
  outcome: 'failed',
  code,
  message,
  fix,
});

export const warning = (check: string, code: HealthCode, message: string, fix: string): Finding => ({
  ...failed(check, code, message, fix),
  outcome: 'warning',
});
