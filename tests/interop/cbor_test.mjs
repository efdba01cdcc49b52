// SPDX-License-Identifier: 0BSD
// Our strict check against @ipld/dag-cbor, over damaged documents: we take a
// document exactly when dag-cbor decodes it and writes the same bytes again,
// and it holds nothing of what we leave out of DAG-CBOR (floats, integers
// beyond 2^53 - 1, more than 32 levels, CIDs of other forms). Parcels and
// slips of FORMAT.md are made anew here, signed by Node's own Ed25519.

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, createPrivateKey, sign } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'

const MUTANTS = Number(process.env.MUTANTS ?? 120000)
const DEPTH_MAX = 32
const OUT = 'build/interop'
let passed = 0
let failed = 0

function test(name, body) {
  try {
    body()
    passed++
  } catch (error) {
    failed++
    console.log(`not ok - ${name}: ${error.message}`)
  }
}

// --- our side ---------------------------------------------------------------

function buildOracle() {
  mkdirSync(OUT, { recursive: true })
  const base = readdirSync('src/base').filter((f) => f.endsWith('.c'))
  execFileSync(process.env.CC ?? 'cc', [
    '-std=c11', '-D_GNU_SOURCE', '-O1', '-Isrc', '-o', join(OUT, 'cbor_oracle'),
    'tests/interop/cbor_oracle.c', 'src/form/cbor.c', 'src/form/cid.c',
    'src/form/hash.c', ...base.map((f) => join('src/base', f)), '-lcrypto'
  ], { stdio: 'inherit' })
}

function ourVerdicts(inputs) {
  const parts = []
  for (const input of inputs) {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(input.length)
    parts.push(head, input)
  }
  const run = spawnSync(join(OUT, 'cbor_oracle'), {
    input: Buffer.concat(parts), maxBuffer: 1 << 28
  })
  if (run.status !== 0 || run.stdout.length !== inputs.length) {
    throw new Error(`the oracle ended early: ${run.status} ${run.signal}`)
  }
  return run.stdout
}

// --- theirs -----------------------------------------------------------------

function ourCid(cid) {
  return cid.version === 1 && [0x55, 0x70, 0x71].includes(cid.code) &&
    cid.multihash.code === 0x12 && cid.multihash.size === 32
}

function isOurs(value, depth) {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && !Object.is(value, -0)
  }
  if (typeof value === 'bigint') {
    return false // dag-cbor gives a number wherever one is exact
  }
  if (value === null || typeof value !== 'object' ||
    value instanceof Uint8Array) {
    return true
  }
  const cid = CID.asCID(value)
  if (cid !== null) {
    return ourCid(cid)
  }
  return depth < DEPTH_MAX &&
    Object.values(value).every((v) => isOurs(v, depth + 1))
}

function theirVerdict(input) {
  let value
  let again
  try {
    value = dagCbor.decode(input)
    again = dagCbor.encode(value)
  } catch {
    return false
  }
  return Buffer.compare(again, input) === 0 && isOurs(value, 0)
}

// --- inputs -----------------------------------------------------------------

let state = 20240229
function dice(sides) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 4294967296) * sides)
}

const link = CID.parse(
  'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua')

function randomScalar() {
  return [
    () => dice(30), () => -dice(300), () => dice(65536) * dice(65536),
    () => Number.MAX_SAFE_INTEGER - dice(2), () => 'متن '.repeat(dice(20)),
    () => 'k' + dice(1000), () => new Uint8Array(dice(40)), () => link,
    () => null, () => dice(2) === 0, () => []
  ][dice(11)]()
}

function randomValue(levels) {
  const kind = levels === 0 ? 2 : dice(3)
  if (kind === 0) {
    return Array.from({ length: dice(6) }, () => randomValue(levels - 1))
  }
  if (kind === 1) {
    return Object.fromEntries(Array.from({ length: dice(6) },
      () => ['k'.repeat(dice(3)) + dice(20), randomValue(levels - 1)]))
  }
  return randomScalar()
}

function loadSeeds() {
  const seeds = readdirSync('tests/fuzz/corpus/cbor')
    .map((f) => readFileSync(join('tests/fuzz/corpus/cbor', f)))
  const fixtures = join(process.env.VECTORS ?? '',
    'dag-cbor/codec-fixtures/fixtures')
  for (const path of existsSync(fixtures)
    ? readdirSync(fixtures, { recursive: true })
    : []) {
    if (path.endsWith('.dag-cbor')) {
      const bytes = readFileSync(join(fixtures, path))
      if (bytes.length < 4096) {
        seeds.push(bytes)
      }
    }
  }
  for (let i = 0; i < 300; i++) {
    seeds.push(Buffer.from(dagCbor.encode(randomValue(1 + dice(4)))))
  }
  return seeds.sort(Buffer.compare)
}

// Bytes at which CBOR changes its mind.
const KEEN = [0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x20, 0x38, 0x40, 0x57,
  0x58, 0x60, 0x61, 0x78, 0x80, 0x81, 0x9f, 0xa0, 0xa1, 0xbf, 0xd8, 0xf4, 0xf6,
  0xf7, 0xf9, 0xfb, 0xff]

