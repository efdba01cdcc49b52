// SPDX-License-Identifier: 0BSD
// The site in a browser that meets hostile records and hostile pages: every
// payload through every field, forged requests, rebound names, and pages that
// try to learn what is held here.
import { createServer } from 'node:http'
import { LANGUAGES, launch, watch } from './browser.mjs'
import { finish, holds, same, serve, test } from './station.mjs'

const hostile = `${process.env.VECTORS ?? '../shared/vectors'}/own-hostile/` +
  'names-and-titles.json'
const site = await serve({ hostile })

// A page of somebody else, under a name of its own.
const evil = createServer((request, answer) => {
  answer.setHeader('content-type', 'text/html')
  answer.end('<!doctype html><title>evil</title><body>')
})
await new Promise(resolve => evil.listen(0, '127.0.0.1', resolve))
const EVIL = `http://evil.test:${evil.address().port}`
const browser = await launch([
  '--host-resolver-rules=MAP *.test 127.0.0.1',
  // Else the browser's own guard would answer first.
  '--disable-features=LocalNetworkAccessChecks,' +
    'BlockInsecurePrivateNetworkRequests'
])

const ran = page => page.evaluate(() => globalThis.pwned)

// Text that would turn or hide what stands beside it, and a title that is not
// isolated.
const shown = page => page.evaluate(() => {
  const hiding = /[\u202A-\u202E\u2066-\u2069\u200B\uFEFF\u0000-\u0008]/
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const out = []
  for (let node; (node = walk.nextNode());) {
    if (hiding.test(node.data)) out.push(node.data)
  }
  const title = document.querySelector('h1')
  if (!title.querySelector('bdi') && title.textContent !== '(no title)') {
    out.push(title.outerHTML)
  }
  return out
})

const full = process.env.FULL === '1'

await test('no payload of a record runs, and none hides or turns', async () => {
  const page = await browser.newPage()
  const seen = watch(page)
  holds(site.ids.hostile.length > 100, `${site.ids.hostile.length} records`)
  for (const [i, id] of site.ids.hostile.entries()) {
    for (const lang of full ? LANGUAGES : ['en']) {
      await page.goto(`${site.origin}/${lang}/r/${id}?full=1`)
      same(await ran(page), undefined, id)
      same(lang === 'en' ? await shown(page) : [], [], id)
      if (full || i % 4 === 0) {
        await page.goto(`${site.origin}/${lang}/r/${id}/table/1`)
        same(await ran(page), undefined, `table of ${id}`)
      }
    }
  }
  for (let n = 1; n <= site.ids.payloads.length; n += full ? 1 : 3) {
    await page.goto(`${site.origin}/ar/c/h/${n}`)
    same(await ran(page), undefined, `collection ${n}`)
  }
  // A violation of the policy would mean that markup got through, and only
  // the policy stood in its way.
  same(seen, [])
  await page.close()
})

await test('no file of people runs, whatever it is and claims', async () => {
  const context = await browser.newContext({ acceptDownloads: true })
  const page = await context.newPage()
  const seen = watch(page)
  const shown = []
  for (const [i, name] of site.ids.hostile_names.entries()) {
    for (const at of [site.files, site.origin]) {
      const path = `${at}/f/${site.ids.hostile_files}/${i + 1}/${name}`
      const download = page.waitForEvent('download', { timeout: 5000 })
        .catch(() => null)
      const answer = await page.goto(path).catch(() => null)
      if (answer === null) {
        // Never under a name that some system would run it by.
        same((await download).suggestedFilename(), name)
        continue
      }
      const type = answer.headers()['content-type']
      shown.push(`${name} ${type}`)
      same(at, site.files, path)
      await new Promise(resolve => setTimeout(resolve, 100))
      same(await page.evaluate(() => globalThis.pwned)
        .catch(() => undefined), undefined, path)
    }
  }
  same(shown.filter(one => !/ text\/plain; charset=utf-8$/.test(one)),
    ['polyglot.png image/png', 'polyglot.jpg image/jpeg'])
  same(shown.map(one => one.split(' ')[0]), ['a.txt', 'b.txt', 'utf7.txt',
    'b.txt.pdf', 'polyglot.png', 'polyglot.jpg', 'a.json', 'a.csv', 'a.md'])
  // Nor where a page of the site's own takes it for a picture or a script.
  await page.goto(`${site.origin}/en/r/${site.ids.hostile_files}`)
  const own = await page.evaluate(async ([id, names]) => {
    const got = []
    for (const [i, name] of names.entries()) {
      const script = document.createElement('script')
      const ended = new Promise(resolve => {
        script.onload = () => resolve('load')
        script.onerror = () => resolve('error')
      })
      try { script.src = `/f/${id}/${i + 1}/${name}` } catch { continue }
      document.body.append(script)
      got.push(await ended)
    }
    return [...got, globalThis.pwned ?? 'nothing']
  }, [site.ids.hostile_files, site.ids.hostile_names])
  same(own, ['nothing'], 'trusted types')
  same(seen.filter(one => !/TrustedScriptURL/.test(one)), [])
  await context.close()
})

