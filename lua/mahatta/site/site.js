// SPDX-License-Identifier: 0BSD
// What the pages that write need: pairing, uploads in pieces, jobs, drafts.
// All reading works without it. It never makes markup from text, and the
// token lives in this page's memory only.
'use strict'

const PIECE = 1024 * 1024 // the most that one request may carry
const TRIES = 5
let token = null

const $ = (query, root = document) => root.querySelector(query)

const say = key => $(`#say`)?.content
  .querySelector(`[data-key="${key}"]`)?.textContent ?? ''

async function ask (method, path, body) {
  const bytes = body instanceof Blob
  const headers = { 'Content-Type': bytes
    ? 'application/octet-stream'
    : 'application/json' }
  if (token) headers['X-Station-Token'] = token
  const answer = await fetch('/api/1/' + path, {
    method,
    headers,
    cache: 'no-store',
    credentials: 'same-origin', // there are none; to clear data asks for it
    body: method === 'GET' ? undefined : bytes ? body : JSON.stringify(body ?? {})
  })
  const json = answer.headers.get('content-type') === 'application/json'
  const value = json ? await answer.json() : {}
  if (!answer.ok) {
    const fault = new Error(value.error?.message ?? String(answer.status))
    Object.assign(fault, { status: answer.status, value })
    throw fault
  }
  return value
}

// One language of a text.
const plain = text => typeof text === 'object'
  ? Object.values(text)[0]
  : text

const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

// One file in pieces. After a break it goes on where the station stands.
async function upload (file, progress) {
  const { upload: id } = await ask('POST', 'upload', { name: file.name })
  let at = 0
  let tries = 0
  while (at < file.size) {
    try {
      const { size } = await ask('PUT', `upload/${id}?at=${at}`,
        file.slice(at, at + PIECE))
      at = size
      tries = 0
    } catch (fault) {
      if (fault.status === 409) at = fault.value.size
      else if (fault.status || ++tries > TRIES) throw fault
      else await wait(500 * tries)
    }
    progress(at)
  }
  return id
}

// Step a job until it is done.
async function work (job, progress) {
  for (;;) {
    const told = await ask('POST', `job/${job}`, {})
    if (!told.more) return told.result
    progress(told.done, told.total)
  }
}

function pairing (section, opened) {
  const form = $('.pair', section)
  const fault = $('.fault', form)
  form.hidden = false
  $('.show', form).addEventListener('click', async () => {
    try {
      await ask('POST', 'code', {})
      fault.textContent = say('js_code_shown')
    } catch { fault.textContent = say('js_offline') }
    form.elements.code.focus()
  })
  form.addEventListener('submit', async event => {
    event.preventDefault()
    try {
      token = (await ask('POST', 'pair', { code: form.elements.code.value }))
        .token
    } catch (error) {
      fault.textContent = say(error.status ? 'js_wrong_code' : 'js_offline')
      return
    }
    fault.textContent = ''
    form.elements.code.value = ''
    form.hidden = true
    $('.paired', section).hidden = false
    opened()
  })
}

function dropping (label, take) {
  const input = $('input', label)
  input.addEventListener('change', () => take([...input.files]))
  for (const name of ['dragenter', 'dragover']) {
    label.addEventListener(name, event => {
      event.preventDefault()
      label.classList.add('over')
    })
  }
  for (const name of ['dragleave', 'drop']) {
    label.addEventListener(name, () => label.classList.remove('over'))
  }
  label.addEventListener('drop', event => {
    event.preventDefault()
    take([...event.dataTransfer.files])
  })
}

function element (name, text, attributes = {}) {
  const made = document.createElement(name)
  made.textContent = text
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value)
  }
  return made
}

// A status line and a bar; begin() while something runs.
function reporter (root) {
  const bar = $('progress', root)
  const line = $('[role=status]', root)
  return {
    move (key, done, total) {
      bar.hidden = false
      bar.value = total > 0 ? 100 * done / total : 0
      line.textContent = say(key)
    },
    end (text, link) {
      bar.hidden = true
      line.textContent = text
      if (link) {
        line.append(' ', element('a', link.label, { href: link.href,
          ...(link.save ? { download: '' } : {}) }))
      }
    },
    fail (error) {
      bar.hidden = true
      line.textContent = error.status
        ? `${say('js_failed')} ${error.message}`
        : say('js_offline')
    }
  }
}

// ---- bring: carry files and slips ----

function bring (section) {
  const report = reporter(section)
  async function take ([file]) {
    if (!file) return
    try {
      const id = await upload(file, at => report.move('js_uploading', at,
        file.size))
      const slip = file.name.endsWith('.slip')
      const { job } = await ask('POST', slip ? 'pack' : 'unpack',
        { upload: id })
      const result = await work(job, (done, total) =>
        report.move('js_working', done, total))
      if (slip) {
        report.end(say('js_done'), { label: say('js_fetch'),
          href: result.link, save: true })
      } else {
        report.end(`${say('js_done')}: ${result.added} ${say('js_added')}`)
      }
    } catch (error) { report.fail(error) }
  }
  pairing(section, () => dropping($('.drop', section), take))
}

// ---- publish ----