function mutate(bytes, seeds) {
  const at = dice(bytes.length + 1)
  const head = bytes.subarray(0, at)
  const tail = bytes.subarray(at)
  const other = seeds[dice(seeds.length)]
  switch (dice(8)) {
    case 0: case 1: {
      const copy = Buffer.from(bytes)
      if (at < copy.length) {
        copy[at] ^= 1 << dice(8)
      }
      return copy
    }
    case 2: {
      const copy = Buffer.from(bytes)
      if (at < copy.length) {
        copy[at] = KEEN[dice(KEEN.length)]
      }
      return copy
    }
    case 3:
      return Buffer.concat([head, Buffer.of(KEEN[dice(KEEN.length)]), tail])
    case 4:
      return Buffer.concat([head, tail.subarray(1 + dice(3))])
    case 5:
      return head
    case 6: // something within a list, often still good
      return Buffer.concat([Buffer.of(0x82), bytes, other])
    default:
      return Buffer.concat([head, other.subarray(dice(other.length + 1)), tail])
  }
}

function makeInputs() {
  const seeds = loadSeeds()
  const inputs = [...seeds]
  while (inputs.length < MUTANTS) {
    let bytes = seeds[dice(seeds.length)]
    for (let steps = 1 + dice(3); steps > 0; steps--) {
      bytes = mutate(bytes, seeds)
    }
    inputs.push(bytes.subarray(0, 8192))
  }
  return inputs
}

function compare() {
  buildOracle()
  const inputs = makeInputs()
  const ours = ourVerdicts(inputs)
  let taken = 0
  let differ = 0
  inputs.forEach((input, i) => {
    const theirs = theirVerdict(input)
    taken += theirs ? 1 : 0
    if (theirs !== (ours[i] === 1)) {
      differ++
      if (differ <= 10) {
        console.log(`  we say ${ours[i]}, they say ${Number(theirs)}: ` +
          input.toString('hex').slice(0, 400))
      }
    }
  })
  console.log(`  ${inputs.length} inputs, ${taken} taken, ${differ} differ`)
  if (differ > 0) {
    throw new Error(`${differ} verdicts differ`)
  }
  if (taken < inputs.length / 50 || taken > inputs.length / 2) {
    throw new Error('the mutants no longer try both sides')
  }
}

// --- the worked examples ----------------------------------------------------

const SEED = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'
const KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'

function examples() {
  const text = readFileSync('src/FORMAT.md', 'utf8')
  return [...text.matchAll(/^```hex\n([^`]*)^```/gm)]
    .map((m) => m[1].replace(/#.*$/gm, '').replace(/\s/g, ''))
}

function expectExample(name, bytes) {
  if (!examples().includes(Buffer.from(bytes).toString('hex'))) {
    throw new Error(`FORMAT.md does not show this ${name}`)
  }
}

function cidOf(value) {
  const hash = createHash('sha256').update(dagCbor.encode(value)).digest()
  return CID.createV1(0x71, digest.create(0x12, hash))
}

function unhex(hex) {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

function signed(domain, map) {
  const der = Buffer.from('302e020100300506032b657004220420' + SEED, 'hex')
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const message = Buffer.concat([Buffer.from(domain + '\0'),
    dagCbor.encode(map)])
  return dagCbor.encode(
    { ...map, sig: new Uint8Array(sign(null, message, key)) })
}

function parcelExample() {
  expectExample('parcel', signed('mahatta/parcel/1', {
    kind: 'parcel/1',
    time: 1700000000,
    author: unhex(KEY),
    records: [cidOf({ type: 'x' }), cidOf({ type: 'y' })],
    collection: 'edu/physics'
  }))
}

function slipExample() {
  expectExample('slip', signed('mahatta/slip/1', {
    kind: 'slip/1',
    salt: unhex('000102030405060708090a0b0c0d0e0f'),
    time: 1700000000,
    author: unhex(KEY),
    budget: 8589934592,
    wishes: [
      { have: unhex('00000000000000018000000000000000'),
        want: [cidOf({ type: 'x' })],
        files: 10485760,
        collection: 'edu/*' },
      { have: unhex(''), want: [], files: 0, collection: 'news' }
    ]
  }))
}

function setsExample() {
  const digest = Uint8Array.from({ length: 32 }, (_, i) => i)
  expectExample('slip with sets', signed('mahatta/slip/2', {
    kind: 'slip/2',
    salt: unhex('000102030405060708090a0b0c0d0e0f'),
    sets: [{ name: 'edu/physics', count: 3, digest,
      sketch: unhex('0000000101' + '0000000000000102' +
        '00000000000003065a1de9e0') }],
    time: 1700000000,
    author: unhex(KEY),
    budget: 8589934592,
    wishes: [
      { have: unhex(''), want: [], files: 10485760, collection: 'edu/*' }
    ]
  }))
}

function recordExample() {
  expectExample('record', dagCbor.encode({
    type: 'lesson',
    key: 'newton',
    lang: 'ar',
    title: { ar: 'قوانين نيوتن', en: "Newton's laws" },
    tags: ['physics'],
    license: 'CC-BY-4.0',
    files: [{
      name: 'newton.pdf',
      type: 'application/pdf',
      size: 1234567,
      data: CID.parse(
        'bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')
    }]
  }))
}

test('the check agrees with dag-cbor', compare)
test('FORMAT.md: parcel', parcelExample)
test('FORMAT.md: slip', slipExample)
test('FORMAT.md: slip with sets', setsExample)
test('FORMAT.md: record', recordExample)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
