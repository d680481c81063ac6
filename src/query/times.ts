const form =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:[Zz]|([+-])(\d{2}):(\d{2}))?)?)?)?$/;

/** The time (ms) of an RFC 3339 text, which may end early: a day, a month. UTC unless it says otherwise. Undefined: none. */
export function timeOf(text: string): number | undefined {
  if (text.length > 40) return undefined;
  const found = form.exec(text);
  if (!found) return undefined;
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '', sign, zh, zm] =
    found;
  const ms = Math.trunc(Number(`0.${fraction || '0'}`) * 1000);
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${String(ms).padStart(3, '0')}Z`);
  // Date takes the 31st of February for the 3rd of March.
  if (!Number.isFinite(at) || new Date(at).getUTCDate() !== Number(day)) return undefined;
  const zone = sign === undefined ? 0 : (Number(zh) * 60 + Number(zm)) * (sign === '-' ? -60_000 : 60_000);
  return at - zone;
}

/** RFC 3339 in UTC; undefined where it is beyond what JavaScript's dates reach. */
export function textOfTime(at: number): string | undefined {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : undefined;
}

/** As Kusto writes it: `[-][d.]hh:mm:ss[.fff]`. */
export function textOfTimespan(ms: number): string {
  const whole = Math.trunc(Math.abs(ms));
  const two = (value: number) => String(Math.trunc(value)).padStart(2, '0');
  const days = Math.trunc(whole / 86_400_000);
  const clock = `${two((whole / 3_600_000) % 24)}:${two((whole / 60_000) % 60)}:${two((whole / 1000) % 60)}`;
  const rest = whole % 1000;
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(3, '0')}`;
  return `${ms < 0 ? '-' : ''}${days > 0 ? `${days}.` : ''}${clock}${fraction}`;
}
