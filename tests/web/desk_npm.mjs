// SPDX-License-Identifier: 0BSD
// A person publishes from the page: pairs, drops files, previews, saves a
// draft, publishes, finds it again, downloads it and compares; makes a new
// version, withdraws; brings a carry file, and gets one for a slip.
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch, watch } from './browser.mjs'
import { finish, holds, same, serve, test, until } from './station.mjs'

const site = await serve()
const browser = await launch()
const scratch = mkdtempSync(join(tmpdir(), 'mahatta-desk-'))
const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')
const file = (name, bytes) => {
  const path = join(scratch, name)
  writeFileSync(path, bytes)
  return path
}

const context = await browser.newContext({ acceptDownloads: true })
const page = await context.newPage()
const seen = watch(page)

async function pair () {
  const before = site.codes.length
  await page.click('.pair .show')
  await until(() => site.codes.length > before, 'a code on the screen')
  await page.fill('.pair input[name=code]', site.codes.at(-1).toLowerCase())
  await page.click('.pair button:not([type=button])')
  await page.waitForSelector('.paired', { state: 'visible' })
}

const status = (text, timeout = 20000) => page.waitForFunction(text =>
  [...document.querySelectorAll('[role=status]')].some(one =>
    one.textContent.includes(text)), text, { timeout })

await test('without the code nothing opens', async () => {
  await page.goto(site.origin + '/en/publish')
  holds(await page.locator('.paired').isHidden(), 'open')
  await page.fill('.pair input[name=code]', 'WRONG-WRONG')
  await page.click('.pair button:not([type=button])')
  await page.waitForFunction(() =>
    document.querySelector('.fault').textContent.includes('not the code'))
  holds(await page.locator('.paired').isHidden(), 'open')
})

const bytes = randomBytes(3 * 1024 * 1024 + 11)
let record

