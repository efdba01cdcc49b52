// SPDX-License-Identifier: 0BSD
// Debian's Chromium, driven by playwright-core, for the tests of this folder.
import { chromium } from 'playwright-core'

export const LANGUAGES = ['ar', 'ckb', 'ku', 'en']
export const WIDTHS = [320, 768, 1280]

export const launch = (args = []) => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // No sandbox inside a sandbox: CI runs as root in a container.
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', ...args]
})

// The pages that a visitor can come to, in one language.
export const pages = (site, lang) => ({
  home: `/${lang}`,
  search: `/${lang}/search?q=${encodeURIComponent('نيوتن')}`,
  facets: `/${lang}/search?q=${encodeURIComponent('فكرة')}&type=idea`,
  nothing: `/${lang}/search?q=zzzz`,
  collections: `/${lang}/collections`,
  collection: `/${lang}/c/many/things`,
  record: `/${lang}/r/${site.ids.newton}`,
  corrected: `/${lang}/r/${site.ids.rumour}`,
  old: `/${lang}/r/${site.ids.old}`,
  table: `/${lang}/r/${site.ids.cities}/table/1`,
  author: `/${lang}/by/${site.did}`,
  station: `/${lang}/station`,
  take: `/${lang}/take`,
  publish: `/${lang}/publish`,
  help: `/${lang}/help`,
  absent: `/${lang}/nothing/here`
})

// What must not happen on a page, collected: dialogs, faults, policy
// violations, anything that a payload set.
export function watch (page) {
  const seen = []
  page.on('dialog', dialog => {
    seen.push(`dialog: ${dialog.message()}`)
    dialog.dismiss()
  })
  page.on('pageerror', error => seen.push(`error: ${error.message}`))
  page.on('console', message => {
    const text = message.text()
    // The browser's own wish for an icon, on the origin of files.
    const icon = message.location().url.endsWith('/favicon.ico')
    if (message.type() === 'error' && !/status of 4\d\d/.test(text) &&
      !icon) {
      seen.push(`console: ${text}`)
    }
  })
  return seen
}