await test('no payload of an address runs', async () => {
  const page = await browser.newPage()
  const seen = watch(page)
  const paths = ['/en/c/X', '/en/by/X', '/en/take?c=X', '/en/publish?edit=X',
    '/en/r/X', '/ckb/collections?after=X', '/X']
  // Longer addresses are not answered at all.
  const payloads = site.ids.payloads.map(one => one.slice(0, 100))
  for (const [i, payload] of payloads.entries()) {
    const own = full ? paths : [paths[i % paths.length]]
    for (const path of ['/en/search?q=X&c=X&type=X&l=X&by=X&year=X&after=X',
      ...own]) {
      const answer = await page.goto(site.origin +
        path.replaceAll('X', encodeURIComponent(payload)))
      holds(answer.status() < 500, `${path}${payload}: ${answer.status()}`)
      same(await ran(page), undefined, path + payload)
    }
  }
  same(seen, [])
  same(site.faults, [])
  await page.close()
})

await test('foreign names of this address get 421', async () => {
  const page = await browser.newPage()
  for (const path of ['/', '/en', `/en/r/${site.ids.newton}`, '/api/1',
    '/site.js']) {
    for (const port of [site.port, site.files_port]) {
      const answer = await page.goto(`http://rebound.test:${port}${path}`)
      same(answer.status(), 421, path)
      same((await answer.text()).includes('Newton'), false)
    }
  }
  await page.close()
})

await test('forged requests change nothing, are told nothing', async () => {
  const page = await browser.newPage()
  const statuses = []
  page.on('response', answer => {
    if (answer.url().startsWith(site.origin)) statuses.push(answer.status())
  })
  await page.goto(EVIL)
  const codes = site.codes.length
  const told = await page.evaluate(async origin => {
    const out = []
    for (const path of ['/api/1/code', '/api/1/pair', '/api/1/withdraw',
      '/api/1/publish', '/api/1/lock', '/api/1/upload']) {
      for (const options of [{ mode: 'no-cors' }, { mode: 'cors' },
        { mode: 'cors', headers: { 'content-type': 'application/json' } },
        { mode: 'cors', headers: { 'x-station-token': 'x' } },
        { mode: 'no-cors', credentials: 'include' }]) {
        try {
          const answer = await fetch(origin + path, { method: 'POST',
            body: '{}', ...options })
          out.push(`${answer.type} ${answer.status}`)
        } catch { out.push('blocked') }
      }
      navigator.sendBeacon(origin + path, '{}')
    }
    return [...new Set(out)]
  }, site.origin)
  holds(told.every(one => one === 'blocked' || one === 'opaque 0'),
    told.join('; '))
  for (const enctype of ['text/plain', 'multipart/form-data',
    'application/x-www-form-urlencoded']) {
    await page.goto(EVIL)
    const [answer] = await Promise.all([page.waitForNavigation(),
      page.evaluate(([origin, kind]) => {
        const form = document.createElement('form')
        Object.assign(form, { method: 'post', enctype: kind,
          action: origin + '/api/1/code' })
        document.body.append(form)
        form.submit()
      }, [site.origin, enctype])])
    same(answer.status(), 403, enctype)
  }
  holds(statuses.length > 0 && statuses.every(one => one === 403 ||
    one === 405), `statuses ${[...new Set(statuses)]}`)
  same(site.codes.length, codes)
  await page.close()
})

await test('a foreign page learns nothing of what is here', async () => {
  const page = await browser.newPage()
  await page.goto(EVIL)
  const absent = 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
  const probe = id => page.evaluate(async ([origin, files, id]) => {
    const event = (make, url, name = 'src') => new Promise(resolve => {
      const node = document.createElement(make)
      node.onload = () => resolve('load')
      node.onerror = () => resolve('error')
      setTimeout(() => resolve('silence'), 1500)
      if (make === 'link') node.rel = 'stylesheet'
      node[name] = url
      document.body.append(node)
    })
    const get = async (url, mode) => {
      try {
        const answer = await fetch(url, { mode })
        return `${answer.type} ${answer.status}`
      } catch { return 'blocked' }
    }
    const out = {}
    for (const [at, path] of [[origin, `/en/r/${id}`],
      [origin, `/ipfs/${id}?format=raw`], [files, `/f/${id}/2/photo.png`],
      [origin, `/api/1/record/${id}`], [origin, `/f/${id}/2/photo.png`]]) {
      out[path.replace(id, '')] = await Promise.all([event('img', at + path),
        event('script', at + path), event('link', at + path, 'href'),
        event('video', at + path), get(at + path, 'no-cors'),
        get(at + path, 'cors')])
    }
    // A frame: does it tell by its number of frames, or by a reach into it?
    const frame = document.createElement('iframe')
    frame.src = `${origin}/en/r/${id}`
    const loaded = new Promise(resolve => { frame.onload = resolve })
    document.body.append(frame)
    await Promise.race([loaded, new Promise(resolve =>
      setTimeout(resolve, 1500))])
    out.frame = [frame.contentWindow.length, frame.contentDocument === null]
    // A window of its own: its opener must be cut off.
    const popup = open(`${origin}/en/r/${id}`)
    await new Promise(resolve => setTimeout(resolve, 400))
    out.popup = [popup?.closed ?? null]
    return out
  }, [site.origin, site.files, id])
  same(await probe(site.ids.newton), await probe(absent))
  await page.close()
})

await test('the origin of files can reach nothing of the site', async () => {
  const page = await browser.newPage()
  await page.goto(`${site.files}/f/${site.ids.newton}/1/newton.txt`)
  const told = await page.evaluate(async origin => {
    try {
      const answer = await fetch(origin + '/api/1/station')
      return `got ${answer.status}`
    } catch { return 'blocked' }
  }, site.origin).catch(() => 'no script at all')
  holds(told !== 'got 200', told)
  await page.close()
})

await browser.close()
evil.close()
finish()
