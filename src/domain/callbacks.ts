/** Addresses that a client wants to be told at, as far as they can be judged without asking anyone. */

/** Which address is wrong, and why. */
export interface CallbackFault {
  readonly field: string
  readonly message: string
}

const CALLBACKS_MAX = 10
const URL_LENGTH_MAX = 2_048
const NAME = /^[A-Za-z0-9._-]{1,64}$/
// RFC 3986: what comes before the path, query or fragment is the authority, in which "@" ends credentials.
const HTTP_URL = /^https?:\/\/(?<authority>[^\s/?#\\]+)(?:[/?#][^\s\\]*)?$/i

/** Whether a server may be called there is known only once its name is resolved. */
export function checkCallbacks(callbacks: Readonly<Record<string, string>>): CallbackFault | null {
  const entries = Object.entries(callbacks)
  if (entries.length > CALLBACKS_MAX) {
    return { field: 'callbacks', message: `${entries.length} addresses are more than the ${CALLBACKS_MAX} allowed` }
  }
  for (const [name, url] of entries) {
    if (!NAME.test(name)) return { field: 'callbacks', message: 'a name has 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"' }
    const wrong = faultOf(url)
    if (wrong !== null) return { field: `callbacks.${name}`, message: wrong }
  }
  return null
}

function faultOf(url: string): string | null {
  if (url.length > URL_LENGTH_MAX) return `a URL of ${url.length} characters is longer than the ${URL_LENGTH_MAX} allowed`
  const authority = HTTP_URL.exec(url)?.groups?.['authority']
  if (authority === undefined) return 'it is no http or https URL'
  return authority.includes('@') ? 'a URL has no credentials in it' : null
}
