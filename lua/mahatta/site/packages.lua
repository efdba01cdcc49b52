-- SPDX-License-Identifier: 0BSD
-- What a record is to programs of others: a Data Package (v2), a
-- schema.org/Dataset, a dataset of a DCAT catalogue.

local dagjson = require "mahatta.dagjson"
local markup = require "mahatta.site.markup"
local mahatta = require "mahatta"
local respond = require "mahatta.site.respond"
local shape = require "mahatta.site.shape"
local url = require "mahatta.site.url"

local packages = {}

local CATALOG_PAGE = 50

local function plain(s) return s and mahatta.display(s):sub(4, -4) end

local function origin(ctx) return ctx.origin end

-- All languages of a text, as JSON-LD wants them.
local function texts(value, own)
  if type(value) ~= "table" then
    return value and { ["@value"] = value, ["@language"] = own } or nil
  end
  local out = {}
  for lang, text in pairs(value) do
    out[#out + 1] = { ["@value"] = text, ["@language"] = lang }
  end
  table.sort(out, function (a, b) return a["@language"] < b["@language"] end)
  return out
end

local function file_link(ctx, id, file)
  return ctx.files_absolute .. url.path("f", id, file.number, file.name)
end

-- ---- Data Package ----

-- Names of resources are lower-case words in v2.
local function resource_name(file)
  local name = file.name:lower():gsub("[^a-z0-9._-]+", "-")
    :gsub("^[-._]+", ""):gsub("[-._]+$", "")
  return ("%s-%d"):format(name ~= "" and name or "file", file.number)
end

local function resource(ctx, id, file)
  return { name = resource_name(file), path = file_link(ctx, id, file),
    title = plain(file.name), mediatype = file.type, bytes = file.size,
    hash = file.sha256 and "sha256:" .. file.sha256 or nil,
    format = file.name:match("%.(%w+)$") }
end

-- A licence has an identifier or an address; words that are neither are no
-- licence there.
local function licenses(record)
  local id = record.license
  local name = type(id) == "string" and id:find("^[%w._-]+$") and id or nil
  local path = shape.license_link(id) or shape.link(id) or nil
  if not name and not path then return nil end
  return { { name = name, title = id, path = path } }
end

local function keywords(record)
  return type(record.tags) == "table" and #record.tags > 0 and record.tags
    or nil
end

-- The descriptor; nil for a record without files, which v2 has none for.
function packages.descriptor(ctx, entry)
  local it, resources = entry.record, {}
  for i, file in ipairs(shape.files(it)) do
    resources[i] = resource(ctx, entry.id, file)
  end
  if #resources == 0 then return nil end
  return {
    ["$schema"] = "https://datapackage.org/profiles/2.0/datapackage.json",
    name = entry.id, id = "ipfs://" .. entry.id,
    title = shape.title(it, ctx.lang), description = shape.text(it, ctx.lang),
    created = shape.stamp(entry.time), licenses = licenses(it),
    keywords = keywords(it),
    homepage = origin(ctx) .. shape.record_path(ctx.lang, entry.id),
    contributors = { { title = entry.author, roles = { "publisher" } } },
    sources = shape.link(it.source) and { { title = it.source,
      path = it.source } } or nil, resources = resources }
end

-- ---- schema.org ----

local DATASET = markup.json [[
{"@context":"https://schema.org/","@type":"Dataset","@id":{page},
"name":{name},{lang}"description":{description},"identifier":{id},
"url":{page},{license}"isAccessibleForFree":true,"datePublished":{published},
{keywords}"creator":{"@type":"Organization","name":{author}},
{files}"includedInDataCatalog":{"@type":"DataCatalog","name":{collection}}}]]
local LANG = markup.json [["inLanguage":{lang},]]
local LICENSE = markup.json [["license":{license},]]
local KEYWORDS = markup.json [["keywords":{words},]]
local FILES = markup.json [["distribution":[{files}],]]
local DOWNLOAD = markup.json [[
{"@type":"DataDownload","name":{name},"contentUrl":{link},
"encodingFormat":{type},{sha256}"contentSize":{size}}]]
local SHA256 = markup.json [["sha256":{sha256},]]

local function download(ctx, id, file)
  return DOWNLOAD({ name = plain(file.name), type = file.type,
    link = file_link(ctx, id, file), size = ("%d B"):format(file.size),
    sha256 = file.sha256 and SHA256({ sha256 = file.sha256 })
      or markup.none })
end

local DOWNLOADS = 100 -- of a record that its head tells

local function downloads(ctx, entry)
  local out = {}
  for i, file in ipairs(shape.files(entry.record)) do
    if i > DOWNLOADS then break end
    out[i] = download(ctx, entry.id, file)
  end
  return #out > 0 and FILES({ files = out }) or markup.none
end

-- What a record's page has in its head for programs: a schema.org/Dataset.
function packages.head(ctx, entry)
  local it = entry.record
  local title, lang = shape.title(it, ctx.lang)
  local license = shape.license_link(it.license)
    or type(it.license) == "string" and it.license
  return markup.data_block("application/ld+json", DATASET({
    page = origin(ctx) .. shape.record_path(ctx.lang, entry.id),
    name = title or entry.id, id = "ipfs://" .. entry.id,
    lang = lang and LANG({ lang = lang }) or markup.none,
    description = shape.short(shape.text(it, ctx.lang) or title or entry.id,
      1000),
    license = license and LICENSE({ license = license }) or markup.none,
    published = shape.stamp(entry.time),
    keywords = keywords(it) and KEYWORDS({
      words = table.concat(it.tags, ", ") }) or markup.none,
    author = entry.author, collection = entry.collection,
    files = downloads(ctx, entry) }))
end

-- ---- DCAT ----

local CONTEXT = {
  dcat = "http://www.w3.org/ns/dcat#", dct = "http://purl.org/dc/terms/",
  foaf = "http://xmlns.com/foaf/0.1/", spdx = "http://spdx.org/rdf/terms#",
  hydra = "http://www.w3.org/ns/hydra/core#",
  xsd = "http://www.w3.org/2001/XMLSchema#",
}

local function date(time)
  return { ["@value"] = shape.stamp(time), ["@type"] = "xsd:dateTime" }
end

local function agent(did)
  return { ["@id"] = did, ["@type"] = "foaf:Agent", ["foaf:name"] = did }
end

local function distribution(ctx, id, file)
  local at = file_link(ctx, id, file)
  return { ["@id"] = at, ["@type"] = "dcat:Distribution",
    ["dct:title"] = plain(file.name),
    ["dcat:accessURL"] = { ["@id"] = at },
    ["dcat:downloadURL"] = { ["@id"] = at },
    ["dcat:mediaType"] = file.type,
    ["dcat:byteSize"] = { ["@value"] = ("%d"):format(file.size),
      ["@type"] = "xsd:nonNegativeInteger" },
    ["spdx:checksum"] = file.sha256 and { ["@type"] = "spdx:Checksum",
      ["spdx:algorithm"] = { ["@id"] = "spdx:checksumAlgorithm_sha256" },
      ["spdx:checksumValue"] = { ["@value"] = file.sha256,
        ["@type"] = "xsd:hexBinary" } } or nil }
end

local function dataset(ctx, entry)
  local it, parts = entry.record, {}
  for i, file in ipairs(shape.files(it)) do
    parts[i] = distribution(ctx, entry.id, file)
  end
  local title = texts(it.title, it.lang) or { ["@value"] = entry.id }
  return {
    ["@id"] = origin(ctx) .. shape.record_path(ctx.lang, entry.id),
    ["@type"] = "dcat:Dataset", ["dct:title"] = title,
    ["dct:description"] = texts(it.text, it.lang) or title,
    ["dct:identifier"] = "ipfs://" .. entry.id,
    ["dct:issued"] = date(entry.time), ["dct:publisher"] = agent(entry.author),
    ["dct:license"] = shape.license_link(it.license)
      and { ["@id"] = shape.license_link(it.license) } or nil,
    ["dcat:keyword"] = keywords(it), ["dcat:theme"] = entry.collection,
    ["dcat:distribution"] = #parts > 0 and parts or nil }
end

local NONE = { label = true, withdraw = true, profile = true,
  holdings = true, evidence = true, forecast = true }

-- One page of a collection as a catalogue; it names the next.
local function catalog(ctx, name, entries, following)
  local datasets = {}
  for _, entry in ipairs(entries) do
    if not NONE[entry.record.type] then
      datasets[#datasets + 1] = dataset(ctx, entry)
    end
  end
  local at = origin(ctx) .. "/catalog.jsonld"
  return { ["@context"] = CONTEXT,
    ["@id"] = at .. url.search({ c = name or "" }),
    ["@type"] = "dcat:Catalog", ["dct:title"] = name or ctx.words.say.name,
    ["dct:description"] = ctx.words.say.motto,
    ["dct:publisher"] = agent(ctx.site.station:id()),
    ["dcat:dataset"] = #datasets > 0 and datasets or nil,
    ["hydra:next"] = following and { ["@id"] = at
      .. url.search({ c = name or "", after = following }) } or nil }
end

-- The catalogue of catalogues: one for each collection.
local function index(ctx, names, following)
  local root = catalog(ctx, nil, {}, following)
  local parts = {}
  for i, one in ipairs(names) do
    parts[i] = { ["@id"] = origin(ctx) .. "/catalog.jsonld"
      .. url.search({ c = one.name }), ["@type"] = "dcat:Catalog",
      ["dct:title"] = one.name, ["dct:description"] = one.name,
      ["dct:publisher"] = agent(ctx.site.station:id()) }
  end
  root["dcat:catalog"] = #parts > 0 and parts or nil
  return root
end

local function json_ld(value)
  return respond.bytes("application/ld+json", dagjson.encode(value) .. "\n")
end

-- GET /catalog.jsonld?c=COLLECTION&after=CURSOR; nil, message, code.
function packages.catalog(ctx, names_of)
  local name, after = ctx.query.c, ctx.query.after
  if not name then
    return json_ld(index(ctx, names_of(ctx.site.station, after, 100)))
  end
  local page, following, code = ctx.site.station:page(name,
    { limit = CATALOG_PAGE, cursor = shape.page_cursor(ctx.query) })
  if not page then return nil, following, code end
  return json_ld(catalog(ctx, name, page, following))
end

-- GET /r/ID/datapackage.json: nil when there is none.
function packages.json(ctx, entry)
  local descriptor = packages.descriptor(ctx, entry)
  return descriptor and respond.bytes("application/json",
    dagjson.encode(descriptor) .. "\n")
end

return packages
