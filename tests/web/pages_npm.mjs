// SPDX-License-Identifier: 0BSD
// Every page in every language and width: nothing overflows, nothing is
// blocked by the policy, axe-core finds no serious fault, and all of it is
// there without JavaScript. FULL=1: axe on all of them, light and dark.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { LANGUAGES, WIDTHS, launch, pages, watch } from './browser.mjs'
import { finish, holds, same, serve, test } from './station.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve(
  'axe-core/axe.min.js'), 'utf8')
const full = process.env.FULL === '1'
const site = await serve()
const browser = await launch()

async function judge (page, what) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document,
    { resultTypes: ['violations'] }))
  const serious = violations.filter(one =>
    ['serious', 'critical'].includes(one.impact))
  same(serious.map(one => `${one.id}: ${one.nodes[0].html.slice(0, 120)}`), [],
    what)
}

for (const lang of LANGUAGES) {
  await test(`pages in ${lang}`, async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const seen = watch(page)
    for (const [name, path] of Object.entries(pages(site, lang))) {
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 800 })
        const answer = await page.goto(site.origin + path)
        same(answer.status(), name === 'absent' ? 404 : 200, path)
        const told = await page.evaluate(() => {
          const out = document.documentElement
          return { lang: out.lang, dir: out.dir, over: out.scrollWidth -
            innerWidth, h1: document.querySelectorAll('h1').length,
          main: document.querySelectorAll('main').length }
        })
        holds(told.over <= 0, `${path} at ${width}: ${told.over} px too wide`)
        same([told.h1, told.main], [1, 1], path)
        same(told.dir, ['ar', 'ckb'].includes(lang) ? 'rtl' : 'ltr')
      }
      if (full || lang === 'ar' || (lang === 'en' && name !== 'old')) {
        await judge(page, `${path}, light`)
      }
      if (full) {
        await page.emulateMedia({ colorScheme: 'dark' })
        await judge(page, `${path}, dark`)
        await page.emulateMedia({ colorScheme: 'light' })
      }
    }
    same(seen, [])
    await context.close()
  })
}

await test('dark colours have contrast enough', async () => {
  const context = await browser.newContext({ colorScheme: 'dark' })
  const page = await context.newPage()
  for (const name of ['home', 'record', 'corrected', 'search', 'station']) {
    await page.goto(site.origin + pages(site, 'ar')[name])
    await judge(page, `${name}, dark`)
  }
  await context.close()
})

await test('all of it is there without JavaScript', async () => {
  const [off, on] = await Promise.all([false, true].map(javaScriptEnabled =>
    browser.newContext({ javaScriptEnabled })))
  const plain = await off.newPage()
  const live = await on.newPage()
  for (const [name, path] of Object.entries(pages(site, 'en'))) {
    await plain.goto(site.origin + path)
    await live.goto(site.origin + path)
    if (name === 'publish' || name === 'take') {
      holds((await plain.locator('noscript').count()) > 0, name)
      continue
    }
    const text = async page => (await page.locator('main').textContent())
      .replace(/\s+/g, ' ')
    same(await text(plain), await text(live), name)
  }
  // Search by form, open, come to the file: links and forms alone.
  await plain.goto(site.origin + '/en')
  await plain.fill('#q', 'newton')
  await plain.press('#q', 'Enter')
  await plain.click('.cards a')
  holds(plain.url().endsWith(site.ids.newton), plain.url())
  const answer = await plain.request.get(await plain.locator('a.file').first()
    .getAttribute('href'))
  same(await answer.text(), 'F = m * a\n')
  await off.close()
  await on.close()
})

await test('a first visit weighs 50 kB at most, its page 15', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  let total = 0
  let html = 0
  page.on('response', async answer => {
    const bytes = (await answer.body()).length
    total += bytes
    if (answer.request().resourceType() === 'document') html = bytes
  })
  await page.goto(site.origin + '/', { waitUntil: 'networkidle' })
  holds(html > 0 && html <= 15000, `${html} bytes of HTML`)
  holds(total <= 50000, `${total} bytes in all`)
  await context.close()
})

await test('the keyboard is enough', async () => {
  const page = await browser.newPage()
  await page.goto(site.origin + '/en')
  await page.keyboard.press('Tab')
  same(await page.evaluate(() => document.activeElement.className), 'skip')
  await page.keyboard.press('Enter')
  same(await page.evaluate(() => document.activeElement.id), 'main')
  await page.keyboard.press('Tab')
  const first = await page.evaluate(() => {
    const at = document.activeElement
    return [at.tagName, getComputedStyle(at).outlineStyle]
  })
  same(first, ['A', 'solid'])
  await page.close()
})

await test('people\'s files come from their own origin, and can do nothing',
  async () => {
    const page = await browser.newPage()
    const seen = watch(page)
    await page.goto(`${site.origin}/en/r/${site.ids.newton}`)
    const links = await page.locator('a.file').evaluateAll(all =>
      all.map(one => one.href))
    holds(links.every(link => link.startsWith(site.files)), links.join(' '))
    const picture = links.find(link => link.endsWith('photo.png'))
    const answer = await page.goto(picture)
    same(answer.headers()['content-type'], 'image/png')
    same(await page.evaluate(() => document.images[0]?.naturalWidth), 64)
    for (const name of ['page.html', 'book.pdf']) {
      const [download] = await Promise.all([page.waitForEvent('download'),
        page.goto(links.find(link => link.endsWith(name))).catch(() => {})])
      same(download.suggestedFilename(), name)
    }
    same(seen, [])
    await page.close()
  })

await browser.close()
await test('no fault was told', () => same(site.faults, []))
finish()
