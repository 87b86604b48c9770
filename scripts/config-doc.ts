/** docs/config.md, made from the settings. */
import type { Setting } from '../src/config/setting.ts'
import { settings } from '../src/config/settings.ts'

export function configDoc(): string {
  const rows = Object.values(settings as Record<string, Setting<unknown>>).map(row)
  return [
    '# Settings',
    '',
    'Made from `src/config/settings.ts` by `npm run docs`. Each is an environment variable; an unknown one that starts with',
    '`DATAJOB_` is refused at start, and all problems are listed at once. Beside these, the command line reads `DATAJOB_URL`',
    'and `DATAJOB_TOKEN`, and the local stack `DATAJOB_STACK` (`docker` or `jvm`).',
    '',
    '| Variable | Default | Unit | Allowed | Meaning |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function row({ variable, fallback, unit, limits, description, secret }: Setting<unknown>): string {
  const shown = secret ? '(secret)' : Array.isArray(fallback) ? fallback.join(',') : String(fallback)
  const cells = [`\`${variable}\``, shown === '' ? '' : `\`${shown}\``, unit, limits, description]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