function desk (section) {
  const form = $('form.record', section)
  const report = reporter(form)
  const shown = $('.shown', section)
  const list = $('.files', form)
  const drafts = $('.drafts', section)
  const fields = form.elements
  let files = []
  let kept = []
  let draft = null
  let original = {} // the version that is edited

  // A text that has other languages, too, keeps them.
  const texts = name => typeof original[name] === 'object'
    ? { ...original[name], [fields.lang.value]: fields[name].value }
    : fields[name].value

  const record = () => {
    const made = {
      type: fields.type.value,
      title: texts('title'),
      lang: fields.lang.value,
      license: fields.license.value
    }
    if (fields.text.value) made.text = texts('text')
    if (fields.source.value) made.source = fields.source.value
    if (fields.key.value) made.key = fields.key.value
    const tags = fields.tags.value.split(/[,،]/).map(tag => tag.trim())
      .filter(tag => tag !== '')
    if (tags.length > 0) made.tags = tags
    return made
  }

  function fill (made) {
    for (const name of ['type', 'lang', 'license', 'text', 'title', 'source',
      'key']) {
      if (typeof made[name] === 'string') fields[name].value = made[name]
    }
    for (const name of ['title', 'text']) {
      if (made[name] && typeof made[name] === 'object') {
        fields[name].value = made[name][fields.lang.value] ??
          plain(made[name])
      }
    }
    fields.tags.value = (made.tags ?? []).join(', ')
  }

  function line (name, size, remove) {
    const item = element('li', '')
    item.append(element('bdi', name), ' ', element('bdi',
      `${Math.ceil(size / 1000)} kB`, { dir: 'ltr' }), ' ')
    const button = element('button', say('js_remove'), { type: 'button' })
    button.addEventListener('click', () => { remove(); showFiles() })
    item.append(button)
    return item
  }

  function showFiles () {
    list.replaceChildren(
      ...kept.map(one => line(one.name, one.size, () => {
        kept = kept.filter(other => other !== one)
      })),
      ...files.map(one => line(one.name, one.size, () => {
        files = files.filter(other => other !== one)
      })))
  }

  async function loadDrafts () {
    const { items } = await ask('GET', 'drafts')
    drafts.replaceChildren(element('option', '', { value: '' }),
      ...items.map(item => element('option',
        plain(item.draft.record?.title) || item.id.slice(0, 8), { value: item.id })))
    drafts.onchange = () => {
      const item = items.find(item => item.id === drafts.value)
      draft = item?.id ?? null
      if (item) {
        fields.collection.value = item.draft.collection ?? ''
        fill(item.draft.record ?? {})
      }
    }
  }

  async function loadRecord (id) {
    const entry = await ask('GET', `record/${id}`)
    original = entry.record
    fields.collection.value = entry.collection
    fill(entry.record)
    kept = entry.record.files ?? []
    showFiles()
    const withdraw = $('.withdraw', section)
    withdraw.hidden = false
    withdraw.addEventListener('submit', async event => {
      event.preventDefault()
      try {
        await ask('POST', 'withdraw', { id,
          reason: withdraw.elements.reason.value })
        withdraw.hidden = true
        report.end(say('js_withdrawn'))
      } catch (error) { report.fail(error) }
    })
  }

  $('.preview', form).addEventListener('click', () => {
    const made = record()
    shown.replaceChildren(
      element('h2', fields.title.value, { dir: 'auto' }),
      ...fields.text.value.split('\n').map(text =>
        element('p', text, { dir: 'auto' })),
      element('p', made.license))
    shown.hidden = false
    shown.scrollIntoView({ block: 'nearest' })
  })

  $('.save', form).addEventListener('click', async () => {
    try {
      const saved = await ask('PUT', 'draft', { id: draft ?? undefined,
        draft: { collection: fields.collection.value, record: record() } })
      draft = saved.id
      await loadDrafts()
      drafts.value = draft
      report.end(say('js_draft_saved'))
    } catch (error) { report.fail(error) }
  })

  $('.lock', section).addEventListener('click', async () => {
    await ask('POST', 'lock', {}).catch(() => {})
    token = null
    location.reload()
  })

  form.addEventListener('submit', async event => {
    event.preventDefault()
    const go = $('.go', form)
    go.disabled = true
    try {
      const total = files.reduce((sum, file) => sum + file.size, 0)
      const sent = []
      let before = 0
      for (const file of files) {
        const id = await upload(file, at => report.move('js_uploading',
          before + at, total))
        before += file.size
        sent.push({ upload: id, name: file.name })
      }
      const { job } = await ask('POST', 'publish', {
        collection: fields.collection.value, record: record(), files: sent,
        kept, edit: section.dataset.edit || undefined })
      const { id } = await work(job, (done, all) =>
        report.move('js_working', done, all))
      if (draft) await ask('DELETE', `draft/${draft}`)
      files = []
      kept = []
      draft = null
      form.reset()
      showFiles()
      await loadDrafts()
      report.end(say('js_done'), { label: say('js_open'),
        href: `/${section.dataset.lang}/r/${id}` })
    } catch (error) { report.fail(error) }
    go.disabled = false
  })

  pairing(section, () => {
    dropping($('.drop', form), chosen => {
      files.push(...chosen)
      showFiles()
    })
    loadDrafts().catch(report.fail)
    if (section.dataset.edit) {
      loadRecord(section.dataset.edit).catch(report.fail)
    }
  })
}

if ($('#bring')) bring($('#bring'))
if ($('#desk')) desk($('#desk'))