await test('publish, with files chosen and dropped, preview and draft',
  async () => {
    await page.goto(site.origin + '/en/publish')
    await pair()
    await page.fill('input[name=collection]', 'test/desk')
    await page.selectOption('select[name=type]', 'dataset')
    await page.selectOption('select[name=lang]', 'ar')
    await page.fill('input[name=title]', 'زقورة أور <b>&')
    await page.fill('textarea[name=text]', 'سطر أول\nسطر ثانٍ')
    await page.fill('input[name=tags]', 'آثار، تاريخ')
    await page.setInputFiles('form.record input[type=file]',
      [file('ur.bin', bytes)])
    await page.evaluate(() => { // as a drop from the desktop is
      const data = new DataTransfer()
      data.items.add(new File(['a,b\n1,2\n'], 'drop.csv',
        { type: 'text/csv' }))
      document.querySelector('form.record .drop').dispatchEvent(
        new DragEvent('drop', { dataTransfer: data, bubbles: true,
          cancelable: true }))
    })
    same(await page.locator('form.record .files li').count(), 2)
    await page.click('.preview')
    same(await page.locator('.shown h2').textContent(), 'زقورة أور <b>&')
    await page.click('.save')
    await status('draft is saved')
    await page.click('.go')
    await status('Done')
    await page.click('[role=status] a')
    await page.waitForURL(/\/en\/r\//)
    record = page.url().split('/').pop()
    same(await page.locator('h1').textContent(), 'زقورة أور <b>&')
  })

await test('it is found, opened, downloaded, and the same', async () => {
  await page.fill('#q', 'زقوره')
  await page.press('#q', 'Enter')
  await page.click(`.cards a[href$="${record}"]`)
  const [download] = await Promise.all([page.waitForEvent('download'),
    page.locator('.files .button').first().click()])
  same(download.suggestedFilename(), 'ur.bin')
  const got = readFileSync(await download.path())
  same(sha256(got), sha256(bytes))
  const shown = await page.locator('.files .long').first().textContent()
  same(shown, sha256(bytes))
  await page.click('.files .row a:nth-child(2)')
  same(await page.locator('td').first().textContent(), '1')
})

await test('the draft is gone, another comes back after a reload', async () => {
  await page.goto(site.origin + '/en/publish')
  await pair()
  same(await page.locator('.drafts option').count(), 1)
  await page.fill('input[name=collection]', 'test/desk')
  await page.fill('input[name=title]', 'only begun')
  await page.click('.save')
  await status('draft is saved')
  await page.reload()
  await pair()
  await page.waitForFunction(() =>
    document.querySelectorAll('.drafts option').length === 2)
  await page.selectOption('.drafts', { index: 1 })
  await page.waitForFunction(() =>
    document.querySelector('input[name=title]').value === 'only begun')
})

await test('a new version keeps the files; a withdrawal ends it', async () => {
  await page.goto(`${site.origin}/en/r/${record}`)
  await page.click('a[href*="publish?edit="]')
  await pair()
  await page.waitForFunction(() =>
    document.querySelectorAll('form.record .files li').length === 2)
  await page.fill('input[name=title]', 'زقورة أور، مصححة')
  await page.click('.go')
  await status('Done')
  await page.click('[role=status] a')
  await page.waitForURL(/\/en\/r\//)
  const second = page.url().split('/').pop()
  holds(second !== record, 'the same id')
  same(await page.locator('.files > li').count(), 2)
  await page.click('a[href*="publish?edit="]')
  await pair()
  await page.waitForSelector('.withdraw', { state: 'visible' })
  await page.fill('.withdraw input', 'a test')
  await page.click('.withdraw button')
  await status('withdrawn')
  const gone = await page.goto(`${site.origin}/en/r/${second}`)
  same(gone.status(), 404)
})

await test('editing one language leaves the others', async () => {
  await page.goto(`${site.origin}/ar/publish?edit=${site.ids.newton}`)
  await pair()
  await page.waitForFunction(() =>
    document.querySelector('input[name=title]').value.includes('نيوتن'))
  await page.fill('input[name=title]', 'قوانين نيوتن الثلاثة')
  await page.click('.go')
  await status('تم')
  const id = (await page.getAttribute('[role=status] a', 'href')).split('/')
    .pop()
  const { record: made } = await (await page.request.get(
    `${site.origin}/api/1/record/${id}`)).json()
  same(made.title.ar, 'قوانين نيوتن الثلاثة')
  same(made.title.en, "Newton's laws of motion")
  same(Object.keys(made.text).sort(), ['ar', 'ckb', 'en'])
  same(made.files.length, 4)
})

await test('locking ends it for every page', async () => {
  await page.goto(site.origin + '/en/publish')
  await pair()
  await page.click('.lock')
  await page.waitForSelector('.pair .show', { state: 'visible' })
  await page.waitForFunction(() => document.querySelector('.paired').hidden)
})

const lua = (program, ...args) => execFileSync(process.env.LUA ?? 'lua5.4',
  ['-e', `local mahatta = require "mahatta"; ${program}`, '-', ...args],
  { input: '', encoding: 'utf8' })

await test('a carry file comes in, a slip is answered with one', async () => {
  const other = join(scratch, 'other.mahatta')
  const car = join(scratch, 'other.car.zst')
  const slip = join(scratch, 'other.slip')
  lua(`local s = assert(mahatta.open("${other}"))
    assert(s:publish("far/away", { type = "idea", title = "Brought by hand" }))
    assert(assert(s:pack("${car}")):run()); assert(s:slip("${slip}"))`)
  await page.goto(site.origin + '/en/take')
  await pair()
  await page.setInputFiles('#carry', car)
  await status('Done: 1')
  const hit = await page.request.get(
    `${site.origin}/api/1/search?q=brought+hand`)
  same((await hit.json()).items[0].collection, 'far/away')
  await page.setInputFiles('#carry', slip)
  await status('Done')
  const [download] = await Promise.all([page.waitForEvent('download'),
    page.click('[role=status] a')])
  const back = join(scratch, 'back.car.zst')
  await download.saveAs(back)
  const added = lua(`local s = assert(mahatta.open("${other}"))
    print(assert(s:unpack("${back}")):run().added)`)
  holds(Number(added) > 60, `${added} records came`)
})

await test('a carry file is saved from the page without any script',
  async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false,
      acceptDownloads: true })
    const tab = await plain.newPage()
    await tab.goto(site.origin + '/ar/take')
    await tab.fill('input[name=c]', 'data/*')
    const [download] = await Promise.all([tab.waitForEvent('download'),
      tab.click('form[action^="/take"] button')])
    const saved = join(scratch, 'taken.car.zst')
    await download.saveAs(saved)
    const added = lua(`local s = assert(mahatta.open("${scratch}/n.mahatta"))
      print(assert(s:unpack("${saved}")):run().added)`)
    same(Number(added), 2)
    await plain.close()
  })

await test('nothing was blocked or broke', () => {
  same(seen, [])
  same(site.faults, [])
})

await browser.close()
rmSync(scratch, { recursive: true, force: true })
finish()
