// SPDX-License-Identifier: 0BSD
// Pictures of every page in every language, width and light, for people to
// look at: into the folder given. ONLY=ar,320,record narrows.
import { mkdirSync } from 'node:fs'
import { LANGUAGES, WIDTHS, launch, pages } from './browser.mjs'
import { serve, until } from './station.mjs'

const out = process.argv[2]
const only = (process.env.ONLY ?? '').split(',').filter(Boolean)
const wanted = (...words) => only.every(word => words.includes(word))
mkdirSync(out, { recursive: true })
const site = await serve()
const empty = await serve({ env: { EMPTY: '1' } })
const browser = await launch()

async function pair (page) {
  const before = site.codes.length
  await page.click('.pair .show')
  await until(() => site.codes.length > before, 'a code on the screen')
  await page.fill('.pair input[name=code]', site.codes.at(-1))
  await page.click('.pair button:not([type=button])')
  await page.waitForSelector('.paired', { state: 'visible' })
}

// The form under work: a text, two files, its preview, a draft.
async function writing (page, lang) {
  await page.goto(`${site.origin}/${lang}/publish`)
  await pair(page)
  await page.fill('input[name=collection]', 'data/iraq')
  await page.fill('input[name=title]', 'درجات الحرارة في بغداد 2025')
  await page.fill('textarea[name=text]', 'قياسات يومية من ثلاث محطات.')
  await page.fill('input[name=tags]', 'مناخ، طقس')
  await page.setInputFiles('form.record input[type=file]', [
    { name: 'temperature.csv', mimeType: 'text/csv', buffer:
      Buffer.from('day,max\n2025-01-01,14\n') },
    { name: 'صورة المحطة.png', mimeType: 'image/png', buffer:
      Buffer.alloc(48000) }])
  await page.click('.preview')
  await page.click('.save')
  await page.waitForFunction(() =>
    document.querySelector('form.record [role=status]').textContent)
}

// What is more than an address: how to come there.
const scenes = lang => ({
  ...Object.fromEntries(Object.entries(pages(site, lang)).map(
    ([name, path]) => [name, page => page.goto(site.origin + path)])),
  empty: page => page.goto(`${empty.origin}/${lang}`),
  writing: page => writing(page, lang),
  edit: async page => {
    await page.goto(`${site.origin}/${lang}/publish?edit=${site.ids.newton}`)
    await pair(page)
    await page.waitForSelector('.withdraw', { state: 'visible' })
  }
})

let n = 0
for (const lang of LANGUAGES) {
  for (const [name, show] of Object.entries(scenes(lang))) {
    for (const width of WIDTHS) {
      for (const colorScheme of ['light', 'dark']) {
        if (!wanted(lang, name, String(width), colorScheme)) continue
        const page = await browser.newPage({ colorScheme,
          viewport: { width, height: 800 } })
        await show(page)
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
empty.stop()
console.log(`${n} pictures in ${out}`)
