// SPDX-License-Identifier: 0BSD
// Pictures of every page in every language, width and light, for people to
// look at: into the folder given. ONLY=ar,320,record narrows.
import { mkdirSync } from 'node:fs'
import { LANGUAGES, WIDTHS, launch, pages } from './browser.mjs'
import { serve } from './station.mjs'

const out = process.argv[2]
const only = (process.env.ONLY ?? '').split(',').filter(Boolean)
const wanted = (...words) => only.every(word => words.includes(word))
mkdirSync(out, { recursive: true })
const site = await serve()
const browser = await launch()
let n = 0
for (const lang of LANGUAGES) {
  for (const [name, path] of Object.entries(pages(site, lang))) {
    for (const width of WIDTHS) {
      for (const colorScheme of ['light', 'dark']) {
        if (!wanted(lang, name, String(width), colorScheme)) continue
        const page = await browser.newPage({ colorScheme,
          viewport: { width, height: 800 } })
        await page.goto(site.origin + path)
        await page.screenshot({ fullPage: true,
          path: `${out}/${name}-${lang}-${width}-${colorScheme}.png` })
        await page.close()
        n++
      }
    }
  }
}
await browser.close()
site.stop()
console.log(`${n} pictures in ${out}`)
